"""Generators, discriminators and perceptual features: tensors in, tensors out.

A network that restores images is described by a `Spec`: its kind, which is the module here that has it, and its
sizes. model.json stores the description, `build` makes the network of it.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pipeline.errors import UserError
from pipeline.files import read_json

__all__ = ["Spec", "build", "load_generator", "parameter_count"]

Spec = Mapping[str, Any]
"""`{"kind": "rrdb", "features": 64, "blocks": 23, "growth": 32}`: the keyword arguments of its `build`."""


def build(spec: Spec, scale: int) -> nn.Module:
    """The described network with fresh weights from torch's global random state.

    It takes LR images B x 3 x h x w in [0, 1] and gives B x 3 x H x W around [0, 1], H, W = scale * (h, w).

    Args:
        spec: which network, and its sizes.
        scale: 4, or 1 for CameraSR.

    Raises `ValueError` for a kind that no module here has, for sizes that it does not take, or for a scale at which
    the network does not exist.
    """
    sizes = dict(spec)
    kind = str(sizes.pop("kind", None))
    if not re.fullmatch(r"[a-z]\w*", kind) or not (Path(__file__).parent / f"{kind}.py").exists():
        raise ValueError(f"there is no network of the kind {kind!r}")
    try:
        network: nn.Module = import_module(f"{__name__}.{kind}").build(scale, **sizes)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"no network fits {dict(spec)}: {error}") from None
    return network


def load_generator(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """A trained generator (eval mode, float32, CPU) and its `model.json`.

    Raises `UserError` when the folder lacks a file or the weights do not fit the network it describes.
    """
    description: dict[str, Any] = read_json(folder / "model.json")
    weights = folder / "generator.safetensors"
    if not weights.exists():
        raise UserError(f"{weights} is missing. Run `dvc repro` to train it.")
    try:
        network = build(description["network"], description["scale"])
    except (KeyError, ValueError) as error:
        raise UserError(f"{folder / 'model.json'}: {error}. Delete {folder} and run `dvc repro`.") from None
    try:
        network.load_state_dict(load_file(weights), strict=True)
    except (RuntimeError, SafetensorError) as error:
        raise UserError(f"{weights} does not fit the network in {folder / 'model.json'}: {error}") from None
    return network.eval(), description


def parameter_count(network: nn.Module) -> int:
    """Number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())
