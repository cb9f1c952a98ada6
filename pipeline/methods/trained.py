"""A trained generator as a method."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.methods.method import Image
from pipeline.methods.network import NetworkMethod, to_levels
from pipeline.networks import load_generator
from pipeline.networks.devices import device_named
from pipeline.settings import Preset


def trained(folder: Path, scale: int, preset: Preset) -> NetworkMethod:
    """The generator in `folder`, run as the preset says.

    Raises `UserError` when the model is missing, does not fit its description, or is of another scale.
    """
    generator, description = load_generator(folder)
    if description["scale"] != scale:
        raise UserError(
            f"{folder} was trained for scale {description['scale']}, the dataset needs scale {scale}; "
            "take a model trained on a set of that scale"
        )
    device = torch.device(device_named(preset.run.device))
    generator.to(device)

    return NetworkMethod(generator, scale, preset.restore, device)


@torch.inference_mode()
def super_resolve(generator: nn.Module, lr: Image) -> Image:
    """I_SR of one LR image (uint8 RGB, h x w x 3) on the generator's device, clamped and rounded to 8 bit."""
    device = next(generator.parameters()).device
    batch = torch.from_numpy(lr.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
    levels: Image = to_levels(generator(batch))[0]
    return levels
