"""The test images of a dataset, and what was restored of them."""

from pathlib import Path

from pipeline.datasets import splits
from pipeline.errors import UserError
from pipeline.evaluation.case import Case, read_restored

__all__ = ["read_cases", "read_restored"]


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
