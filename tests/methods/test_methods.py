"""Methods: what they give, and what they say when they cannot."""

import cv2
import numpy as np
import pytest

from pipeline import methods
from pipeline.errors import UserError


def image(height=9, width=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def model(tmp_path):
    """A folder with a small untrained generator, as the stage train would leave it; also the network itself."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from pipeline.files import write_json
    from pipeline.networks import build_generator
    from pipeline.settings import Configuration, Network

    configuration = {"branches": True, "mask": True, "align": False, "unif": False}
    network = {"features": 8, "blocks": 1, "growth": 4, "branch_blocks": 1}
    torch.manual_seed(0)
    generator = build_generator(Configuration(**configuration), Network(**network), 4)
    save_file(generator.state_dict(), tmp_path / "generator.safetensors")
    description = {"run": "full-0", "scale": 4, "configuration": configuration, "network": network}
    write_json(tmp_path / "model.json", description)
    return tmp_path, generator.eval()


def test_identity_gives_an_equal_image_of_its_own():
    lr = image()
    sr = methods.build("identity", 1)(lr)
    assert np.array_equal(sr, lr)
    assert not np.shares_memory(sr, lr)


@pytest.mark.parametrize("scale", [2, 4])
def test_identity_is_refused_at_other_scales(scale):
    with pytest.raises(UserError, match=f"scale 1 only, not at scale {scale}"):
        methods.build("identity", scale)


def test_bicubic_is_opencvs():
    lr = image()
    expected = cv2.resize(lr, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(methods.build("bicubic", 4)(lr), expected)


def test_bicubic_keeps_a_constant_image_and_turns_with_its_input():
    restore = methods.build("bicubic", 4)
    assert np.all(restore(np.full((5, 7, 3), 93, np.uint8)) == 93)
    lr = image()
    assert np.abs(restore(lr[::-1]).astype(int) - restore(lr)[::-1]).max() <= 1


def test_bicubic_is_refused_at_scale_one():
    with pytest.raises(UserError, match="take `identity`"):
        methods.build("bicubic", 1)


def test_a_trained_method_needs_its_model(tmp_path):
    with pytest.raises(UserError, match="needs a trained model"):
        methods.build("full", 4)
    with pytest.raises(UserError, match=r"model\.json is missing"):
        methods.build("full", 4, tmp_path)


def test_a_trained_method_clamps_and_rounds_its_generators_output(model):
    import torch

    folder, generator = model
    lr = image()
    with torch.no_grad():
        output = generator(torch.from_numpy(lr.transpose(2, 0, 1)[None] / np.float32(255))).sr[0].numpy()
    expected = np.rint(np.clip(output, 0, 1) * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)
    sr = methods.build("full", 4, folder)(lr)
    assert sr.shape == (36, 48, 3)
    assert sr.dtype == np.uint8
    assert np.array_equal(sr, expected)
    assert np.array_equal(methods.build("full", 4, folder)(lr), sr)


def test_a_model_of_another_scale_is_refused(model):
    folder, _ = model
    with pytest.raises(UserError, match="trained for scale 4, the dataset needs scale 1"):
        methods.build("full", 1, folder)
