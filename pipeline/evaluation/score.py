"""Score restored images: a row an image, a column a metric.

Images are independent of each other: each is read and measured whole in one thread of a pool, as many at once as
there is memory for.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from pipeline.datasets import alignment
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.environment import cores
from pipeline.errors import UserError
from pipeline.evaluation.case import Case, read_restored
from pipeline.evaluation.metrics import Picture, Scorer
from pipeline.evaluation.room import Room
from pipeline.files import whole_file

AT_ONCE = 4
"""Images at most."""

PIXELS_AT_ONCE = 4 * 840 * 600
"""Pixels of these images at most: the features of the metrics take up to 2.3 kB for each."""

Row = dict[str, str | float]
"""An image's id under `image`, and its value by metric."""


@dataclass(frozen=True)
class Measure:
    """How the images of a dataset are scored.

    Attributes:
        metrics: names of pipeline/evaluation/metrics/table.py.
        weights: the folder of the weights that they judge with.
        device: `cpu` or `cuda`, for the metrics that are networks.
        scale: of the dataset.
        border: pixels left out at each edge.
    """

    metrics: tuple[str, ...]
    weights: Path
    device: str
    scale: int
    border: int


def score(
    cases: Sequence[Case], folders: Sequence[Path], measure: Measure, threads: int | None = None
) -> list[list[Row]]:
    """For each case, a row for its image in each of `folders`.

    Args:
        threads: how many images are measured at once at most, None for as many as there are cores up to `AT_ONCE`;
            no value depends on it.

    Raises `UserError` when a metric's weights are missing, an image is missing, damaged or of another size than its
    ground truth, or a GPU has not the memory for a single image.
    """
    scorer, room = loaded(measure), _room(measure)
    with ThreadPoolExecutor(threads or min(cores(), AT_ONCE)) as pool:
        return list(pool.map(lambda case: _rows(case, folders, measure, scorer, room), cases))


@cache
def loaded(measure: Measure) -> Scorer:
    """The metrics with their weights, once a process. Raises `UserError` when those are missing."""
    return Scorer(measure.metrics, measure.weights, measure.device)


@cache
def _room(_measure: Measure) -> Room:
    """Once a process, so that what a GPU could not hold is not tried again with the next images."""
    return Room(PIXELS_AT_ONCE)


class Truth:
    """The ground truth of one case, decoded once, and one picture for all methods that restored it."""

    def __init__(self, case: Case, scale: int, border: int) -> None:
        self.case, self.scale, self.border = case, scale, border
        self._hr = read_rgb(case.hr) if case.hr else None
        self._pictures: dict[tuple[int, int], Picture] = {}

    def beside(self, sr: Pixels, folder: Path) -> tuple[Picture, Picture | None]:
        """A restored image and the ground truth, both cut to what both show; None where there is no truth.

        Raises `UserError`, naming the image in `folder`, when they do not belong together.
        """
        if self._hr is None:
            return Picture(sr, self.border), None
        lr = (sr.shape[0] // self.scale, sr.shape[1] // self.scale)
        if not alignment.belong_together(lr, self._hr.shape, self.scale):
            raise UserError(
                f"{folder / self.case.id}.png is {_size(sr)}, but its ground truth {self.case.hr} is "
                f"{_size(self._hr)}. Restore it again at the dataset's scale, or mend the split."
            )
        low_height, low_width = alignment.common(lr, self._hr.shape, self.scale)
        height, width = self.scale * low_height, self.scale * low_width
        hr = self._pictures.setdefault((height, width), Picture(self._hr[:height, :width], self.border))
        return Picture(sr[:height, :width], self.border), hr


def _rows(case: Case, folders: Sequence[Path], measure: Measure, scorer: Scorer, room: Room) -> list[Row]:
    restored = [read_restored(folder, case) for folder in folders]

    def measured() -> list[Row]:
        truth = Truth(case, measure.scale, measure.border)
        pairs = (truth.beside(sr, folder) for sr, folder in zip(restored, folders, strict=True))
        return [{"image": case.id, **scorer(*pair)} for pair in pairs]

    return room.run(max((sr.shape[0] * sr.shape[1] for sr in restored), default=0), case.id, measured)


def _size(image: Pixels) -> str:
    return f"{image.shape[1]}x{image.shape[0]} pixels"


def write_scores(path: Path, rows: Sequence[Row], metrics: Sequence[str]) -> None:
    """CSV with the shortest text that reads back as the same float; NaN is an empty cell."""
    with whole_file(path) as temporary:
        pd.DataFrame(rows, columns=["image", *metrics]).to_csv(temporary, index=False, lineterminator="\n")
