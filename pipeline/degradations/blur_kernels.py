"""The blur kernels of Real-ESRGAN (facts/methods.md 1.8): pure functions of their parameters.

Every kernel is float64, SIZE x SIZE with zeros around its own `size` (odd, at most SIZE), its centre on the middle
pixel and its sum 1.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float64]

SIZE = 21
"""Side of every kernel, in pixels: the largest that Real-ESRGAN draws."""


@dataclass(frozen=True)
class Bell:
    """A kernel that falls off along two axes.

    Attributes:
        profile: with q the squared distance in standard deviations, exp(-q^beta / 2) for `gaussian` (generalised,
            where beta is not 1) and 1 / (1 + q^beta) for `plateau`.
        size: side in pixels, odd.
        sigma: standard deviation along the two axes, in pixels; equal in an isotropic kernel.
        rotation: of the first axis against the image's rows, in radians.
        beta: the shape.
    """

    profile: Literal["gaussian", "plateau"]
    size: int
    sigma: tuple[float, float]
    rotation: float
    beta: float

    def kernel(self) -> Kernel:
        """SIZE x SIZE."""
        y, x = _grid(self.size)
        along = (math.cos(self.rotation) * x + math.sin(self.rotation) * y) / self.sigma[0]
        across = (math.cos(self.rotation) * y - math.sin(self.rotation) * x) / self.sigma[1]
        shape = (along**2 + across**2) ** self.beta
        return _finished(np.exp(-shape / 2) if self.profile == "gaussian" else 1 / (1 + shape))


@dataclass(frozen=True)
class Sinc:
    """The ideal low-pass filter of a circular band, cut to a square: it rings, as sharpened photographs do.

    Attributes:
        size: side in pixels, odd.
        cutoff: in radians per pixel; pi is the highest frequency there is.
    """

    size: int
    cutoff: float

    def kernel(self) -> Kernel:
        """SIZE x SIZE."""
        from scipy import special  # 0.15 s, and few datasets have such kernels

        y, x = _grid(self.size)
        radius = np.hypot(x, y)
        radius[self.size // 2, self.size // 2] = 1
        values = self.cutoff * special.j1(self.cutoff * radius) / (2 * math.pi * radius)
        values[self.size // 2, self.size // 2] = self.cutoff**2 / (4 * math.pi)
        return _finished(values)


def _grid(size: int) -> Kernel:
    """The rows and the columns of a kernel's pixels, counted from its middle: 2 x size x size."""
    return np.mgrid[:size, :size] - float(size // 2)


def _finished(values: Kernel) -> Kernel:
    return np.pad(values / values.sum(), (SIZE - len(values)) // 2)
