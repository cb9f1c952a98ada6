"""A training does not wait for MLflow, and nothing of it is lost: sent as it goes on, or by the next process."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.tracking import Input, deliver_all, mirrored, outbox, tracked
from pipeline.tracking.store import open_store, store_uri
from tests.test_tracking import FACTS, curve, runs, write_history

PICTURE = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


@pytest.fixture
def live(monkeypatch):
    """Every run is sent to from its first line on."""
    monkeypatch.setattr(outbox, "LIVE_SECONDS", 0.0)


def waiting():
    return list(outbox._waiting(open_store(store_uri())))


def train(folder, name="full", lines=5):
    """A training that leaves a history, two images and a model."""
    history = write_history(folder / "history.jsonl", range(lines))
    out = folder / "out"
    out.mkdir(exist_ok=True)
    (out / "generator.safetensors").write_bytes(b"weights")
    inputs = {"pack": Input("realsr-pack", "training", Path("runs/packs/realsr"), "ab" * 32)}
    settings = {"halve_at": (60,), "objective": {"pix": 0.01, "adv": None}}
    with mirrored(
        "sample", name, params=settings, environment=FACTS, inputs=inputs, tables=("V",), title="its title"
    ) as run:
        for step in (0, lines - 1):
            run.image("validation/image", PICTURE, step=step)
            run.history(history)
        run.model(out, "full-s1")


def everything(client):
    """What the store holds of its one training."""
    (run,) = [run for run in runs(client) if run.data.tags.get("study.run") == "full"]
    number = run.info.run_id
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    files = {Path(file.path).name.split("+")[0:3][2] for file in client.list_artifacts(number, "images")}
    tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    return {
        "curve": curve(client, run, "train/pix"),
        "params": run.data.params,
        "tags": tags,
        "title": run.info.run_name,
        "inputs": [data.dataset.name for data in run.inputs.dataset_inputs],
        "images": files,
        "model": (model.name, sorted(path.name for path in Path(model.artifact_location[7:]).iterdir())),
        "status": run.info.status,
        "source": run.data.tags["mlflow.source.name"],
    }


def test_a_short_training_leaves_all_that_it_had_to_send_and_the_next_scoring_sends_it(store, tmp_path):
    began = time.time()
    train(tmp_path)
    ended = time.time()
    assert store.get_experiment_by_name("cria-cl/sample") is None
    assert len(waiting()) == 1
    # The next training replaces what this one made.
    (tmp_path / "out" / "generator.safetensors").unlink()
    (tmp_path / "history.jsonl").unlink()
    with tracked("sample", "score", params={}, environment=FACTS):
        pass
    assert waiting() == []
    found = everything(store)
    assert found["curve"] == [(k, k / 10) for k in range(5)]
    assert found["images"] == {"0", "4"}
    assert found["model"] == ("full-s1", ["generator.safetensors"])
    assert (found["status"], found["title"], found["inputs"]) == ("FINISHED", "its title", ["realsr-pack"])
    assert found["params"] == {"halve_at": "[60]", "objective.pix": "0.01"}
    (run,) = [run for run in runs(store) if run.info.run_name == "its title"]
    assert began <= run.info.start_time / 1000 + 1e-3 <= run.info.end_time / 1000 + 2e-3 <= ended + 1
    moments = {point.timestamp for point in store.get_metric_history(run.info.run_id, "train/pix")}
    assert moments == {run.info.end_time}
    image = next(file for file in store.list_artifacts(run.info.run_id, "images") if file.path.endswith("png"))
    from PIL import Image

    np.testing.assert_array_equal(Image.open(store.download_artifacts(run.info.run_id, image.path)), PICTURE)


def test_a_live_training_has_in_the_store_what_a_short_one_has(store, tmp_path, monkeypatch):
    train(tmp_path)
    deliver_all()
    afterwards = everything(store)
    for run in runs(store):
        store.delete_run(run.info.run_id)
    monkeypatch.setattr(outbox, "LIVE_SECONDS", 0.0)
    train(tmp_path)
    assert everything(store) == afterwards


def test_a_long_training_is_in_the_store_as_it_goes_on(store, tmp_path, live):
    history = write_history(tmp_path / "history.jsonl", range(3))
    with mirrored("sample", "full", params={}, environment=FACTS) as run:
        run.history(history)
        while not (
            store.get_experiment_by_name("cria-cl/sample") and (found := runs(store)) and found[0].data.metrics
        ):
            time.sleep(0.05)
        assert found[0].info.status == "RUNNING"
        write_history(history, range(9))
        run.history(history)
    (found,) = runs(store)
    assert (found.info.status, curve(store, found, "train/pix")[-1]) == ("FINISHED", (8, 0.8))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mlflow")]


@pytest.mark.parametrize("seconds", [0.0, 20.0])
@pytest.mark.parametrize(
    ("error", "status"), [(SystemExit(75), "KILLED"), (UserError("the term `perc` became nan"), "FAILED")]
)
def test_how_a_training_ended_is_told(store, tmp_path, monkeypatch, seconds, error, status):
    monkeypatch.setattr(outbox, "LIVE_SECONDS", seconds)
    history = write_history(tmp_path / "history.jsonl", range(3))
    with pytest.raises(type(error)), mirrored("sample", "full", params={}, environment=FACTS) as run:  # noqa: PT012
        run.history(history)
        raise error
    deliver_all()
    (found,) = runs(store)
    assert found.info.status == status
    assert found.data.tags.get("error") == (str(error) if status == "FAILED" else None)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(3)]


def test_a_training_that_was_interrupted_twice_goes_on_in_its_run(store, tmp_path):
    for lines in (2, 5, 9):
        history = write_history(tmp_path / "history.jsonl", range(lines))
        with mirrored("sample", "full", params={}, environment=FACTS) as run:
            run.image("validation/image", PICTURE, step=lines)
            run.history(history)
        if lines == 2:
            deliver_all()
    deliver_all()
    (found,) = runs(store)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(9)]
    assert len(store.list_artifacts(found.info.run_id, "images")) == 6


def test_a_store_that_fails_gets_what_waits_when_it_is_mended(store, tmp_path, capsys):
    database = tmp_path / "mlflow.db"
    whole = database.read_bytes()
    database.write_text("this is no database")
    train(tmp_path)
    deliver_all()
    deliver_all()
    assert capsys.readouterr().err.count("warning: not mirrored") == 1
    database.write_bytes(whole)
    open_store.cache_clear()  # as in a new process
    deliver_all()
    assert everything(store)["status"] == "FINISHED"


def test_what_another_version_left_keeps_nobody_from_sending(store, tmp_path, capsys):
    train(tmp_path)
    (folder,) = waiting()
    left = json.loads((folder / "run.json").read_text())
    del left["description"]["name"]
    (folder / "run.json").write_text(json.dumps(left))
    train(tmp_path)
    deliver_all()
    assert waiting() == []
    assert everything(store)["status"] == "FINISHED"
    assert capsys.readouterr().err == ""


def test_an_outbox_that_cannot_be_written_costs_one_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/outbox/mlflow.db")
    for _ in range(2):
        train(tmp_path)
    assert capsys.readouterr().err.count("warning: not mirrored") == 1


DELIVERING = """
from pipeline.tracking import deliver_all
deliver_all()
"""


def test_processes_that_deliver_together_send_each_run_once(store, tmp_path, root):
    for number in range(4):
        train(tmp_path, f"full-{number}")
    environment = os.environ | {"MLFLOW_TRACKING_URI": store_uri()}
    command = [sys.executable, "-c", DELIVERING]
    others = [subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE) for _ in range(3)]
    assert [other.communicate()[1] for other in others] == [b""] * 3
    found = [run for run in runs(store) if run.data.tags.get("study.run", "").startswith("full-")]
    assert sorted(run.data.tags["study.run"] for run in found) == [f"full-{number}" for number in range(4)]


def test_the_ui_gets_what_waits(store, tmp_path, root):
    train(tmp_path)
    environment = os.environ | {"MLFLOW_TRACKING_URI": store_uri()}
    command = [sys.executable, "-m", "pipeline", "store"]
    shown = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == store_uri()
    assert everything(store)["status"] == "FINISHED"
