"""Bicubic resizing as MATLAB's `imresize` does it, on batches of images and at any ratio.

An output pixel takes its neighbours with the weights of the cubic kernel (a = -0.5); when an axis shrinks, the
kernel is widened by the ratio, so that it filters before it samples. The border is mirrored, edge pixel repeated.
Away from the border this is also what `torch.nn.functional.interpolate(mode="bicubic", antialias=True)` and
Pillow's BICUBIC compute; at the border those two drop the part of the kernel that falls outside.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.degradations.borders import mirrored
from pipeline.degradations.rounding import to_uint8

A = -0.5
"""The free parameter of the cubic kernel (Keys 1981), MATLAB's value."""


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize floating N x C x H x W to N x C x size[0] x size[1], of the same dtype and unit; not clamped.

    Every image's result is the same, bit for bit, alone and in any batch.
    """
    return _along(_along(images, 2, size[0]), 3, size[1])


def downscale(images: Tensor, factor: int) -> Tensor:
    """Reduce N x C x H x W to N x C x H/factor x W/factor; a factor of 1 changes nothing.

    Raises `ValueError` when a side is no multiple of `factor`: crop first, so that pixel grids stay aligned.
    """
    height, width = images.shape[2:]
    if height % factor or width % factor:
        raise ValueError(f"{width}x{height} is not a multiple of {factor}")
    return resize(images, (height // factor, width // factor))


def downscale_uint8(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """`downscale` of one 8-bit image, H x W x 3, rounded and clamped to 8 bits again."""
    return to_uint8(_image(downscale(_levels(image), factor)))


def resize_uint8(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`resize` of one 8-bit image, H x W x 3, rounded and clamped to 8 bits again."""
    return to_uint8(_image(resize(_levels(image), size)))


def _levels(image: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


def _image(levels: Tensor) -> NDArray[np.float64]:
    image: NDArray[np.float64] = levels[0].permute(1, 2, 0).numpy()
    return image


def cubic(x: Tensor) -> Tensor:
    """The cubic convolution kernel: 1 at 0, 0 at every other whole number, 0 from |x| = 2 on."""
    x = x.abs()
    near = (A + 2) * x**3 - (A + 3) * x**2 + 1
    far = A * (x**3 - 5 * x**2 + 8 * x - 4)
    return torch.where(x <= 1, near, torch.where(x < 2, far, 0.0))


def taps(length: int, resized: int) -> tuple[Tensor, Tensor]:
    """Which pixels of a line of `length` make each of its `resized` pixels, and with what weights.

    Returns positions (int64, mirrored into the line) and weights (float64, their sum over the taps is 1), both
    taps x resized.
    """
    ratio = length / resized
    stretch = max(ratio, 1.0)
    centres = (torch.arange(resized, dtype=torch.float64) + 0.5) * ratio - 0.5
    first = torch.floor(centres - 2 * stretch).long()
    positions = first + torch.arange(math.ceil(4 * stretch) + 2)[:, None]
    weights = cubic((positions - centres) / stretch)
    used = weights.any(dim=1)
    return mirrored(positions[used], length), weights[used] / weights.sum(dim=0)


def _along(images: Tensor, axis: int, resized: int) -> Tensor:
    length = images.shape[axis]
    if length == resized:
        return images
    positions, weights = (part.to(images.device) for part in taps(length, resized))
    shape = [1, 1, 1, 1]
    shape[axis] = resized
    total = images.new_zeros([*images.shape[:axis], resized, *images.shape[axis + 1 :]])
    # A sum tap by tap rather than a matrix product: a BLAS may add up in another order on more threads.
    for position, weight in zip(positions, weights.to(images.dtype), strict=True):
        total += images.index_select(axis, position) * weight.view(shape)
    return total
