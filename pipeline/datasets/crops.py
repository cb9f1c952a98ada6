"""Which parts of a photograph become images: textured ones, spread over it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels
from pipeline.errors import UserError

_REMEDY = "ask for fewer or smaller images in <preset>.datasets of params.yaml."


@dataclass(frozen=True)
class Box:
    """A square part of a photograph, in pixels."""

    left: int
    top: int
    side: int

    def cut(self, image: Pixels) -> Pixels:
        """The side x side x 3 pixels inside."""
        return image[self.top : self.top + self.side, self.left : self.left + self.side]


def choose(image: Pixels, side: int, count: int) -> list[Box]:
    """`count` distinct crops of side x side, best first.

    Rule: of all places on a grid of `side`/8 pixels, take again and again the one with the largest

        texture * (1 - o)^2,   texture = mean gradient magnitude of the grey levels inside,
                               o = largest share of it that a crop taken before covers,

    so that detail is preferred, an overlap costs, and no crop is taken twice. Ties go to the topmost, leftmost.
    Raises `UserError` when the photograph is too small for that many.
    """
    height, width = image.shape[:2]
    if side > min(height, width):
        raise UserError(f"a crop of {side} pixels does not fit into a photograph of {width}x{height}: {_REMEDY}")
    tops, lefts = (axis.ravel() for axis in np.meshgrid(*_grid(height, width, side), indexing="ij"))
    if count > len(tops):
        raise UserError(
            f"a photograph of {width}x{height} has no {count} different crops of {side} pixels: {_REMEDY}"
        )
    texture = _texture(image, side)[tops, lefts]
    covered = np.zeros(len(tops))
    chosen = []
    for _ in range(count):
        best = int(np.argmax(np.where(covered < 1, texture * (1 - covered) ** 2, -1)))
        chosen.append(Box(int(lefts[best]), int(tops[best]), side))
        shared = np.clip(side - abs(tops - tops[best]), 0, None) * np.clip(side - abs(lefts - lefts[best]), 0, None)
        covered = np.maximum(covered, shared / side**2)
    return chosen


def _grid(height: int, width: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    step = side // 8
    return np.arange(0, height - side + 1, step), np.arange(0, width - side + 1, step)


def _texture(image: Pixels, side: int) -> NDArray[np.float64]:
    """Mean gradient magnitude of the side x side square that starts at each place."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    sums = cv2.integral(np.hypot(*np.gradient(grey)))
    total = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray(total) / side**2
