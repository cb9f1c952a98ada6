"""MLflow mirrors the runs: right curves, one run for one training, and never a word louder than a warning."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.environment import gpu_count
from pipeline.errors import UserError
from pipeline.files import write_text
from pipeline.paths import scores_file
from pipeline.tracking import Input, record_scores, tracked
from pipeline.tracking.names import flat, lines_after, mlflow_name

FACTS = {"git": {"commit": "c" * 40, "dirty": False}, "versions": {"torch": "2.15.0"}, "dvc_stage": None}


def write_history(path, iterations):
    """A history with the terms `pix` = iteration / 10 and, at even iterations, `validation/psnr` = 20."""
    records = [
        {"iteration": k, "pix": k / 10} | ({"validation/psnr": 20.0} if k % 2 == 0 else {}) for k in iterations
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def runs(client, experiment="cria-cl/sample"):
    return client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def curve(client, run, name):
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))


def mirror(history, name="realsr-full-s1-0123456789ab"):
    with tracked("sample", name, params={}, environment=FACTS) as run:
        run.history(history)


def test_a_run_has_its_curves_settings_origin_and_files(store, tmp_path):
    history = write_history(tmp_path / "history.jsonl", range(5))
    settings = {"objective": {"pix": 0.01, "adv": None}, "halve_at": (60,), "name(1)": "full", "long": "x" * 9000}
    inputs = {"pack": Input("realsr-pack", "training", Path("runs/packs/realsr"), "ab" * 32)}
    with tracked(
        "sample", "full", params=settings, environment=FACTS, inputs=inputs, tags={"set": "realsr"}
    ) as run:
        run.history(history)
        run.metrics({"seconds": 3.0, "undefined": float("nan")}, step=4)
        run.image("sample", np.zeros((8, 16, 3), np.uint8), step=4)
        run.artifact(history, "files")
    (found,) = runs(store)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(5)]
    assert curve(store, found, "validation/psnr") == [(0, 20.0), (2, 20.0), (4, 20.0)]
    assert curve(store, found, "seconds") == [(4, 3.0)]
    assert "undefined" not in found.data.metrics
    assert found.data.params == {
        "objective.pix": "0.01",
        "halve_at": "[60]",
        "name_1_": "full",
        "long": "x" * 6000,
    }
    tags = {"git.commit": "c" * 40, "git.dirty": "false", "versions.torch": "2.15.0", "preset": "sample"}
    tags |= {"set": "realsr", "input.pack": "ab" * 32, "mlflow.source.git.commit": "c" * 40}
    assert tags.items() <= found.data.tags.items()
    (dataset,) = found.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("realsr-pack", "ab" * 6)
    assert json.loads(dataset.dataset.source) == {"uri": "runs/packs/realsr", "sha256": "ab" * 32}
    assert {tag.key: tag.value for tag in dataset.tags} == {"mlflow.data.context": "training"}
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "full"
    assert [file.path for file in store.list_artifacts(found.info.run_id, "files")] == ["files/history.jsonl"]
    images = [file.path for file in store.list_artifacts(found.info.run_id, "images")]
    assert len(images) == 2  # MLflow keeps each as png and, smaller, as webp
    assert all("sample+step+4+" in image for image in images)
    assert (tmp_path / "artifacts") in Path(found.info.artifact_uri.removeprefix("file://")).parents


def test_a_resumed_training_goes_on_in_its_run_without_a_gap_or_a_repeat(store, tmp_path):
    history = write_history(tmp_path / "history.jsonl", range(6))
    with pytest.raises(KeyError), tracked("sample", "full", params={"a": 1}, environment=FACTS) as run:  # noqa: PT012
        run.history(history)
        run.image("sample", np.zeros((8, 8, 3), np.uint8), step=4)
        raise KeyError
    assert [run.info.status for run in runs(store)] == ["FAILED"]
    # The checkpoint was at iteration 3: the lines after it are written again.
    write_history(history, range(12))
    with tracked("sample", "full", params={"a": 1}, environment=FACTS) as run:
        run.history(history)
        run.image("sample", np.zeros((8, 8, 3), np.uint8), step=4)
    (found,) = runs(store)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(12)]
    assert len(store.list_artifacts(found.info.run_id, "images")) == 2
    assert found.info.status == "FINISHED"


def test_lines_that_come_faster_than_they_are_sent_are_all_there_in_the_end(store, tmp_path):
    history = tmp_path / "history.jsonl"
    with tracked("sample", "full", params={}, environment=FACTS) as run:
        for count in range(1, 40):
            write_history(history, range(count))
            run.history(history)
    (found,) = runs(store)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(39)]


def test_a_history_longer_than_a_request_may_be(store, tmp_path):
    mirror(write_history(tmp_path / "history.jsonl", range(1500)))
    (found,) = runs(store)
    assert curve(store, found, "train/pix") == [(k, k / 10) for k in range(1500)]


def test_another_name_is_another_run_and_sigterm_is_not_a_failure(store, tmp_path):
    history = write_history(tmp_path / "history.jsonl", range(2))
    mirror(history, "one")
    with pytest.raises(SystemExit), tracked("sample", "two", params={}, environment=FACTS):
        sys.exit(75)
    assert {run.info.run_name: run.info.status for run in runs(store)} == {"one": "FINISHED", "two": "KILLED"}


def test_scores_are_a_run_with_means_over_seeds_and_the_images_that_have_a_value(store, tmp_path):
    write_text(scores_file(tmp_path, "realsr", "bicubic"), "image,psnr,niqe\na,20.0,\nb,23.0,5.0\n")
    for seed, more in ((1, 0), (2, 1)):
        text = f"image,psnr,niqe\na,{21.5 + more},\nb,{24.5 + more},\n"
        write_text(scores_file(tmp_path, "realsr", "full", seed), text)
    for _ in range(2):
        record_scores("sample", "realsr", tmp_path, params={"border": 4}, environment=FACTS)
    (found,) = runs(store)
    assert found.data.metrics == {"psnr/bicubic": 21.5, "niqe/bicubic": 5.0, "psnr/full": 23.5}
    assert found.data.tags["dataset"] == "realsr"
    assert found.data.tags["kind"] == "scoring"
    assert "| bicubic | 21.5000 | 5.0000 |\n| full | 23.5000 |  |" in found.data.tags["mlflow.note.content"]
    files = [file.path for file in store.list_artifacts(found.info.run_id, "scores")]
    assert files == ["scores/bicubic.csv", "scores/full"]
    files = [file.path for file in store.list_artifacts(found.info.run_id, "scores/full")]
    assert files == ["scores/full/seed1.csv", "scores/full/seed2.csv"]
    write_text(scores_file(tmp_path, "realsr", "full", 2), "image,psnr,niqe\na,22.0,\nb,24.5,\n")
    record_scores("sample", "realsr", tmp_path, params={"border": 4}, environment=FACTS)
    assert len(runs(store)) == 2


def test_the_ui_opens_an_experiment_on_trainings_and_says_how_to_find_them(store, tmp_path):
    for _ in range(2):
        mirror(write_history(tmp_path / "history.jsonl", range(2)))
    experiment = store.get_experiment_by_name("cria-cl/sample")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    note = experiment.tags["mlflow.note.content"]
    queries = [unquote(part.split(")")[0]) for part in note.split("&searchFilter=")[1:]]
    assert "tags.kind = 'scoring'" in queries
    assert all(f"`{query}`" in note for query in queries)
    assert f"#/experiments/{experiment.experiment_id}/runs?" in note


def test_a_title_is_what_the_ui_shows_and_the_name_finds_the_run(store):
    for title in ("", "full-s1-realsr-0a", "full-s1-realsr-0a"):
        with tracked("sample", "realsr-full-s1-0a", params={}, environment=FACTS, title=title):
            pass
    (found,) = runs(store)
    assert (found.info.run_name, found.data.tags["study.run"]) == ("full-s1-realsr-0a", "realsr-full-s1-0a")


@pytest.mark.parametrize("error", [UserError("the term `perc` became nan"), ValueError("of no use")])
def test_a_failed_run_says_why_until_it_is_run_again(store, error):
    with pytest.raises(type(error)), tracked("sample", "full", params={}, environment=FACTS):
        raise error
    (found,) = runs(store)
    assert str(error) in found.data.tags["error"]
    with tracked("sample", "full", params={}, environment=FACTS):
        (found,) = runs(store)
        assert (found.info.status, "error" in found.data.tags) == ("RUNNING", False)
    assert [run.info.status for run in runs(store)] == ["FINISHED"]


def test_a_finished_run_that_is_found_again_keeps_its_time(store, tmp_path):
    mirror(write_history(tmp_path / "history.jsonl", range(2)))
    (before,) = runs(store)
    time.sleep(0.01)
    mirror(tmp_path / "history.jsonl")
    (after,) = runs(store)
    assert (after.info.status, after.info.end_time) == ("FINISHED", before.info.end_time)


def test_the_steps_of_an_image_are_under_one_key(store):
    with tracked("sample", "full", params={}, environment=FACTS) as run:
        for step in (0, 20):
            run.image("validation", np.zeros((8, 8, 3), np.uint8), step=step)
    (found,) = runs(store)
    names = [Path(file.path).name for file in store.list_artifacts(found.info.run_id, "images")]
    assert {tuple(name.split("+")[:3]) for name in names} == {
        ("validation", "step", "0"),
        ("validation", "step", "20"),
    }


def test_a_training_has_its_network_as_its_model_once(store, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "generator.safetensors").write_bytes(b"weights")
    for _ in range(2):
        with tracked("sample", "full", params={}, environment=FACTS) as run:
            run.model(out, "a.b:c")
    (found,) = runs(store)
    (output,) = found.outputs.model_outputs
    model = store.get_logged_model(output.model_id)
    assert (model.name, model.status, model.source_run_id) == ("a_b_c", "READY", found.info.run_id)
    place = Path(model.artifact_location.removeprefix("file://"))
    assert (place / "generator.safetensors").read_bytes() == b"weights"
    assert len(store.search_logged_models([found.info.experiment_id])) == 1


def test_a_run_that_takes_long_has_the_use_of_the_machine(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    with tracked("sample", "full", params={}, environment=FACTS) as run:
        while not (found := runs(store)[0].data.metrics):
            time.sleep(0.05)
        assert "system/cpu_utilization_percentage" in found
        run.metrics({"psnr": 20.0})
    threads = [thread.name for thread in threading.enumerate()]
    assert "SystemMetricsMonitor" not in threads


@pytest.mark.skipif(gpu_count() == 0, reason="needs an NVIDIA GPU")
def test_a_run_that_takes_long_has_the_use_of_the_gpu(store, monkeypatch):
    pytest.importorskip("pynvml", reason="needs nvidia-ml-py, as in requirements.lock")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    with tracked("sample", "full", params={}, environment=FACTS):
        while not (found := runs(store)[0].data.metrics):
            time.sleep(0.05)
        assert 0 < found["system/gpu_0_memory_usage_percentage"] <= 100


SIX_AT_ONCE = """
import os, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # imported once, so that the six reach the store together
from pipeline.tracking import tracked
children = []
for number in range(6):
    child = os.fork()
    if child == 0:
        with tracked("sample", f"run-{number}", params={"number": number}, environment={}) as run:
            run.history(Path(sys.argv[1]))
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_six_trainings_that_start_together_on_no_store_all_find_their_place(root, tmp_path):
    from mlflow import MlflowClient

    history = write_history(tmp_path / "history.jsonl", range(4))
    uri = f"sqlite:///{tmp_path / 'new' / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, "-c", SIX_AT_ONCE, str(history)],
        cwd=root,
        env=os.environ | {"MLFLOW_TRACKING_URI": uri},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "warning" not in done.stderr
    client = MlflowClient(tracking_uri=uri)
    found = runs(client)
    assert sorted(run.info.run_name for run in found) == [f"run-{number}" for number in range(6)]
    assert all(curve(client, run, "train/pix") == [(k, k / 10) for k in range(4)] for run in found)
    assert runs(client, "Default") == []


@pytest.fixture
def silent_server():
    """The URI of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("store_kind", ["dead server", "silent server", "no database", "no right to write"])
def test_a_store_that_fails_costs_one_warning_and_nothing_else(
    tmp_path, monkeypatch, capsys, silent_server, store_kind
):
    junk = tmp_path / "mlflow.db"
    junk.write_text("this is no database")
    uri = {
        "dead server": "http://127.0.0.1:9",
        "silent server": silent_server,
        "no database": f"sqlite:///{junk}",
        "no right to write": "sqlite:////proc/mlflow/mlflow.db",
    }[store_kind]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    history = write_history(tmp_path / "history.jsonl", range(3))
    before = history.read_bytes()
    began = time.monotonic()
    for name in ("first", "second"):
        with tracked("sample", name, params={"a": 1}, environment=FACTS) as run:
            run.history(history)
            run.metrics({"a": 1.0})
            run.image("sample", np.zeros((8, 8, 3), np.uint8), step=1)
            run.artifact(history)
    assert time.monotonic() - began < 60  # MLflow's own patience is 245 s for each request
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1
    assert f"not mirrored to MLflow at {uri}" in warnings[0]
    assert history.read_bytes() == before
    assert junk.read_text() == "this is no database"


def test_a_store_that_breaks_during_a_training_does_not_end_it(store, tmp_path, capsys):
    database = tmp_path / "mlflow.db"
    history = write_history(tmp_path / "history.jsonl", range(3))
    with tracked("sample", "full", params={}, environment=FACTS) as run:
        database.write_bytes(b"\0" * database.stat().st_size)
        run.history(history)
        run.metrics({"a": 1.0})
    assert capsys.readouterr().err.count("warning: not mirrored") == 1


def test_a_password_in_the_address_is_not_printed(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")
    mirror(tmp_path / "history.jsonl")
    assert "secret" not in capsys.readouterr().err


def test_a_stage_that_does_not_track_does_not_import_mlflow(root):
    program = "import sys, pipeline.tracking, pipeline.environment; print(*sys.modules, sep='\\n')"
    shown = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert {"mlflow", "torch", "pandas"}.isdisjoint(shown.stdout.split())


@given(st.text())
def test_every_name_becomes_one_that_mlflow_takes(name):
    from mlflow.utils.validation import _validate_param_name

    cleaned = mlflow_name(name)
    _validate_param_name(cleaned)
    assert 1 <= len(cleaned) <= 250


@given(st.from_regex(r"[a-z0-9_]+([./ -][a-z0-9_]+)*", fullmatch=True).filter(lambda name: len(name) <= 250))
def test_a_name_that_mlflow_takes_stays(name):
    assert mlflow_name(name) == name


def test_nested_settings_get_names_with_dots():
    nested = {"a": {"b": {"c": 1.0e-4}, "d": [1, 2]}, "e": True, "f": None, "g": "text"}
    assert flat(nested) == {"a.b.c": "0.0001", "a.d": "[1, 2]", "e": "true", "g": "text"}


def test_a_line_that_is_still_being_written_waits(tmp_path):
    history = write_history(tmp_path / "history.jsonl", range(3))
    history.write_text(history.read_text() + '{"iteration": 3, "pix": 0.')
    assert [record["iteration"] for record in lines_after(history, 0)] == [1, 2]
    assert lines_after(tmp_path / "none.jsonl", 0) == []
