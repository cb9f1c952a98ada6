"""The stage evaluate, through its real command line: the images and the scores it writes, and its two processes."""

import contextlib
import importlib.metadata
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

from pipeline.datasets.images import read_rgb, write_png
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.metrics import Picture, psnr, ssim_y
from pipeline.evaluation.score import Measure, score
from pipeline.methods.classical import METHODS
from tests.evaluation.project import (
    CHECKOUT,
    METRICS,
    PARAMS,
    contents,
    evaluated,
)


def test_it_writes_the_test_images_and_their_provenance(restored):
    folder = restored / "runs/sample/restored/realsr/bicubic"
    assert sorted(file.name for file in folder.iterdir()) == ["id1.png", "id2.png", "restored.json"]
    description = json.loads((folder / "restored.json").read_text())
    assert len(description.pop("fingerprint")) == 12
    (way,) = description.pop("made")
    assert way.pop("device_name")
    assert way == {
        "device": "cpu",
        "versions": {"opencv-python": importlib.metadata.version("opencv-python")},
        "images": ["id1", "id2"],
    }
    nothing = {"seed": None, "run": None, "checkpoint": None, "at_scale_1": None}
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


def test_images_are_scored_while_the_next_are_restored(project, monkeypatch):
    monkeypatch.chdir(project)
    root = Path("runs/sample")
    before = contents(root / "restored")
    shutil.rmtree(root / "restored/realsr")
    monkeypatch.setattr("pipeline.evaluation.evaluate.AT_ONCE", 1)
    monkeypatch.setattr("pipeline.evaluation.scoring.score", score_and_tell)
    monkeypatch.setattr("pipeline.evaluation.made.write_png", write_when_the_first_is_scored)
    evaluated(root)
    assert contents(root / "restored") == before


def score_and_tell(cases, folders, measure):
    rows = score(cases, folders, measure)
    Path("scored").touch()
    return rows


def write_when_the_first_is_scored(path, pixels, texts):
    patience = time.monotonic() + 120
    while "id2" in path.name and not Path("scored").exists():
        assert time.monotonic() < patience, "the first image is not scored before the second is restored"
        time.sleep(0.01)
    write_png(path, pixels, texts)


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
