"""What a training reads: with the trunk that it starts from, or from scratch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.datasets.packing import Writer
from pipeline.errors import UserError
from pipeline.files import sha256, write_json
from pipeline.networks import build_generator
from pipeline.networks.rrdb import RRDBNet
from pipeline.settings import Perceptual
from pipeline.training.inputs import experiment_inputs
from pipeline.training.trainer import Trainer
from tests.training.tiny import EXPERIMENT, FULL, NETWORK, PLAIN, vgg_weights

LAYERS = Perceptual(sources=["vgg16_lpips"], bottom="conv1_2", top="conv2_1")


@pytest.fixture
def root(tmp_path):
    """A preset's folder with a pack and features, and no trunk."""
    pack, weights = tmp_path / "packs" / "realsr", tmp_path / "weights"
    for folder in (pack, weights):
        folder.mkdir(parents=True)
    writer, rng = Writer(pack, scale=4), np.random.default_rng(0)
    for role in ("training", "validation"):
        writer.add(role, role, *(rng.integers(0, 256, (side, side, 3), np.uint8) for side in (16, 64)))
    writer.close(np.zeros((0, 8, 8, 3), np.uint8))
    save_file(vgg_weights(), weights / "perceptual.safetensors")
    write_json(weights / "perceptual.json", {"variant": "vgg16", "sha256": "0", "source": "random"})
    return tmp_path


def add_trunk(root):
    torch.manual_seed(5)
    trunk = RRDBNet(NETWORK.features, NETWORK.blocks, NETWORK.growth, 4)
    folder = root / "models" / "realsr" / "trunk"
    folder.mkdir(parents=True)
    save_file(trunk.state_dict(), folder / "generator.safetensors")
    described = {"configuration": PLAIN.model_dump(mode="json"), "network": NETWORK.model_dump(mode="json")}
    write_json(folder / "model.json", described | {"scale": 4})
    return trunk, folder / "generator.safetensors"


def untrained(inputs, seed):
    """The generator of a trainer with these inputs before its first step."""
    return Trainer(replace(EXPERIMENT, seed=seed), inputs.pack, inputs.trunk, inputs.perceptual).generator


def test_from_scratch_no_trunk_is_read_and_none_is_in_the_hashes(root):
    inputs = experiment_inputs(root, "realsr", LAYERS, "scratch")
    assert inputs.trunk is None
    assert inputs.hashes.keys() == {"pack", "perceptual"}
    add_trunk(root)
    assert experiment_inputs(root, "realsr", LAYERS, "scratch").hashes == inputs.hashes


@pytest.mark.parametrize("seed", [1, 2])
def test_a_generator_from_scratch_has_the_weights_of_its_seed(root, seed):
    torch.manual_seed(seed)
    fresh = build_generator(FULL, NETWORK, 4)
    found = untrained(experiment_inputs(root, "realsr", LAYERS, "scratch"), seed)
    for name, value in fresh.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name


def test_from_the_trunk_its_weights_and_its_hash_are_taken(root):
    trunk, file = add_trunk(root)
    inputs = experiment_inputs(root, "realsr", LAYERS, "trunk")
    assert inputs.hashes["trunk"] == sha256(file)
    found = untrained(inputs, 1).state_dict()
    assert torch.equal(found["RRDB_trunk.0.RDB1.conv1.weight"], trunk.RRDB_trunk[0].RDB1.conv1.weight)
    assert torch.equal(found["branch_unif.output.weight"], trunk.conv_last.weight)


def test_a_missing_trunk_is_named(root):
    with pytest.raises(UserError, match=r"trunk/generator\.safetensors is missing\. Run `dvc repro`"):
        experiment_inputs(root, "realsr", LAYERS, "trunk")
