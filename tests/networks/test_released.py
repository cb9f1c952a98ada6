"""The authors' layout: every key and shape of facts/methods.md 2.1, its forward, and a level start."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.files import write_json
from pipeline.networks import build, load_generator, parameter_count
from pipeline.networks.cria import start_from
from pipeline.networks.released import ReleasedNet
from pipeline.networks.rrdb import RRDBNet
from pipeline.settings import Configuration, Network

MASKED = Configuration(branches=True, mask=True, align=False, unif=False)
UNMASKED = Configuration(branches=True, mask=False, align=False, unif=False)
TINY = Network(layout="released", features=8, blocks=1, growth=4, branch_blocks=3)
AUTHORS = Network(layout="released", features=64, blocks=23, growth=32, branch_blocks=3)


def authors_shapes(nf=64, nb=23, gc=32):
    """Keys and shapes of the checkpoint, written down from the facts and not from our network."""
    convolutions = {"conv_first": (nf, 3, 3), "trunk_conv": (nf, nf, 3), "conv_last": (3, nf, 3)}
    convolutions |= dict.fromkeys(("upconv1", "upconv2", "HRconv"), (nf, nf, 3))
    for block in range(nb):
        for dense in (1, 2, 3):
            for number in (1, 2, 3, 4):
                name = f"RRDB_trunk.{block}.RDB{dense}.conv{number}"
                convolutions[name] = (gc, nf + (number - 1) * gc, 3)
            convolutions[f"RRDB_trunk.{block}.RDB{dense}.conv5"] = (nf, nf + 4 * gc, 3)
    for head in ("branch1", "branch2", "sm"):
        for index, inputs in enumerate((3, nf, nf)):
            convolutions[f"{head}.{index}.block.0"] = (nf, inputs, 3)
            convolutions[f"{head}.{index}.block.2"] = (nf, nf, 3)
            convolutions[f"{head}.{index}.conv"] = (nf, inputs, 1)
    convolutions |= dict.fromkeys(("tail_conv1", "tail_conv2"), (3, nf, 3))
    shapes = {f"{name}.weight": (o, i, k, k) for name, (o, i, k) in convolutions.items()}
    return shapes | {f"{name}.bias": (o,) for name, (o, _, _) in convolutions.items()}


def random_state(seed=0, std=0.2, **size):
    generator = torch.Generator().manual_seed(seed)
    return {key: torch.randn(shape, generator=generator) * std for key, shape in authors_shapes(**size).items()}


def by_hand(state, lr, scale):
    """out, out1, out2 and the mask, from the facts and the state dict alone; one RRDB."""

    def conv(name, x):
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    def leaky(x):
        return torch.where(x > 0, x, 0.2 * x)

    def dense(name, x):
        seen = x
        for number in (1, 2, 3, 4):
            seen = torch.cat([seen, leaky(conv(f"{name}.conv{number}", seen))], 1)
        return x + 0.2 * conv(f"{name}.conv5", seen)

    def head(name, x):
        for index in range(3):
            inner = leaky(conv(f"{name}.{index}.block.0", x))
            x = leaky(conv(f"{name}.{index}.block.2", inner)) + conv(f"{name}.{index}.conv", x)
        return x

    def doubled(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3) if scale == 4 else x

    first = x = conv("conv_first", lr)
    for number in (1, 2, 3):
        x = dense(f"RRDB_trunk.0.RDB{number}", x)
    x = first + conv("trunk_conv", first + 0.2 * x)
    x = leaky(conv("upconv2", doubled(leaky(conv("upconv1", doubled(x))))))
    mid = conv("conv_last", leaky(conv("HRconv", x)))
    mask = torch.exp(head("sm", mid))
    mask = mask / mask.sum(1, keepdim=True)
    out1 = conv("tail_conv1", mask * head("branch1", mid))
    out2 = conv("tail_conv2", (1 - mask) * head("branch2", mid))
    return out1 + out2, out1, out2, mask


def test_every_key_and_shape_and_the_parameters_of_the_facts():
    with torch.device("meta"):
        network = build(MASKED.network(AUTHORS), 4)
    ours = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert ours == authors_shapes()
    assert parameter_count(network) == 17_286_473
    heads = [network.branch1, network.branch2, network.sm]
    assert [sum(p.numel() for p in head.parameters()) for head in heads] == [195_008] * 3
    assert sum(p.numel() for p in network.tail_conv1.parameters()) == 1_731


@pytest.mark.parametrize("scale", [1, 4])
def test_a_checkpoint_with_the_authors_names_loads_strictly_and_computes_their_forward(scale):
    state = {key: value.double() for key, value in random_state(nf=8, nb=1, gc=4).items()}
    network = build(MASKED.network(TINY), scale).double()
    network.load_state_dict(state, strict=True)
    lr = torch.rand(2, 3, 6, 5, dtype=torch.float64)
    parts = network.parts(lr)
    expected = by_hand(state, lr, scale)
    assert parts.sr.shape == (2, 3, 6 * scale, 5 * scale)
    for ours, theirs in zip((parts.sr, parts.align, parts.unif, parts.channel_mask), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(parts.sr, parts.align + parts.unif)


def test_the_mask_is_a_choice_among_channels_and_drawn_as_its_largest_share():
    network = build(MASKED.network(TINY), 1)
    network.load_state_dict(random_state(nf=8, nb=1, gc=4))
    parts = network.parts(torch.rand(1, 3, 6, 5))
    assert parts.mask is None
    torch.testing.assert_close(parts.channel_mask.mean(dim=1), torch.full((1, 6, 5), 1 / 8))
    torch.testing.assert_close(parts.drawn_mask, parts.channel_mask.max(dim=1, keepdim=True).values)
    assert parts.drawn_mask.shape == (1, 1, 6, 5)
    assert parts.drawn_mask.std() > 1e-3


def test_without_a_mask_both_masks_are_a_half():
    # Over two channels, a mask network that gives equal logits is a half everywhere.
    two = TINY.model_copy(update={"features": 2})
    state = random_state(nf=2, nb=1, gc=4)
    state |= {key: torch.zeros_like(value) for key, value in state.items() if key.startswith("sm.2.")}
    masked, unmasked = (build(configuration.network(two), 1) for configuration in (MASKED, UNMASKED))
    masked.load_state_dict(state, strict=True)
    state = {key: value for key, value in state.items() if not key.startswith("sm.")}
    unmasked.load_state_dict(state, strict=True)
    lr = torch.rand(1, 3, 6, 5)
    expected, parts = masked.parts(lr), unmasked.parts(lr)
    for name in ("sr", "align", "unif"):
        torch.testing.assert_close(getattr(parts, name), getattr(expected, name))
    assert parts.mask is parts.channel_mask is parts.drawn_mask is None


@pytest.mark.parametrize(("configuration", "share"), [(MASKED, 1 / 8), (UNMASKED, 1 / 2)])
@pytest.mark.parametrize("scale", [1, 4])
def test_it_starts_with_the_trunks_own_image_split_by_the_even_mask(configuration, share, scale):
    torch.manual_seed(3)
    trunk = RRDBNet(TINY.features, TINY.blocks, TINY.growth, scale)
    network = build(configuration.network(TINY), scale)
    start_from(network, trunk)
    lr = torch.rand(1, 3, 8, 8)
    image = trunk(lr)
    parts = network.parts(lr)
    torch.testing.assert_close(parts.sr, image)
    torch.testing.assert_close(parts.align, share * image)
    torch.testing.assert_close(parts.unif, (1 - share) * image)


def test_every_weight_learns_within_two_steps_of_the_level_start():
    torch.manual_seed(0)
    network = build(MASKED.network(TINY), 1)
    start_from(network, RRDBNet(TINY.features, TINY.blocks, TINY.growth, 1))
    optimiser = torch.optim.SGD(network.parameters(), 1.0)
    lr, hr = torch.rand(2, 2, 3, 8, 8)
    for _ in range(3):
        optimiser.zero_grad()
        parts = network.parts(lr)
        ((parts.align - hr) ** 2 + (parts.unif - hr).abs()).mean().backward()
        optimiser.step()
    still = [key for key, parameter in network.named_parameters() if parameter.grad.abs().max() == 0]
    assert still == []


def test_a_trained_folder_of_this_layout_is_read_back(tmp_path):
    from safetensors.torch import save_file

    state = random_state(nf=8, nb=1, gc=4)
    save_file(state, tmp_path / "generator.safetensors")
    write_json(tmp_path / "model.json", {"network": MASKED.network(TINY), "scale": 4})
    network, _ = load_generator(tmp_path)
    assert isinstance(network, ReleasedNet)
    torch.testing.assert_close(network.state_dict()["sm.2.conv.weight"], state["sm.2.conv.weight"])
