"""An 8-bit image as the metrics read it, with what they compute from it alone kept for the next pair."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels

Plane = NDArray[np.float64]
T = TypeVar("T")

BT601 = (65.481 / 255, 128.553 / 255, 24.966 / 255, 16.0)
"""Weights of R, G and B and the offset of MATLAB's rgb2ycbcr: luma is 16..235 (facts/ecosystem.md 4.6)."""
YIQ = (0.299, 0.587, 0.114, 0.0)
"""The same of MATLAB's rgb2gray, full range."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image to score, as read back from a PNG: a generator's float output gives other numbers than published.

    The ground truth is one picture for all methods that restored it, so its side of a metric is computed once.

    Attributes:
        pixels: uint8, height x width x 3, RGB. Raises `TypeError` for anything else.
        border: pixels at every edge that PSNR, SSIM and NIQE leave out.
    """

    pixels: Pixels
    border: int = 0
    _kept: dict[Hashable, object] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            found = f"{self.pixels.dtype} of shape {self.pixels.shape}"
            raise TypeError(f"metrics are defined on 8-bit RGB images, not on {found}")

    @cached_property
    def area(self) -> Pixels:
        """The pixels without the border; empty where the border leaves nothing."""
        height, width = self.pixels.shape[:2]
        # Explicit ends: `border:-border` would be empty at border 0 and wrap round in tiny images.
        rows, columns = (slice(self.border, max(self.border, side - self.border)) for side in (height, width))
        return self.pixels[rows, columns]

    @cached_property
    def luma(self) -> Plane:
        """BT.601 luma of `area`: float64, 16..235, not rounded (as BasicSR computes it)."""
        return luma(self.area)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, computed for this picture the first time that `key` is asked for."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])


def luma(pixels: NDArray[np.generic], weights: tuple[float, ...] = BT601) -> Plane:
    """A weighted sum of R, G, B and an offset, height x width, float64; not rounded."""
    if pixels.size == 0:
        return np.empty(pixels.shape[:2])
    plane: Plane = cv2.transform(pixels.astype(np.float64), np.array([weights]))
    return plane
