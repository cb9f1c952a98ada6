"""A published network as a method, on test sets of its own scale or of scale 1."""

from pathlib import Path

import torch
from torch import Tensor

from pipeline.degradations.bicubic import downscale
from pipeline.methods.network import Enlarge, NetworkMethod
from pipeline.networks.devices import device_named
from pipeline.networks.pretrained import load_pretrained
from pipeline.settings import Restoration


def published(path: Path, trained_for: int, scale: int, restoration: Restoration, device: str) -> NetworkMethod:
    """The network in the checkpoint `path`.

    Args:
        trained_for: the scale of the network.
        scale: of the test set: the same, or 1, where the enlarged image is reduced.
        device: auto, cpu or cuda.

    Raises `UserError` when the checkpoint is missing, broken, or no network of the scale `trained_for`.
    """
    network = load_pretrained(path, trained_for)
    enlarge = network.enlarge if scale == trained_for else reduced(network.enlarge, trained_for)
    placed = torch.device(device_named(device))
    network.module.to(placed)
    about: dict[str, str | int] = {"architecture": network.architecture, "parameters": network.parameters}
    return NetworkMethod(enlarge, scale, restoration, placed, about)


def reduced(enlarge: Enlarge, factor: int) -> Enlarge:
    """`enlarge`, then antialiased bicubic back to the size it came from: on the clamped, unrounded image."""

    def same_size(lr: Tensor) -> Tensor:
        return downscale(enlarge(lr).float().clamp(0, 1), factor)

    return same_size
