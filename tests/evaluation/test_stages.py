"""The stage evaluate, through its real command line, on a small run folder."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import yaml
from PIL import Image

from pipeline import settings
from pipeline.datasets.images import read_rgb, write_png
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.metrics import Picture, psnr, ssim_y
from pipeline.evaluation.score import Measure, score
from pipeline.methods import METHODS

CHECKOUT = Path(__file__).parents[2]
PARAMS = settings.load(CHECKOUT / "params.yaml")
METRICS = PARAMS.protocol.metrics
QUICK = PARAMS.protocol.model_copy(update={"metrics": ["psnr"]})


def run(stage, folder, *arguments):
    command = [sys.executable, "-m", f"stages.{stage}", "--preset", "sample", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def picture(path, height, width, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def dataset(project, name, scale, with_hr=True):
    """Two test pairs (the second too small for SSIM) and a training pair that must not be touched."""
    rows = []
    for number, (role, height) in enumerate([("train", 24), ("test", 24), ("test", 16)]):
        hr, lr = f"{number}_HR.png", f"{number}_LR.png"
        picture(project / "runs/sample/raw" / name / lr, height // scale, 32 // scale, number)
        if with_hr:
            picture(project / "runs/sample/raw" / name / hr, height, 32, number + 10)
        truth = hr if with_hr else ""
        files = {"collection": name, "hr": truth, "lr": lr}
        rows.append({"id": f"id{number}", "role": role, **files, "height": height, "width": 32})
    split = project / "runs/sample/splits" / f"{name}.csv"
    split.parent.mkdir(parents=True, exist_ok=True)
    columns = ["id", "role", "collection", "hr", "lr", "hr_sha256", "lr_sha256", "height", "width"]
    with split.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def only(project, **study):
    """The shipped params with other axes of the study."""
    params = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
    params["study"] |= study
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


@pytest.fixture(scope="module")
def restored(tmp_path_factory, pretrained):
    """A project whose `realsr` and `realsr_zero` are restored by bicubic and scored (read only)."""
    project = tmp_path_factory.mktemp("project")
    only(project, interpolations=["bicubic"], configurations=[], rivals=[])
    (project / "runs/sample").mkdir(parents=True)
    (project / "runs/sample/pretrained").symlink_to(pretrained)
    dataset(project, "realsr", 4)
    dataset(project, "realsr_zero", 4, with_hr=False)
    for name in ("realsr", "realsr_zero"):
        done = run("evaluate", project, "--dataset", name)
        assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(restored, tmp_path):
    """A copy of `restored` to spoil."""
    return Path(shutil.copytree(restored, tmp_path / "project", symlinks=True))


def evaluated(root, methods=("bicubic",), name="realsr", params=PARAMS, protocol=QUICK):
    """The function behind the stage, with one metric that is soon computed."""
    evaluate(root, name, methods, params, "sample", protocol)


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(done, *words):
    """One message, status 1, no traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    messages = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1, done.stderr
    for word in words:
        assert word in messages[0]


def test_it_writes_the_test_images_and_their_provenance(restored):
    folder = restored / "runs/sample/restored/realsr/bicubic"
    assert sorted(file.name for file in folder.iterdir()) == ["id1.png", "id2.png", "restored.json"]
    description = json.loads((folder / "restored.json").read_text())
    assert len(description.pop("fingerprint")) == 12
    nothing = {"run": None, "checkpoint": None, "at_scale_1": None}
    assert description == {"method": "bicubic", "dataset": "realsr", **nothing}
    lr = read_rgb(restored / "runs/sample/raw/realsr/1_LR.png")
    assert np.array_equal(read_rgb(folder / "id1.png"), METHODS["bicubic"](4)([lr])[0])


def test_scores_have_a_row_an_image_in_full_precision(restored):
    root = restored / "runs/sample"
    file = root / "scores/realsr/bicubic.csv"
    frame = pd.read_csv(file)
    assert list(frame.columns) == ["image", *METRICS]
    assert list(frame["image"]) == ["id1", "id2"]
    files = root / "restored/realsr/bicubic/id1.png", root / "raw/realsr/1_HR.png"
    pair = [Picture(read_rgb(file), 4) for file in files]
    assert frame["psnr"][0] == psnr(*pair)
    assert frame["ssim_y"][0] == ssim_y(*pair)


def test_a_value_that_is_not_defined_is_an_empty_cell(restored):
    lines = (restored / "runs/sample/scores/realsr/bicubic.csv").read_text().splitlines()
    row = dict(zip(["image", *METRICS], lines[2].split(","), strict=True))
    assert row["image"] == "id2"
    assert {name for name in METRICS if row[name] == ""} == {"ssim", "ssim_y", "lpips", "niqe"}
    assert all(float(row[name]) > 0 for name in ("psnr", "psnr_y", "lpips_vgg", "dists"))


def test_without_ground_truth_full_reference_columns_are_empty(restored):
    lines = (restored / "runs/sample/scores/realsr_zero/bicubic.csv").read_text().splitlines()
    empty = "," * len(METRICS)
    assert lines == [",".join(["image", *METRICS]), f"id1{empty}", f"id2{empty}"]


def times(root):
    """When each restored image was written."""
    return {file: file.stat().st_mtime_ns for file in (root / "restored/realsr").rglob("*.png")}


def test_a_second_run_restores_nothing_and_gives_the_same_bytes(project):
    root = project / "runs/sample"
    before, written = contents(root), times(root)
    done = run("evaluate", project, "--dataset", "realsr")
    assert done.returncode == 0, done.stderr
    assert "restore realsr" not in done.stderr
    assert "score realsr: 2/2, " in done.stderr
    assert (contents(root), times(root)) == (before, written)


def test_without_its_restored_images_it_makes_them_anew_and_a_log_has_plain_lines(project):
    root = project / "runs/sample"
    before = contents(root)
    shutil.rmtree(root / "restored/realsr")
    done = run("evaluate", project, "--dataset", "realsr")
    assert done.returncode == 0, done.stderr
    assert "restore realsr: 2/2, " in done.stderr
    assert "\r" not in done.stderr
    assert contents(root) == before


def test_another_metric_restores_nothing(project):
    root = project / "runs/sample"
    written = times(root)
    evaluated(root)
    assert times(root) == written
    assert (root / "scores/realsr/bicubic.csv").read_text().startswith("image,psnr\n")


def test_another_method_restores_its_own_images_alone_and_one_that_has_gone_is_removed(project):
    root = project / "runs/sample"
    written = times(root)
    evaluated(root, ["bicubic", "lanczos"])
    assert times(root).items() > written.items()
    assert {file.name for file in (root / "scores/realsr").iterdir()} == {"bicubic.csv", "lanczos.csv"}
    evaluated(root, ["lanczos"])
    for kind in ("restored", "scores"):
        assert {file.stem for file in (root / kind / "realsr").iterdir()} == {"lanczos"}


def test_other_pixels_are_restored_again(project):
    root = project / "runs/sample"
    before = contents(root / "restored/realsr")
    picture(root / "raw/realsr/1_LR.png", 6, 8, 77)
    evaluated(root)
    after = contents(root / "restored/realsr")
    assert {name for name in after if after[name] != before[name]} == {"bicubic/id1.png", "bicubic/restored.json"}


def test_other_code_restores_again(project, monkeypatch):
    root = project / "runs/sample"
    written = times(root)
    monkeypatch.setattr("pipeline.evaluation.restore.source_hash", lambda parts: "other")
    evaluated(root)
    assert all(moment > written[file] for file, moment in times(root).items())


def test_what_was_restored_before_an_error_is_taken_up(project, monkeypatch):
    root = project / "runs/sample"
    before = contents(root / "restored")
    shutil.rmtree(root / "restored/realsr")
    monkeypatch.setattr("pipeline.evaluation.restore.write_png", failing_at("id2", write_png))
    with pytest.raises(OSError, match="disk full"):
        evaluated(root)
    assert not (root / "restored/realsr").exists()
    (made,) = (root / "state").glob("*/id1.png")
    moment = made.stat().st_mtime_ns
    monkeypatch.undo()
    evaluated(root)
    assert (root / "restored/realsr/bicubic/id1.png").stat().st_mtime_ns == moment
    assert contents(root / "restored") == before
    assert not list((root / "state").iterdir())


def failing_at(name, write):
    def failing(path, pixels):
        if name in path.name:
            raise OSError(28, "disk full")
        write(path, pixels)

    return failing


def test_images_are_scored_while_the_next_are_restored(project, monkeypatch):
    monkeypatch.chdir(project)
    root = Path("runs/sample")
    before = contents(root / "restored")
    shutil.rmtree(root / "restored/realsr")
    monkeypatch.setattr("pipeline.evaluation.evaluate.AT_ONCE", 1)
    monkeypatch.setattr("pipeline.evaluation.scoring.score", score_and_tell)
    monkeypatch.setattr("pipeline.evaluation.restore.write_png", write_when_the_first_is_scored)
    evaluated(root)
    assert contents(root / "restored") == before


def score_and_tell(cases, folders, measure):
    rows = score(cases, folders, measure)
    Path("scored").touch()
    return rows


def write_when_the_first_is_scored(path, pixels):
    patience = time.monotonic() + 120
    while "id2" in path.name and not Path("scored").exists():
        assert time.monotonic() < patience, "the first image is not scored before the second is restored"
        time.sleep(0.01)
    write_png(path, pixels)


def test_the_scoring_process_ends_with_the_one_that_started_it(project):
    script = (
        "import multiprocessing, os, signal, sys; from pathlib import Path\n"
        "from pipeline.evaluation.score import Measure; from pipeline.evaluation.scoring import scoring\n"
        "if __name__ == '__main__':\n"
        "    with scoring(Measure(('psnr',), Path('none'), 'cpu', 4, 4)) as scores:\n"
        "        scores.add([], []); list(scores.results())\n"
        "        print(multiprocessing.active_children()[0].pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (project / "killed.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "killed.py"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(done.stdout)).wait(timeout=60)


def test_a_scoring_process_that_is_killed_is_explained(project, monkeypatch):
    root = project / "runs/sample"
    before = contents(root)
    monkeypatch.setattr("pipeline.evaluation.scoring.score", die)
    with pytest.raises(UserError, match=r"was killed, most likely for want of memory"):
        evaluated(root)
    assert contents(root) == before


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_missing_split_is_named(project):
    (project / "runs/sample/splits/realsr.csv").unlink()
    refused(run("evaluate", project, "--dataset", "realsr"), "realsr.csv", "dvc repro")


@pytest.mark.parametrize(
    "text", ["", "id,role,hr,lr\nid1,train,a,b\n", "id,role\nid1,test\n", "id,role,hr,lr\nx\n"]
)
def test_a_broken_split_is_named(tmp_path, text):
    split = tmp_path / "splits/realsr.csv"
    split.parent.mkdir()
    split.write_text(text)
    with pytest.raises(UserError, match=r"realsr\.csv.*dvc repro"):
        read_cases(tmp_path, "realsr")


def test_a_truncated_lr_image_is_named_and_the_old_images_stay(project):
    root = project / "runs/sample"
    lr = root / "raw/realsr/2_LR.png"
    lr.write_bytes(lr.read_bytes()[:-30])
    before = contents(root / "restored")
    refused(run("evaluate", project, "--dataset", "realsr"), "2_LR.png")
    assert contents(root / "restored") == before


def test_a_truncated_hr_image_is_named_and_the_old_scores_stay(project):
    root = project / "runs/sample"
    hr = root / "raw/realsr/2_HR.png"
    hr.write_bytes(hr.read_bytes()[:60])
    before = contents(root)
    refused(run("evaluate", project, "--dataset", "realsr"), "2_HR.png")
    assert contents(root) == before


@pytest.mark.parametrize("name", ["2_HR.png", "2_LR.png"])
def test_a_missing_image_is_named(project, name):
    root = project / "runs/sample"
    (root / "raw/realsr" / name).unlink()
    before = contents(root)
    with pytest.raises(UserError, match=f"raw/realsr/{name}: missing"):
        evaluated(root)
    assert contents(root) == before


def test_a_restored_image_of_another_size_is_named(project):
    root = project / "runs/sample"
    picture(root / "restored/realsr/bicubic/id1.png", 16, 32, 0)
    with pytest.raises(UserError, match=r"id1\.png is 32x16 .*1_HR\.png is 32x24"):
        evaluated(root)


@pytest.mark.parametrize(
    ("dataset", "method", "message"),
    [
        ("realsr", "bicubc", "'bicubc'; known are identity, bicubic, bicubic_matlab, lanczos, plain.*real_esrgan"),
        ("realsr", "identity", "scale 1 only"),
        ("realsr", "full", r"models/realsr/full/model\.json is missing"),
        ("realsr_zero", "full", r"models/ntire2020/full/model\.json is missing"),
        ("realsr", "real_esrgan", r"rivals/real_esrgan\.json is missing"),
    ],
)
def test_an_impossible_method_is_explained(restored, dataset, method, message):
    before = contents(restored)
    with pytest.raises(UserError, match=message):
        evaluated(restored / "runs/sample", [method], dataset)
    assert contents(restored) == before


def test_missing_weights_are_named_with_the_command_that_makes_them(project):
    (project / "runs/sample/pretrained").unlink()
    before = contents(project / "runs/sample")
    done = run("evaluate", project, "--dataset", "realsr")
    refused(done, "pretrained/alexnet_lpips/weights.safetensors is missing", "LPIPS", "dvc repro weights")
    assert contents(project / "runs/sample") == before


def test_scores_do_not_depend_on_what_else_is_scored(project):
    root = project / "runs/sample"
    before = (root / "scores/realsr/bicubic.csv").read_bytes()
    evaluated(root, ["lanczos", "bicubic"], protocol=PARAMS.protocol)
    assert (root / "scores/realsr/bicubic.csv").read_bytes() == before
    assert (root / "scores/realsr/lanczos.csv").read_bytes() != before


@pytest.mark.parametrize("threads", [2, 5])
def test_scores_do_not_depend_on_how_many_images_are_scored_at_once(restored, threads):
    root = restored / "runs/sample"
    measure = Measure(tuple(METRICS), root / "pretrained", "cpu", 4, 4)
    rows = score(read_cases(root, "realsr"), [root / "restored/realsr/bicubic"], measure, threads=threads)
    written = pd.read_csv(root / "scores/realsr/bicubic.csv")
    pd.testing.assert_frame_equal(pd.DataFrame([row for (row,) in rows]), written, check_exact=True)
