"""A trained generator as a method."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.methods.method import Image
from pipeline.methods.network import NetworkMethod, to_levels
from pipeline.networks import load_generator, parameter_count
from pipeline.networks.devices import device_named
from pipeline.settings import Restoration


def trained(folder: Path, scale: int, restoration: Restoration, device: str) -> NetworkMethod:
    """The generator in `folder`, on a device named auto, cpu or cuda.

    Raises `UserError` when the model is missing, does not fit its description, or is of another scale.
    """
    generator, description = load_generator(folder)
    if description["scale"] != scale:
        raise UserError(
            f"{folder} was trained for scale {description['scale']}, the dataset needs scale {scale}; "
            "take a model trained on a set of that scale"
        )
    placed = torch.device(device_named(device))
    generator.to(placed)
    about = {"architecture": description["network"]["kind"], "parameters": parameter_count(generator)}
    return NetworkMethod(generator, scale, restoration, placed, about)


@torch.inference_mode()
def super_resolve(generator: nn.Module, lr: Image) -> Image:
    """I_SR of one LR image (uint8 RGB, h x w x 3) on the generator's device, clamped and rounded to 8 bit."""
    device = next(generator.parameters()).device
    batch = torch.from_numpy(lr.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
    levels: Image = to_levels(generator(batch))[0]
    return levels
