"""A rival of one's own, by the lines of checkpoints/README.md: through real command lines to a row of scores."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from pipeline import settings
from pipeline.datasets.images import read_rgb, write_png
from pipeline.degradations.bicubic import downscale
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.files import sha256
from pipeline.methods.records import Weights, build, of_row
from pipeline.methods.rows import published_row
from pipeline.networks.rrdb import RRDBNet
from pipeline.settings import Rival
from tests.evaluation.project import CHECKOUT, PARAMS, contents, dataset, refused, run


@pytest.fixture
def project(tmp_path):
    """A project with a set of either scale, a checkpoint, and the shipped params with the documented lines."""
    readme = (CHECKOUT / "checkpoints/README.md").read_text(encoding="utf-8")
    lines = yaml.safe_load(re.search(r"```yaml\n(.*?)```", readme, re.DOTALL)[1])
    params = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
    params["rivals"] |= lines["rivals"]
    assert "mine" in lines["sample"]["rivals"]
    params["study"] |= {"interpolations": [], "configurations": []}
    params["sample"]["rivals"] = ["mine"]
    params["protocol"]["metrics"] = ["psnr", "ssim"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    (tmp_path / "checkpoints").mkdir()
    save_file(network(0).state_dict(), tmp_path / "checkpoints/mine.safetensors")
    dataset(tmp_path, "realsr", 4)
    dataset(tmp_path, "camerasr", 1)
    return tmp_path


def network(seed):
    torch.manual_seed(seed)
    return RRDBNet(8, 1, 4, 4).eval()


def tensor(image):
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None] / 255


def levels(sr):
    return np.rint(255 * sr[0].clamp(0, 1).permute(1, 2, 0).numpy())


def changed(project, **rival):
    """The settings with other lines for `mine`."""
    loaded = settings.load(project / "params.yaml")
    block = Rival(**{**loaded.rivals["mine"].model_dump(), **rival})
    return loaded.model_copy(update={"rivals": {**loaded.rivals, "mine": block}})


def test_a_file_and_three_lines_make_a_row_of_scores(project):
    done = run("evaluate", project, "--dataset", "realsr")
    assert done.returncode == 0, done.stderr
    root = project / "runs/sample"
    with torch.no_grad():
        expected = levels(network(0)(tensor(read_rgb(root / "raw/realsr/1_LR.png"))))
    assert np.abs(read_rgb(root / "restored/realsr/mine/id1.png") - expected).max() <= 1
    described = json.loads((root / "restored/realsr/mine/restored.json").read_text())
    assert described["checkpoint"] == {
        "checkpoint": "checkpoints/mine.safetensors",
        "sha256": sha256(project / "checkpoints/mine.safetensors"),
        "architecture": "ESRGAN",
        "parameters": sum(parameter.numel() for parameter in network(0).parameters()),
        "scale": 4,
    }
    assert (described["run"], described["at_scale_1"]) == (None, None)
    rows = (root / "scores/realsr/mine.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["image", "id1", "id2"]


def test_at_scale_one_the_enlarged_image_is_reduced_and_rounded_once(project, monkeypatch):
    monkeypatch.chdir(project)
    root, params = project / "runs/sample", changed(project)
    evaluated("camerasr", params)
    with torch.no_grad():
        large = network(0)(tensor(read_rgb(root / "raw/camerasr/1_LR.png"))).clamp(0, 1)
    sr = read_rgb(root / "restored/camerasr/mine/id1.png")
    assert np.abs(sr - levels(downscale(large, 4))).max() <= 1
    described = json.loads((root / "restored/camerasr/mine/restored.json").read_text())
    assert described["at_scale_1"] == "enlarge_then_reduce"


def test_a_rival_that_skips_scale_one_says_so_and_has_no_image(project, monkeypatch):
    monkeypatch.chdir(project)
    root, params = project / "runs/sample", with_restore(changed(project), at_scale_1="skip")
    evaluated("camerasr", params)
    folder = root / "restored/camerasr/mine"
    assert [file.name for file in folder.iterdir()] == ["skipped.json"]
    assert "at_scale_1: skip" in json.loads((folder / "skipped.json").read_text())["why"]


def test_a_rival_of_scale_one_leaves_out_the_sets_of_scale_four(project, monkeypatch):
    monkeypatch.chdir(project)
    root, params = project / "runs/sample", changed(project, scale=1)
    evaluated("realsr", params)
    assert [file.name for file in (root / "restored/realsr/mine").iterdir()] == ["skipped.json"]
    evaluated("camerasr", params)
    assert json.loads((root / "restored/camerasr/mine/restored.json").read_text())["at_scale_1"] is None


def with_restore(params, **settings):
    restore = params.sample.restore.model_copy(update=settings)
    return params.model_copy(update={"sample": params.sample.model_copy(update={"restore": restore})})


def evaluated(name, params):
    evaluate(params, "sample", name)


def test_weights_of_the_registry_are_found_by_name(project, monkeypatch):
    monkeypatch.chdir(project)
    place = Path("runs/sample/pretrained/real_esrgan/weights.safetensors")
    place.parent.mkdir(parents=True)
    shutil.copy("checkpoints/mine.safetensors", place)
    (record,) = of_row(published_row("real_esrgan", PARAMS.rivals["real_esrgan"]), PARAMS, "sample", "realsr")
    assert record.weights == Weights(place, sha256(place), 4)
    assert build(record).network["parameters"] == sum(parameter.numel() for parameter in network(0).parameters())


def test_a_checkpoint_that_is_missing_is_named_and_nothing_is_made(project):
    (project / "checkpoints/mine.safetensors").unlink()
    before = contents(project)
    refused(
        run("evaluate", project, "--dataset", "realsr"), "checkpoints/mine.safetensors is missing", "params.yaml"
    )
    assert contents(project) == before


def test_images_of_many_sizes_all_come_back(project, monkeypatch):
    monkeypatch.chdir(project)
    root, params = project / "runs/sample", changed(project)
    split = root / "splits/realsr.csv"
    lines = [split.read_text().splitlines()[0]]
    for number, (height, width) in enumerate([(6, 8)] * 3 + [(5, 8)] * 2 + [(6, 8)]):
        pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        write_png(root / f"raw/realsr/x{number}.png", pixels)
        lines.append(f"x{number},test,realsr,,x{number}.png,,,,,{4 * height},{4 * width},")
    split.write_text("\n".join(lines) + "\n")
    one, two = root / "restored/realsr/mine", project / "two"
    evaluated("realsr", with_restore(params, batch=2))
    one.rename(two)
    evaluated("realsr", params)
    assert len(list(one.glob("*.png"))) == 6
    for file in one.glob("*.png"):
        assert np.abs(read_rgb(file).astype(int) - read_rgb(two / file.name)).max() <= 1


def test_a_broken_image_in_the_middle_leaves_nothing(project, monkeypatch):
    monkeypatch.chdir(project)
    root, params = project / "runs/sample", changed(project)
    (root / "raw/realsr/2_LR.png").write_bytes(b"\x89PNG")
    before = contents(root)
    with pytest.raises(UserError, match=r"2_LR\.png"):
        evaluated("realsr", params)
    assert contents(root) == before
