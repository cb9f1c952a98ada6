"""Which test image is shown, and which part of it: by rules, never by hand. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.layout import CRIA

GAIN_METRICS = ("lpips", "psnr", "niqe")
"""By which a gain is measured: the first that is defined for both methods on some image."""

SMALLEST, LARGEST, SHARE = 48, 128, 4
"""Of a square's side in HR pixels: a quarter of the image's shorter side, within these."""

Scores = Mapping[str, pd.DataFrame]
"""Of a dataset, by method: a row an image (index: id), a column a metric."""


@dataclass(frozen=True)
class Choice:
    """A test image, and why it is shown, as a sentence."""

    image: str
    rule: str


@dataclass(frozen=True)
class Window:
    """A part of an image, in HR pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, image: Pixels, scale: int = 1) -> Pixels:
        """This part of an image of which a pixel covers `scale` x `scale` HR pixels."""
        rows = slice(self.top // scale, (self.top + self.height) // scale)
        return image[rows, self.left // scale : (self.left + self.width) // scale]


def choose(scores: Scores, reference: str, titles: Mapping[str, str], images: Sequence[str]) -> Choice:
    """The test image at which Cria-CL's gain over `reference` is the median: it neither flatters nor damns.

    Of an even number of images the one with the lower gain of the two in the middle. Where no gain is known, the
    median image by the reference's own score; where there is none either, the middle one of `images` by name.
    """
    middle = "of an even number, the lower of the two in the middle"
    ours, theirs = titles.get(CRIA, "Cria-CL"), titles.get(reference, reference)
    for metric in GAIN_METRICS:
        gains = _gains(scores, reference, metric)
        if len(gains):
            return Choice(
                _median(gains),
                f"the test image at which the gain of {ours} over {theirs} in "
                f"{METRICS[metric].title} is the median of {len(gains)} ({middle})",
            )
    for metric in GAIN_METRICS:
        values = finite(scores, reference, metric)
        if len(values):
            return Choice(
                _median(values),
                f"the median of {len(values)} test images by the {METRICS[metric].title} of {theirs}, "
                f"as no gain of {ours} is known here ({middle})",
            )
    ordered = sorted(images)
    return Choice(
        ordered[(len(ordered) - 1) // 2], "the test image in the middle by name, as no score is known here"
    )


def finite(scores: Scores, method: str, metric: str) -> pd.Series:
    """The finite scores of a method by image; none where it, or the metric, was not measured."""
    frame = scores.get(method)
    if frame is None or metric not in frame:
        return pd.Series(dtype=float)
    values: pd.Series = frame[metric][np.isfinite(frame[metric])]
    return values


def textured(guide: Pixels, covers: int, grid: int, height: int, width: int) -> Window:
    """The square whose gradient (of the grey levels) has the largest variance, both directions added.

    Of a vector's variance: an even slope adds nothing, and a square that is flat by half has less than a full one.
    Of equal squares the first.

    Args:
        guide: the image that is judged; HR, or where there is none LR.
        covers: how many HR pixels a side a pixel of `guide` covers.
        grid: the dataset's scale. Squares lie on its multiples, so that LR too is cut between pixels.
        height, width: of what all versions show, in HR pixels; multiples of `grid`.
    """
    side = _side(height, width, grid)
    grey = cv2.cvtColor(guide, cv2.COLOR_RGB2GRAY)[: height // covers, : width // covers]
    down, across = (_window_variances(values, side // covers) for values in np.gradient(grey.astype(np.float64)))
    places = (down + across)[:: grid // covers, :: grid // covers].round(6)
    top, left = np.unravel_index(int(places.argmax()), places.shape)
    return Window(int(top) * grid, int(left) * grid, side, side)


def around(square: Window, side: int, grid: int, height: int, width: int) -> Window:
    """`side` x `side` pixels with `square` as near to the middle as the image allows; less of a smaller image."""
    tall, wide = (min(side, length) // grid * grid for length in (height, width))
    top = _start(square.top + square.height // 2 - tall // 2, height - tall, grid)
    left = _start(square.left + square.width // 2 - wide // 2, width - wide, grid)
    return Window(top, left, tall, wide)


def _side(height: int, width: int, grid: int) -> int:
    shorter = min(height, width)
    return min(shorter, max(SMALLEST, min(LARGEST, shorter // SHARE))) // grid * grid


def _start(wanted: int, last: int, grid: int) -> int:
    return max(0, min(wanted, last)) // grid * grid


def _window_variances(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The variance in every `side` x `side` window, at its top left corner."""
    sums, squares = (_window_sums(part, side) / side**2 for part in (values, values**2))
    return squares - sums**2


def _window_sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """The sum of every `side` x `side` window, at its top left corner."""
    total = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    )
    return sums


def _gains(scores: Scores, reference: str, metric: str) -> pd.Series:
    """What Cria-CL is better by, image by image, where both have a finite score."""
    difference = (finite(scores, CRIA, metric) - finite(scores, reference, metric)).dropna()
    return difference if METRICS[metric].higher_is_better else -difference


def _median(values: pd.Series) -> str:
    """The image in the middle; equal ones go by name."""
    ordered = values.sort_index().sort_values(kind="stable").index
    return str(ordered[(len(ordered) - 1) // 2])
