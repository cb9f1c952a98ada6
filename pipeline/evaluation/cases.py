"""The test images of a dataset, and where each method leaves its restored image."""

from pathlib import Path

from pipeline.datasets import splits
from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.files import read_json
from pipeline.settings import Dataset, Study


def read_cases(root: Path, dataset: str) -> list[Case]:
    """The test images of `dataset` under `root` (runs/<preset>), in the order of the split.

    Raises `UserError` when the split is missing, lacks a column, or has no test image.
    """
    split = root / "splits" / f"{dataset}.csv"
    rows = [row for row in splits.read(split) if row.role == "test"]
    if not rows:
        raise UserError(f"{split} has no row of role `test`. Delete it and run `dvc repro`.")
    raw = root / "raw" / dataset
    return [Case(row.id, raw / row.lr, raw / row.hr if row.hr else None) for row in rows]


def model_folder(root: Path, study: Study, dataset: Dataset, configuration: str) -> Path:
    """Where the trained model that restores a dataset lies under `root` (`results_root`).

    Raises `UserError` for a dataset that no training of the study is for.
    """
    training_set = study.trained_on(dataset)
    if training_set is None:
        raise UserError(f"no training of the study is for {dataset}; it is for interpolations and rivals")
    return root / "models" / training_set / configuration


def restored_folder(root: Path, dataset: str, method: str) -> Path:
    """Where a method's restored images of a dataset lie: <id>.png, and restored.json, which names the run."""
    return root / "restored" / dataset / method


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


def read_restored(folder: Path, case: Case) -> Pixels:
    """The restored image of `case`, uint8 (height, width, 3). Raises `UserError` when missing or damaged."""
    try:
        return read_rgb(folder / f"{case.id}.png")
    except UserError as error:
        raise UserError(f"{error} As a restored image: delete {folder} and run `dvc repro`.") from None
