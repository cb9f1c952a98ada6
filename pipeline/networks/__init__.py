"""Generators, discriminators and perceptual features.

`build_generator` turns a configuration into a network; `load_generator` reads one back from a trained model's
folder. `rrdb` is the plain trunk, `cria` the network of the paper's text, `released` that of the authors'
checkpoint.
"""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.networks.cria import CriaNet
from pipeline.networks.parts import Generator, Parts
from pipeline.networks.released import ReleasedNet
from pipeline.networks.rrdb import RRDBNet
from pipeline.settings import Configuration, Network

__all__ = ["Generator", "Parts", "build_generator", "load_generator", "parameter_count"]


def build_generator(configuration: Configuration, network: Network, scale: int) -> Generator:
    """The generator of a configuration, with fresh weights from torch's global random state.

    Args:
        configuration: decides between the plain RRDB and the branches with or without mask.
        network: its size and, where there are branches, its layout.
        scale: 4, or 1 for CameraSR (same layers and keys, no interpolation).
    """
    size = (network.features, network.blocks, network.growth, scale)
    if not configuration.branches:
        return RRDBNet(*size)
    if network.layout == "released":
        return ReleasedNet(*size, network.branch_blocks, masked=configuration.mask)
    return CriaNet(*size, network.branch_blocks, masked=configuration.mask, mask_input=network.mask_input)


def load_generator(folder: Path) -> tuple[Generator, dict[str, Any]]:
    """A trained generator (eval mode, float32, CPU) and its `model.json`.

    Raises `UserError` when the folder lacks a file or the weights do not fit the network it describes.
    """
    description: dict[str, Any] = read_json(folder / "model.json")
    weights = folder / "generator.safetensors"
    if not weights.exists():
        raise UserError(f"{weights} is missing. Run `dvc repro` to train it.")
    network = build_generator(
        Configuration.model_validate(description["configuration"]),
        Network.model_validate(description["network"]),
        description["scale"],
    )
    try:
        network.load_state_dict(load_file(weights), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise UserError(f"{weights} does not fit the network in {folder / 'model.json'}: {error}") from None
    return network.eval(), description


def parameter_count(network: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
