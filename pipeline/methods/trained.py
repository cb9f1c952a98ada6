"""A trained generator as a method."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.methods.classical import Image, Restore
from pipeline.networks import Generator, load_generator


def trained(folder: Path, scale: int) -> Restore:
    """The generator in `folder`, run on whole images in float32; its output is clamped and rounded to 8 bit.

    Raises `UserError` when the model is missing, does not fit its description, or is of another scale.
    """
    generator, description = load_generator(folder)
    if description["scale"] != scale:
        raise UserError(
            f"{folder} was trained for scale {description['scale']}, the dataset needs scale {scale}; "
            "take a model trained on a set of that scale"
        )

    return partial(super_resolve, generator)


@torch.inference_mode()
def super_resolve(generator: Generator, lr: Image) -> Image:
    """I_SR of one LR image (uint8 RGB, h x w x 3) on the generator's device, clamped and rounded to 8 bit."""
    device = next(generator.parameters()).device
    batch = torch.from_numpy(lr.astype(np.float32) / 255).permute(2, 0, 1)[None].to(device)
    return to_image(generator(batch).sr[0])


def to_image(tensor: Tensor) -> Image:
    """A tensor 3 x H x W around [0, 1] as uint8 RGB H x W x 3."""
    return tensor.clamp(0, 1).mul(255).round().permute(1, 2, 0).cpu().numpy().astype(np.uint8)
