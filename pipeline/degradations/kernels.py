"""Blur with a kernel of one's own, then reduction: track 2 of Impressionism (facts/methods.md 1.10).

The kernel is correlated with the image, not convolved: its top left weight meets the pixel at the top left. Beyond
the border the image is mirrored. Of the blurred image one pixel in `scale` is kept.

Where that pixel lies decides whether LR and HR stay aligned. An LR pixel stands for a block of scale x scale HR
pixels; the middle of the kernel is put on the middle of that block, where bicubic reduction puts its own. The
middle of an even block is a corner between pixels, that of an odd kernel a pixel (and the other way round): such a
kernel is first moved by half a pixel, by linear interpolation, which makes it one row and column larger and adds
a quarter of a squared pixel to its variance along each axis.
"""

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.degradations.borders import mirror


def apply(images: Tensor, kernels: Tensor, scale: int) -> Tensor:
    """Blur each image with its own kernel and reduce it.

    Args:
        images: N x C x H x W, of any unit.
        kernels: N x k x k, each with a sum of 1 and its centre of mass in the middle.
        scale: whole reduction factor; 1 only blurs.

    Returns:
        N x C x H/scale x W/scale, not clamped. Raises `ValueError` when a side is no multiple of `scale`.
        An image's result is the same, bit for bit, alone and in any batch.
    """
    height, width = images.shape[2:]
    if height % scale or width % scale:
        raise ValueError(f"{width}x{height} is not a multiple of {scale}")
    if (kernels.shape[2] - scale) % 2:
        kernels = _moved_by_half_a_pixel(kernels)
    before = (kernels.shape[2] - scale) // 2
    beyond = max(before, 0)
    padded = mirror(mirror(images, 2, beyond, beyond), 3, beyond, beyond)
    # A kernel smaller than a block starts inside of it.
    windows = padded[:, :, beyond - before :, beyond - before :]
    # One image after the other: a convolution of many groups may add up in another order than one of few.
    return torch.stack([_correlated(*pair, scale) for pair in zip(windows, kernels, strict=True)])


def _moved_by_half_a_pixel(kernels: Tensor) -> Tensor:
    """N x k x k to N x (k + 1) x (k + 1) with the same middle: each weight shared among its four corners."""
    padded = functional.pad(kernels, (1, 1, 1, 1))
    rows = (padded[:, 1:] + padded[:, :-1]) / 2
    return (rows[:, :, 1:] + rows[:, :, :-1]) / 2


def _correlated(image: Tensor, kernel: Tensor, stride: int) -> Tensor:
    # Single precision on a GPU may mean TensorFloat-32, too coarse for 8 bits; a CPU is exact enough, and faster.
    precision = torch.float64 if image.is_cuda else image.dtype
    planes, weights = image[:, None].to(precision), kernel[None, None].to(precision)
    return functional.conv2d(planes, weights, stride=stride)[:, 0].to(image.dtype)
