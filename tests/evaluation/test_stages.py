"""The stages restore and score, through their real command lines, on a small run folder."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline import settings
from pipeline.datasets.images import read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.metrics import Picture, psnr, ssim_y
from pipeline.evaluation.restore import restore
from pipeline.evaluation.score import score
from pipeline.methods import METHODS

CHECKOUT = Path(__file__).parents[2]
PARAMS = settings.load(CHECKOUT / "params.yaml")
METRICS = PARAMS.protocol.metrics


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


@pytest.fixture(scope="module")
def restored(tmp_path_factory, pretrained):
    """A project whose `realsr` and `realsr_zero` are restored by bicubic and scored (read only)."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(CHECKOUT / "params.yaml", project)
    (project / "runs/sample").mkdir(parents=True)
    (project / "runs/sample/pretrained").symlink_to(pretrained)
    dataset(project, "realsr", 4)
    dataset(project, "realsr_zero", 4, with_hr=False)
    for name in ("realsr", "realsr_zero"):
        for stage in (("restore", "--dataset", name, "--method", "bicubic"), ("score", "--dataset", name)):
            done = run(stage[0], project, *stage[1:])
            assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(restored, tmp_path):
    """A copy of `restored` to spoil."""
    return Path(shutil.copytree(restored, tmp_path / "project", symlinks=True))


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


def test_restore_writes_the_test_images_and_their_provenance(restored):
    folder = restored / "runs/sample/restored/realsr/bicubic"
    assert sorted(file.name for file in folder.iterdir()) == ["id1.png", "id2.png", "restored.json"]
    description = json.loads((folder / "restored.json").read_text())
    nothing = {"run": None, "checkpoint": None, "at_scale_1": None}
    assert description == {"method": "bicubic", "dataset": "realsr", **nothing}
    lr = read_rgb(restored / "runs/sample/raw/realsr/1_LR.png")
    assert np.array_equal(read_rgb(folder / "id1.png"), METHODS["bicubic"](4)([lr])[0])


def test_score_has_a_row_an_image_in_full_precision(restored):
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


def test_a_second_run_gives_the_same_bytes_and_a_log_plain_lines(project):
    root = project / "runs/sample"
    before = contents(root)
    done = run("restore", project, "--dataset", "realsr", "--method", "bicubic")
    assert done.returncode == 0
    assert "restore realsr bicubic: 2/2, " in done.stderr
    assert "\r" not in done.stderr
    assert run("score", project, "--dataset", "realsr").returncode == 0
    assert contents(root) == before


@pytest.mark.parametrize("stage", [("restore", "--method", "bicubic"), ("score",)])
def test_a_missing_split_is_named(project, stage):
    (project / "runs/sample/splits/realsr.csv").unlink()
    refused(run(stage[0], project, "--dataset", "realsr", *stage[1:]), "realsr.csv", "dvc repro")


@pytest.mark.parametrize(
    "text", ["", "id,role,hr,lr\nid1,train,a,b\n", "id,role\nid1,test\n", "id,role,hr,lr\nx\n"]
)
def test_a_broken_split_is_named(tmp_path, text):
    split = tmp_path / "splits/realsr.csv"
    split.parent.mkdir()
    split.write_text(text)
    with pytest.raises(UserError, match=r"realsr\.csv.*dvc repro"):
        read_cases(tmp_path, "realsr")


def test_a_truncated_lr_image_is_named_and_nothing_is_written(project):
    root = project / "runs/sample"
    lr = root / "raw/realsr/2_LR.png"
    lr.write_bytes(lr.read_bytes()[:-30])
    before = contents(root)
    refused(run("restore", project, "--dataset", "realsr", "--method", "bicubic"), "2_LR.png")
    assert contents(root) == before


def test_a_truncated_hr_image_is_named_and_the_old_scores_stay(project):
    root = project / "runs/sample"
    hr = root / "raw/realsr/2_HR.png"
    hr.write_bytes(hr.read_bytes()[:60])
    before = contents(root)
    refused(run("score", project, "--dataset", "realsr"), "2_HR.png")
    assert contents(root) == before


@pytest.mark.parametrize("name", ["raw/realsr/2_HR.png", "restored/realsr/bicubic/id2.png"])
def test_a_missing_image_is_named_by_score(project, name):
    root = project / "runs/sample"
    (root / name).unlink()
    before = contents(root)
    with pytest.raises(UserError, match=f"{name}: missing"):
        score(root, "realsr", PARAMS.protocol)
    assert contents(root) == before


def test_a_restored_image_of_another_size_is_named(project):
    root = project / "runs/sample"
    picture(root / "restored/realsr/bicubic/id1.png", 16, 32, 0)
    with pytest.raises(UserError, match=r"id1\.png is 32x16 .*1_HR\.png is 32x24"):
        score(root, "realsr", PARAMS.protocol)


def test_an_unknown_method_is_explained(restored):
    done = run("restore", restored, "--dataset", "realsr", "--method", "bicubc")
    refused(done, "bicubc", "identity, bicubic, bicubic_matlab, lanczos, plain", "real_esrgan")


@pytest.mark.parametrize(
    ("dataset", "method", "message"),
    [
        ("realsr", "identity", "scale 1 only"),
        ("realsr", "full", "models/realsr/full/model.json is missing"),
        ("realsr_zero", "full", "models/ntire2020/full/model.json is missing"),
        ("realsr", "real_esrgan", r"rivals/real_esrgan\.json is missing"),
    ],
)
def test_an_impossible_method_is_explained(restored, dataset, method, message):
    with pytest.raises(UserError, match=message):
        restore(restored / "runs/sample", dataset, method, PARAMS, "sample")


def test_missing_weights_are_named_with_the_command_that_makes_them(project):
    (project / "runs/sample/pretrained").unlink()
    before = contents(project / "runs/sample")
    done = run("score", project, "--dataset", "realsr")
    refused(done, "pretrained/alexnet_lpips/weights.safetensors is missing", "LPIPS", "dvc repro weights")
    assert contents(project / "runs/sample") == before


def test_scores_do_not_depend_on_what_else_is_scored(project):
    root = project / "runs/sample"
    before = (root / "scores/realsr/bicubic.csv").read_bytes()
    shutil.copytree(root / "restored/realsr/bicubic", root / "restored/realsr/another")
    for number in (1, 2):
        picture(root / f"restored/realsr/another/id{number}.png", 24 if number == 1 else 16, 32, number)
    score(root, "realsr", PARAMS.protocol)
    assert (root / "scores/realsr/bicubic.csv").read_bytes() == before
    assert (root / "scores/realsr/another.csv").read_bytes() != before


@pytest.mark.parametrize("threads", [2, 5])
def test_scores_do_not_depend_on_how_many_images_are_scored_at_once(project, threads):
    root = project / "runs/sample"
    before = contents(root / "scores/realsr")
    score(root, "realsr", PARAMS.protocol, threads=threads)
    assert contents(root / "scores/realsr") == before


def test_score_without_restored_images_says_so(project):
    shutil.rmtree(project / "runs/sample/restored/realsr")
    with pytest.raises(UserError, match="restored/realsr has no restored image"):
        score(project / "runs/sample", "realsr", PARAMS.protocol)
