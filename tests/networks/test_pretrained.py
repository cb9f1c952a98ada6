"""Checkpoints of other people: told apart by their keys, loaded strictly, refused with a reason."""

import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import UserError
from pipeline.networks.edsr import EDSR, LEVELS, MEAN
from pipeline.networks.pretrained import load_pretrained
from pipeline.networks.released import ReleasedNet
from pipeline.networks.rrdb import RRDBNet

LR = torch.rand((2, 3, 6, 5), generator=torch.Generator().manual_seed(3))


def seeded(network):
    """`network` with small random weights everywhere, zero initialisations included."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(0, 0.1, generator=generator)
    return network.eval()


def as_basicsr(state):
    """An RRDB's weights under the names that BasicSR and Real-ESRGAN give them."""
    names = {"trunk_conv": "conv_body", "upconv": "conv_up", "HRconv": "conv_hr"}
    renamed = {}
    for key, value in state.items():
        name = re.sub(r"RRDB_trunk\.(\d+)\.RDB(\d)", r"body.\1.rdb\2", key)
        for old, new in names.items():
            name = name.replace(old, new)
        renamed[name] = value
    return renamed


def edsr_as_basicsr(state, blocks):
    """An EDSR's weights under BasicSR's names."""
    names = {
        "head.0": "conv_first",
        **{
            f"body.{block}.body.{inner}": f"body.{block}.conv{1 + inner // 2}"
            for block in range(blocks)
            for inner in (0, 2)
        },
        f"body.{blocks}": "conv_after_body",
        "tail.0": "upsample",
        "tail.1": "conv_last",
    }
    renamed = {}
    for key, value in state.items():
        prefix = next(name for name in names if key.startswith(f"{name}."))
        renamed[key.replace(prefix, names[prefix], 1)] = value
    return renamed


@pytest.mark.parametrize("wrapper", [None, "params_ema", "params", "state_dict"])
def test_an_esrgan_is_loaded_by_its_keys_wrapped_or_not(tmp_path, wrapper):
    network = seeded(RRDBNet(8, 1, 32, 4))
    state = as_basicsr(network.state_dict())
    torch.save({wrapper: state} if wrapper else state, tmp_path / "a.pth")
    loaded = load_pretrained(tmp_path / "a.pth", 4)
    assert (loaded.architecture, loaded.scale) == ("ESRGAN", 4)
    assert loaded.parameters == sum(parameter.numel() for parameter in network.parameters())
    with torch.no_grad():
        assert torch.allclose(loaded.enlarge(LR), network(LR).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize("scale", [4, 1])
def test_esrgans_own_keys_are_read_at_either_scale_and_any_growth(tmp_path, scale):
    network = seeded(RRDBNet(8, 2, 4, scale))
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    loaded = load_pretrained(tmp_path / "a.safetensors", scale)
    with torch.no_grad():
        assert torch.equal(loaded.enlarge(LR), network(LR))


@pytest.mark.parametrize("scale", [4, 1])
def test_cria_cl_goes_to_its_own_network_with_all_its_branches(tmp_path, scale):
    network = seeded(ReleasedNet(8, 1, 4, scale, 2, masked=True))
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    loaded = load_pretrained(tmp_path / "a.safetensors", scale)
    assert loaded.architecture.startswith("Cria-CL")
    assert loaded.parameters == sum(parameter.numel() for parameter in network.parameters())
    with torch.no_grad():
        sr = network(LR)
        assert torch.equal(loaded.enlarge(LR), sr)
        assert not torch.allclose(sr, network.conv_last(network.features(LR)), atol=1e-3)


@pytest.mark.parametrize("kept", ["branch1", "branch2", "sm", "tail_conv1"])
def test_an_incomplete_cria_cl_never_passes_for_an_esrgan(tmp_path, kept):
    state = ReleasedNet(8, 1, 32, 4, 2, masked=True).state_dict()
    extra = ("branch1", "branch2", "sm", "tail_conv")
    part = {key: value for key, value in state.items() if not key.startswith(extra) or key.startswith(kept)}
    save_file(part, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"a\.safetensors: the weights do not fit"):
        load_pretrained(tmp_path / "a.safetensors", 4)


def test_layers_that_spandrel_would_drop_are_noticed(tmp_path):
    state = as_basicsr(RRDBNet(8, 1, 32, 4).state_dict())
    save_file({**state, "refinement.weight": torch.zeros(8, 8, 3, 3)}, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="on an ESRGAN's trunk"):
        load_pretrained(tmp_path / "a.safetensors", 4)


@pytest.mark.parametrize("names", ["official", "basicsr"])
def test_an_edsr_is_loaded_under_both_its_names(tmp_path, names):
    network = seeded(EDSR(8, 2))
    if names == "basicsr":
        state = edsr_as_basicsr(network.state_dict(), 2)
    else:
        shift = LEVELS * torch.tensor(MEAN)
        identity = torch.eye(3).view(3, 3, 1, 1)
        shifts = {
            "sub_mean.weight": identity,
            "sub_mean.bias": -shift,
            "add_mean.weight": identity.clone(),
            "add_mean.bias": shift,
        }
        state = {**network.state_dict(), **shifts}
    save_file(state, tmp_path / "a.safetensors")
    loaded = load_pretrained(tmp_path / "a.safetensors", 4)
    assert (loaded.architecture, loaded.scale) == ("EDSR", 4)
    with torch.no_grad():
        assert torch.equal(loaded.enlarge(LR), network(LR))


@pytest.mark.parametrize(("features", "blocks", "count"), [(256, 32, 43_089_923), (64, 16, 1_517_571)])
def test_edsr_has_the_published_number_of_parameters(features, blocks, count):
    with torch.device("meta"):
        network = EDSR(features, blocks)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_an_edsr_without_weights_gives_the_mean_colour():
    network = EDSR(8, 1)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        assert torch.allclose(network(LR), torch.tensor(MEAN).view(1, 3, 1, 1).expand(2, 3, 24, 20))


def test_the_large_edsr_scales_its_residuals():
    assert [EDSR(features, 1).body[0].residual_scale for features in (64, 256)] == [1.0, 0.1]


def test_another_scale_than_params_says_is_refused(tmp_path):
    save_file(EDSR(8, 1).state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"EDSR of scale 4, but params\.yaml says `scale: 1`"):
        load_pretrained(tmp_path / "a.safetensors", 1)


def test_grey_networks_are_refused(tmp_path):
    state = as_basicsr(RRDBNet(8, 1, 32, 4).state_dict())
    state["conv_first.weight"] = torch.zeros(8, 1, 3, 3)
    state["conv_last.weight"], state["conv_last.bias"] = torch.zeros(1, 8, 3, 3), torch.zeros(1)
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="ESRGAN from 1 to 1 channels; the study's images are RGB"):
        load_pretrained(tmp_path / "a.safetensors", 4)


class Harm:
    """A pickle of this runs code."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_file_that_runs_code_is_not_opened(tmp_path):
    mark = tmp_path / "harmed"
    torch.save({"weight": Harm(str(mark))}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Harm(str(mark))))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(UserError, match=rf"{name}: not a checkpoint of tensors alone"):
            load_pretrained(tmp_path / name, 4)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.safetensors", b"", "not a checkpoint of tensors alone"),
        ("a.pth", b"", "not a checkpoint of tensors alone"),
        ("a.pth", b"<html>quota exceeded</html>", "not a checkpoint of tensors alone"),
        ("a.safetensors", None, r"a\.safetensors is missing"),
        ("a.pth", None, r"a\.pth is missing"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_pretrained(tmp_path / name, 4)


@pytest.mark.parametrize("held", [[1, 2], {}, {"epoch": 3}])
def test_a_checkpoint_without_weights_is_named(tmp_path, held):
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(UserError, match="holds no state dict"):
        load_pretrained(tmp_path / "a.pth", 4)


def test_weights_of_an_unknown_network_are_named(tmp_path):
    save_file({"flow.weight": torch.zeros(3)}, tmp_path / "a.safetensors")
    with pytest.raises(UserError, match=r"no network is known that has weights named flow\.weight"):
        load_pretrained(tmp_path / "a.safetensors", 4)
