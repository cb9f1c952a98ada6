"""Pretrained networks as methods: found and checked once, then run on every test set."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.degradations.bicubic import downscale
from pipeline.files import read_json, sha256
from pipeline.methods.network import Enlarge, NetworkMethod
from pipeline.networks.devices import device_named
from pipeline.networks.pretrained import load_pretrained
from pipeline.settings import AtScale1, Preset, Rival


@dataclass(frozen=True)
class Found:
    """A rival's checkpoint, as runs/<preset>/rivals/<name>.json holds it.

    Attributes:
        checkpoint: its path.
        sha256: of the file.
        architecture: of the network in it.
        parameters: how many it has.
        scale: its upscaling factor.
    """

    checkpoint: str
    sha256: str
    architecture: str
    parameters: int
    scale: int

    @classmethod
    def read(cls, root: Path, name: str) -> "Found":
        """What stage `rival` wrote under `root` (runs/<preset>). Raises `UserError` when it has not."""
        return cls(**read_json(record(root, name)))

    def as_json(self) -> Mapping[str, Any]:
        """The fields by name."""
        return asdict(self)


def record(root: Path, name: str) -> Path:
    """Where the description of a rival lies under `root` (runs/<preset>)."""
    return root / "rivals" / f"{name}.json"


def find(root: Path, rival: Rival) -> Found:
    """The rival's checkpoint under `root` (runs/<preset>) or at its own path, after its network was built.

    Raises `UserError` when it is missing, broken, or no network of the rival's scale.
    """
    path = Path(rival.file) if rival.file else root / "pretrained" / str(rival.weights) / "weights.safetensors"
    network = load_pretrained(path, rival.scale)
    return Found(path.as_posix(), sha256(path), network.architecture, network.parameters, network.scale)


def left_out(trained_for: int, scale: int, at_scale_1: AtScale1) -> str | None:
    """Why a rival of the scale `trained_for` does not restore the sets of `scale`; None where it does."""
    if trained_for == scale or (scale == 1 and at_scale_1 == "enlarge_then_reduce"):
        return None
    choice = ", and this preset has `at_scale_1: skip`" if scale == 1 else ""
    return f"a network of scale {trained_for}, a set of scale {scale}{choice}"


def pretrained(found: Found, scale: int, preset: Preset) -> NetworkMethod:
    """The rival's network, run as the preset says, on a set of `scale`: its own, or 1 by enlarging and reducing.

    Raises `UserError` when the checkpoint has gone or changed its network.
    """
    network = load_pretrained(Path(found.checkpoint), found.scale)
    device = torch.device(device_named(preset.run.device))
    network.module.to(device)
    enlarge = network.enlarge if scale == found.scale else reduced(network.enlarge, found.scale)
    return NetworkMethod(enlarge, scale, preset.restore, device)


def reduced(enlarge: Enlarge, factor: int) -> Enlarge:
    """`enlarge`, then antialiased bicubic back to the size it came from: on the clamped, unrounded image."""

    def same_size(lr: Tensor) -> Tensor:
        return downscale(enlarge(lr).float().clamp(0, 1), factor)

    return same_size
