"""What the stage evaluate says of broken, missing and impossible input, and that it loses nothing by it."""

import shutil
from dataclasses import replace

import pytest

from pipeline.datasets import splits
from pipeline.datasets.images import pixel_hash, read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.files import write_json
from tests.evaluation.project import contents, dataset, evaluated, picture, refused, run


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
    ("name", "method", "message"),
    [
        ("realsr", "bicubc", r"realsr has no row bicubc at sample; it has bicubic, full, real_esrgan"),
        ("realsr", "identity", "realsr has no row identity"),
        ("realsr", "full", r"models/realsr/full/seed1/model\.json is missing"),
        ("realsr_zero", "full", r"models/ntire2020/full/seed1/model\.json is missing"),
        ("realsr", "real_esrgan", r"pretrained/real_esrgan/weights\.safetensors is missing. Run `dvc repro`"),
    ],
)
def test_an_impossible_row_is_explained(restored, name, method, message):
    before = contents(restored)
    with pytest.raises(UserError, match=message):
        evaluated(restored / "runs/sample", ["bicubic", "full", "real_esrgan"], name, only=[method])
    assert contents(restored) == before


TRAIN, TEST = "ntire2020/0_HR.png", "realsr_zero/1_LR.png"


@pytest.fixture
def leaking(tmp_path):
    """realsr_zero, and a model of ntire2020, which restores it and has one of its test images to train on."""
    root = tmp_path / "runs/sample"
    dataset(tmp_path, "ntire2020", 4)
    dataset(tmp_path, "realsr_zero", 4, with_hr=False)
    folder = root / "models/ntire2020/plain/seed1"
    write_json(folder / "model.json", {"run": "plain-s1-0a1b", "scale": 4, "network": {"kind": "rrdb"}})
    (folder / "generator.safetensors").write_bytes(b"weights")
    shutil.copy(root / "raw" / TEST, root / "raw" / TRAIN)
    for name in ("ntire2020", "realsr_zero"):
        hashed(root, name)
    return root


def hashed(root, name):
    """The manifest of `dataset` with the hashes that the split writes."""
    split = root / "splits" / f"{name}.csv"
    rows = splits.read(split)
    hashes = {
        path: pixel_hash(read_rgb(root / "raw" / name / path)) for row in rows for path in (row.hr, row.lr) if path
    }
    splits.write(
        [replace(row, hr_pixels=hashes.get(row.hr, ""), lr_pixels=hashes.get(row.lr, "")) for row in rows], split
    )


def test_a_test_image_that_the_models_of_another_dataset_saw_is_refused(leaking):
    before = contents(leaking)
    with pytest.raises(
        UserError, match=rf"raw/{TRAIN} \(train\) has the same pixels as the test image .*raw/{TEST}\."
    ):
        evaluated(leaking, ["bicubic", "plain"], "realsr_zero")
    assert contents(leaking) == before


def test_where_no_model_of_the_study_restores_a_set_its_images_may_be_anywhere(leaking):
    evaluated(leaking, ["bicubic"], "realsr_zero")


def test_missing_weights_are_named_with_the_command_that_makes_them(project):
    (project / "runs/sample/pretrained").unlink()
    before = contents(project / "runs/sample")
    done = run("evaluate", project, "--dataset", "realsr")
    refused(done, "pretrained/alexnet_lpips/weights.safetensors is missing", "LPIPS", "dvc repro weights")
    assert contents(project / "runs/sample") == before
