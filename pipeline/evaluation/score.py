"""Score every restored method of one dataset: a row an image, a column a metric."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.datasets import alignment
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.cases import Case, read_cases, read_restored, restored_folder
from pipeline.evaluation.metrics import METRICS, measure
from pipeline.files import read_json, whole_folder
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Protocol


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


def score(root: Path, dataset: Dataset, protocol: Protocol, results: Path | None = None) -> None:
    """Write results/scores/<dataset>/<method>.csv for every restored method; an undefined value is an empty cell.

    Args:
        root: runs/<preset>, where the images lie.
        results: where restored images and scores lie; None is `root`.

    Raises `UserError` when nothing was restored, or an image is missing, damaged or of another size than its
    ground truth; then nothing is written.
    """
    results = results or root
    methods = restored_methods(results, dataset)
    if not methods:
        raise UserError(f"{results / 'restored' / dataset} has no restored image. Run `dvc repro` (stage restore).")
    rows: dict[str, list[dict[str, str | float]]] = {method: [] for method in methods}
    cases = read_cases(root, dataset)
    with progress(f"score {dataset}", len(cases)) as meter:
        for case in cases:
            hr = read_rgb(case.hr) if case.hr else None
            for method in methods:
                folder = restored_folder(results, dataset, method)
                rows[method].append({"image": case.id, **_values(folder, case, hr, SCALES[dataset], protocol)})
            meter.update()
    with whole_folder(results / "scores" / dataset) as folder:
        for method in methods:
            _write(folder / f"{method}.csv", rows[method], protocol.metrics)


def _values(folder: Path, case: Case, hr: Pixels | None, scale: int, protocol: Protocol) -> dict[str, float]:
    """The metrics of one restored image."""
    sr = read_restored(folder, case)
    if hr is not None:
        lr = (sr.shape[0] // scale, sr.shape[1] // scale)
        if not alignment.belong_together(lr, hr.shape, scale):
            raise UserError(
                f"{folder / case.id}.png is {_size(sr)}, but its ground truth {case.hr} is {_size(hr)}. "
                "Restore it again at the dataset's scale, or mend the split."
            )
        height, width = (scale * side for side in alignment.common(lr, hr.shape, scale))
        sr, hr = sr[:height, :width], hr[:height, :width]
    return {name: measure(METRICS[name], sr, hr, protocol.border) for name in protocol.metrics}


def _size(image: Pixels) -> str:
    return f"{image.shape[1]}x{image.shape[0]} pixels"


def _write(path: Path, rows: Sequence[dict[str, str | float]], metrics: Sequence[str]) -> None:
    """CSV with the shortest text that reads back as the same float; NaN is an empty cell."""
    pd.DataFrame(rows, columns=["image", *metrics]).to_csv(path, index=False, lineterminator="\n")
