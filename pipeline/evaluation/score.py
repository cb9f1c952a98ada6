"""Score every restored method of one dataset: a row an image, a column a metric.

Images are independent of each other: each is read and measured whole in one thread of a pool.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd

from pipeline.datasets import alignment
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.environment import cores
from pipeline.errors import UserError
from pipeline.evaluation.cases import Case, read_cases, read_restored, restored_folder
from pipeline.evaluation.metrics import Picture, Scorer
from pipeline.files import read_json, whole_folder
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Protocol

AT_ONCE = 4
"""Images at most: the features of one of 840x600 pixels take up to a gigabyte."""


def restored_methods(root: Path, dataset: str) -> list[str]:
    """The methods that have restored `dataset` under `root` (runs/<preset>), by name."""
    return sorted(file.parent.name for file in (root / "restored" / dataset).glob("[!.]*/restored.json"))


def trainings(root: Path, dataset: str) -> dict[str, str]:
    """The name of the run behind each method that has restored `dataset` and was trained, by method."""
    runs = {
        method: read_json(restored_folder(root, dataset, method) / "restored.json")["run"]
        for method in restored_methods(root, dataset)
    }
    return {method: str(run) for method, run in runs.items() if run}


def score(
    root: Path,
    dataset: Dataset,
    protocol: Protocol,
    results: Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
) -> None:
    """Write results/scores/<dataset>/<method>.csv for every restored method; an undefined value is an empty cell.

    Args:
        root: runs/<preset>, where the images and the weights of the metrics lie.
        results: where restored images and scores lie; None is `root`.
        device: `cpu` or `cuda`, for the metrics that are networks.
        threads: how many images are measured at once, None for as many as there are cores up to `AT_ONCE`; no
            value depends on it.

    Raises `UserError` when nothing was restored, a metric's weights are missing, or an image is missing, damaged or
    of another size than its ground truth; then nothing is written.
    """
    results = results or root
    methods = restored_methods(results, dataset)
    if not methods:
        raise UserError(f"{results / 'restored' / dataset} has no restored image. Run `dvc repro` (stage restore).")
    folders = [restored_folder(results, dataset, method) for method in methods]
    cases = read_cases(root, dataset)
    scorer = Scorer(protocol.metrics, root / "pretrained", device)
    values = partial(_values, folders=folders, scale=SCALES[dataset], border=protocol.border, scorer=scorer)
    rows = []
    with (
        progress(f"score {dataset}", len(cases)) as meter,
        ThreadPoolExecutor(threads or min(cores(), AT_ONCE)) as pool,
    ):
        for row in pool.map(values, cases):
            rows.append(row)
            meter.update()
    with whole_folder(results / "scores" / dataset) as folder:
        for method, column in zip(methods, zip(*rows, strict=True), strict=True):
            _write(folder / f"{method}.csv", column, protocol.metrics)


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


def _values(
    case: Case, folders: Sequence[Path], scale: int, border: int, scorer: Scorer
) -> list[dict[str, str | float]]:
    """What the image of each of `folders` scores beside the ground truth of `case`."""
    truth = Truth(case, scale, border)
    return [{"image": case.id, **scorer(*truth.beside(read_restored(folder, case), folder))} for folder in folders]


def _size(image: Pixels) -> str:
    return f"{image.shape[1]}x{image.shape[0]} pixels"


def _write(path: Path, rows: Sequence[dict[str, str | float]], metrics: Sequence[str]) -> None:
    """CSV with the shortest text that reads back as the same float; NaN is an empty cell."""
    pd.DataFrame(rows, columns=["image", *metrics]).to_csv(path, index=False, lineterminator="\n")
