"""Antialiased bicubic reduction by a whole factor, as MATLAB's `imresize` does it.

The cubic kernel (a = -0.5) is widened by the factor, so that it filters before it samples. Away from the border
it is also what `torch.nn.functional.interpolate(mode="bicubic", antialias=True)` and Pillow's BICUBIC compute; at
the border MATLAB mirrors the image, while those two drop the part of the kernel that falls outside.
"""

import numpy as np
from numpy.typing import NDArray

from pipeline.degradations.rounding import to_uint8

A = -0.5
"""The free parameter of the cubic kernel (Keys 1981), MATLAB's value."""


def downscale(image: NDArray[np.floating], factor: int) -> NDArray[np.floating]:
    """Reduce H x W (x C) float values to H/factor x W/factor (x C), of the same dtype and unit.

    Raises `ValueError` when a side is no multiple of `factor`: crop first, so that pixel grids stay aligned.
    """
    if image.shape[0] % factor or image.shape[1] % factor:
        raise ValueError(f"{image.shape[1]}x{image.shape[0]} is not a multiple of {factor}")
    return _along(_along(image, 0, factor), 1, factor)


def downscale_uint8(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """`downscale` of an 8-bit image, rounded and clamped to 8 bits again."""
    return to_uint8(downscale(image.astype(np.float32), factor))


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cubic convolution kernel: 1 at 0, 0 at every other whole number, 0 from |x| = 2 on."""
    x = np.abs(x)
    near = (A + 2) * x**3 - (A + 3) * x**2 + 1
    far = A * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def taps(factor: int) -> tuple[int, NDArray[np.float64]]:
    """Offset of the first tap from a block's first pixel, and the weights (their sum is 1).

    An output pixel lies at the centre of its block of `factor` pixels, so one set of weights serves them all.
    """
    centre = (factor - 1) / 2
    first = int(np.ceil(centre - 2 * factor))
    positions = np.arange(first, int(np.floor(centre + 2 * factor)) + 1)
    weights = cubic((positions - centre) / factor)
    return first, weights / weights.sum()


def _along(image: NDArray[np.floating], axis: int, factor: int) -> NDArray[np.floating]:
    lines = np.moveaxis(image, axis, 0)
    first, weights = taps(factor)
    padded = np.pad(lines, [(-first, -first)] + [(0, 0)] * (lines.ndim - 1), mode="symmetric")
    reduced = np.zeros((len(lines) // factor, *lines.shape[1:]), image.dtype)
    # A sum of strided views rather than a matrix product: a BLAS may add up in another order on more threads.
    for tap, weight in enumerate(weights.astype(image.dtype)):
        reduced += weight * padded[tap : tap + len(lines) : factor]
    return np.moveaxis(reduced, 0, axis)
