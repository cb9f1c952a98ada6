"""Generators: published sizes and keys, the fusion of Eq. 10, and a level start from the trunk."""

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.networks import build, load_generator, parameter_count
from pipeline.networks.cria import CriaNet, start_from
from pipeline.networks.rrdb import RRDB, RRDBNet
from pipeline.settings import Configuration, Network

PAPER_SIZE = Network(features=64, blocks=23, growth=32, branch_blocks=3)
TINY = Network(features=8, blocks=1, growth=4, branch_blocks=2)
PLAIN = Configuration(branches=False, mask=False, align=False, unif=False)
MASKED = Configuration(branches=True, mask=True, align=False, unif=False)
UNMASKED = Configuration(branches=True, mask=False, align=False, unif=False)


def test_parameter_counts_of_the_facts():
    assert parameter_count(build(PLAIN.network(PAPER_SIZE), 4)) == 16_697_987
    assert sum(p.numel() for p in RRDB(64, 32).parameters()) == 719_424
    counts = {
        blocks: parameter_count(build(MASKED.network(PAPER_SIZE.model_copy(update={"blocks": blocks})), 4))
        for blocks in (23, 20, 19)
    }
    assert {blocks: round(count / 1e6, 2) for blocks, count in counts.items()} == {23: 17.37, 20: 15.21, 19: 14.49}


def test_plain_network_has_the_keys_of_esrgan_checkpoints():
    keys = build(PLAIN.network(TINY), 4).state_dict().keys()
    assert {"conv_first.weight", "RRDB_trunk.0.RDB3.conv5.bias", "trunk_conv.weight", "upconv2.bias"} <= keys
    assert {"HRconv.weight", "conv_last.bias"} <= keys


@pytest.mark.parametrize("configuration", [PLAIN, MASKED, UNMASKED])
@pytest.mark.parametrize("scale", [1, 4])
def test_output_size_and_keys_at_both_scales(configuration, scale):
    network = build(configuration.network(TINY), scale)
    assert network(torch.rand(2, 3, 9, 7)).shape == (2, 3, 9 * scale, 7 * scale)
    other = build(configuration.network(TINY), 5 - scale)
    assert network.state_dict().keys() == other.state_dict().keys()


def test_i_sr_is_the_masked_sum_of_its_parts():
    torch.manual_seed(0)
    network = build(MASKED.network(TINY), 4)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    parts = network.parts(torch.rand(1, 3, 8, 8))
    assert parts.mask.shape == (1, 1, 32, 32)
    assert ((parts.mask > 0) & (parts.mask < 1)).all()
    assert parts.mask.std() > 1e-4
    expected = parts.mask * parts.align + (1 - parts.mask) * parts.unif
    torch.testing.assert_close(parts.sr, expected)
    swapped = (1 - parts.mask) * parts.align + parts.mask * parts.unif
    assert not torch.allclose(parts.sr, swapped)


def test_the_mask_leaves_the_network_with_its_gradient():
    network = build(MASKED.network(TINY), 4)
    network.parts(torch.rand(1, 3, 8, 8)).mask.square().mean().backward()
    assert network.mask_net.output.weight.grad.abs().sum() > 0


def test_without_a_mask_i_sr_is_the_mean_of_the_branches():
    torch.manual_seed(0)
    network = build(UNMASKED.network(TINY), 1)
    parts = network.parts(torch.rand(1, 3, 8, 8))
    assert parts.mask is None
    torch.testing.assert_close(parts.sr, (parts.align + parts.unif) / 2)


@pytest.mark.parametrize("configuration", [PLAIN, MASKED, UNMASKED])
def test_every_configuration_starts_with_the_trunks_own_image(configuration):
    torch.manual_seed(3)
    trunk = RRDBNet(TINY.features, TINY.blocks, TINY.growth, 4)
    network = build(configuration.network(TINY), 4)
    start_from(network, trunk)
    lr = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(network(lr), trunk(lr))


def test_the_mask_network_sees_the_lr_image_only():
    torch.manual_seed(0)
    network = CriaNet(8, 1, 4, 4, 1, masked=True)
    lr = torch.rand(1, 3, 8, 8)
    before = network.parts(lr).mask
    torch.nn.init.normal_(network.RRDB_trunk[0].RDB1.conv1.weight)
    torch.testing.assert_close(network.parts(lr).mask, before)


def test_the_mask_network_can_see_the_features_after_the_rrdbs_beside_the_lr_image():
    torch.manual_seed(0)
    seeing = TINY.model_copy(update={"mask_input": "lr_and_features"})
    network = build(MASKED.network(seeing), 4)
    lr = torch.rand(1, 3, 8, 8)
    joined = torch.cat((lr, network.lr_features(lr)), dim=1)
    torch.testing.assert_close(network.parts(lr).mask, network.mask_net(joined))
    # Not detached: what moves the mask moves the trunk, up to its RRDBs and not what enlarges them.
    network.parts(lr).mask.square().mean().backward()
    assert network.RRDB_trunk[0].RDB1.conv1.weight.grad.abs().sum() > 0
    assert network.mask_net.head.weight.grad[:, 3:].abs().sum() > 0
    assert network.upconv1.weight.grad is None
    added = TINY.features * TINY.features * 9
    assert parameter_count(network) == parameter_count(build(MASKED.network(TINY), 4)) + added


@pytest.mark.parametrize("scale", [1, 4])
def test_what_the_mask_network_sees_changes_nothing_in_the_start_from_the_trunk_nor_in_unmasked_networks(scale):
    seeing = TINY.model_copy(update={"mask_input": "lr_and_features"})
    trunk = RRDBNet(TINY.features, TINY.blocks, TINY.growth, scale)
    network, lr = build(MASKED.network(seeing), scale), torch.rand(1, 3, 8, 8)
    start_from(network, trunk)
    torch.testing.assert_close(network(lr), trunk(lr))
    keys = [build(UNMASKED.network(size), scale).state_dict().keys() for size in (TINY, seeing)]
    assert keys[0] == keys[1]


def test_a_generator_is_loaded_with_the_mask_input_of_its_description(tmp_path):
    seeing = TINY.model_copy(update={"mask_input": "lr_and_features"})
    network, lr = build(MASKED.network(seeing), 4), torch.rand(1, 3, 8, 8)
    write_json(tmp_path / "model.json", {"network": MASKED.network(seeing), "scale": 4})
    save_file(network.state_dict(), tmp_path / "generator.safetensors")
    loaded, _ = load_generator(tmp_path)
    torch.testing.assert_close(loaded.parts(lr).mask, network.parts(lr).mask)


def test_a_scale_without_a_definition_is_refused():
    with pytest.raises(ValueError, match="scale is 2"):
        RRDBNet(8, 1, 4, 2)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"kind": "transformer"}, "no network of the kind 'transformer'"),
        ({"kind": "../rrdb"}, "no network of the kind"),
        ({"features": 8}, "no network of the kind"),
        ({"kind": "rrdb", "features": 8}, "no network fits"),
        ({"kind": "vgg", "features": 8}, "no network fits"),
        ({"kind": "edsr", "features": 8, "blocks": 1}, "at scale 4, not at 1"),
    ],
)
def test_a_description_that_fits_no_network_is_refused_with_the_reason(spec, words):
    with pytest.raises(ValueError, match=words):
        build(spec, 1)


def test_a_model_folder_without_weights_is_named(tmp_path):
    write_json(tmp_path / "model.json", {"network": PLAIN.network(TINY), "scale": 4})
    with pytest.raises(UserError, match=r"generator\.safetensors is missing"):
        load_generator(tmp_path)
