"""Methods: what they give, and what they say when they cannot."""

import cv2
import numpy as np
import pytest

from pipeline import settings
from pipeline.errors import UserError
from pipeline.methods.classical import METHODS


def image(height=9, width=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def one(method, lr):
    """The SR image of one LR image."""
    (sr,) = method([lr])
    return sr


@pytest.fixture(scope="module")
def preset(root):
    return settings.load(root / "params.yaml").sample


@pytest.fixture
def model(tmp_path):
    """A folder with a small untrained generator, as the stage train would leave it; also the network itself."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from pipeline.files import write_json
    from pipeline.networks import build

    network = {"kind": "cria", "features": 8, "blocks": 1, "growth": 4, "branch_blocks": 1, "masked": True}
    torch.manual_seed(0)
    generator = build(network, 4)
    save_file(generator.state_dict(), tmp_path / "generator.safetensors")
    write_json(tmp_path / "model.json", {"run": "full-0", "scale": 4, "network": network})
    return tmp_path, generator.eval()


def test_identity_gives_an_equal_image_of_its_own():
    lr = image()
    sr = one(METHODS["identity"](1), lr)
    assert np.array_equal(sr, lr)
    assert not np.shares_memory(sr, lr)


@pytest.mark.parametrize("scale", [2, 4])
def test_identity_is_refused_at_other_scales(scale):
    with pytest.raises(UserError, match=f"scale 1 only, not at scale {scale}"):
        METHODS["identity"](scale)


INTERPOLATIONS = {"bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_bicubic_and_lanczos_are_opencvs(name):
    images = [image(seed=seed) for seed in range(3)]
    expected = [cv2.resize(lr, None, fx=4, fy=4, interpolation=INTERPOLATIONS[name]) for lr in images]
    assert np.array_equal(METHODS[name](4)(images), expected)


def test_the_other_bicubic_is_matlabs_and_differs_from_opencvs():
    import torch

    from pipeline.degradations.bicubic import resize

    lr = image()
    exact = resize(torch.from_numpy(lr.astype(np.float64)).permute(2, 0, 1)[None], (36, 48))[0].permute(1, 2, 0)
    sr = one(METHODS["bicubic_matlab"](4), lr)
    assert np.array_equal(sr, np.clip(np.rint(exact.numpy()), 0, 255))
    assert np.abs(sr.astype(int) - one(METHODS["bicubic"](4), lr)).max() > 5


@pytest.mark.parametrize("name", [*INTERPOLATIONS, "bicubic_matlab"])
def test_interpolations_keep_a_constant_image_and_turn_with_their_input(name):
    method = METHODS[name](4)
    assert np.all(one(method, np.full((5, 7, 3), 93, np.uint8)) == 93)
    lr = image()
    assert np.abs(one(method, lr[::-1]).astype(int) - one(method, lr)[::-1]).max() <= 1


@pytest.mark.parametrize("name", [*INTERPOLATIONS, "bicubic_matlab"])
def test_interpolations_are_refused_at_scale_one(name):
    with pytest.raises(UserError, match=f"`{name}` leaves an image as it is at scale 1; take `identity`"):
        METHODS[name](1)


def test_the_settings_know_every_method_without_weights():
    from typing import get_args

    assert {"identity", *get_args(settings.Interpolation)} == set(METHODS)


def test_a_trained_method_needs_its_model(tmp_path, preset):
    from pipeline.methods.trained import trained

    with pytest.raises(UserError, match=r"model\.json is missing"):
        trained(tmp_path, 4, preset.restore, "cpu")


def test_a_trained_method_clamps_and_rounds_its_generators_output(model, preset):
    import torch

    from pipeline.methods.trained import trained

    folder, generator = model
    lr = image()
    with torch.no_grad():
        output = generator(torch.from_numpy(lr.transpose(2, 0, 1)[None] / np.float32(255)))[0].numpy()
    expected = np.rint(np.clip(output, 0, 1) * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)
    sr = one(trained(folder, 4, preset.restore, "cpu"), lr)
    assert sr.shape == (36, 48, 3)
    assert sr.dtype == np.uint8
    assert np.array_equal(sr, expected)
    assert np.array_equal(one(trained(folder, 4, preset.restore, "cpu"), lr), sr)


def test_a_model_of_another_scale_is_refused(model, preset):
    from pipeline.methods.trained import trained

    folder, _ = model
    with pytest.raises(UserError, match="trained for scale 4, the dataset needs scale 1"):
        trained(folder, 1, preset.restore, "cpu")
