"""The test images of a dataset, and 8-bit RGB files in and out."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from pipeline.errors import UserError

Image = NDArray[np.uint8]
EIGHT_BIT = {"1", "L", "LA", "P", "PA", "RGB", "RGBA"}  # Pillow's modes that turn into RGB without loss of scale


@dataclass(frozen=True)
class Case:
    """A test image: one row of role `test` in a split; `hr` is None for a set without ground truth."""

    id: str
    lr: Path
    hr: Path | None


def read_cases(root: Path, dataset: str) -> list[Case]:
    """The test images of `dataset` under `root` (runs/<preset>), in the order of the split.

    Raises `UserError` when the split is missing, lacks a column, or has no test image.
    """
    split = root / "splits" / f"{dataset}.csv"
    try:
        with split.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise UserError(f"{split} is missing. Run `dvc repro` to make it (stage split).") from None
    if any(row.get(column) is None for row in rows for column in ("id", "role", "hr", "lr")):
        raise UserError(
            f"{split}: expected the columns id, role, hr, lr in every row. Delete it and run `dvc repro`."
        )
    raw = root / "raw" / dataset
    cases = [
        Case(row["id"], raw / row["lr"], raw / row["hr"] if row["hr"] else None)
        for row in rows
        if row["role"] == "test"
    ]
    if not cases:
        raise UserError(f"{split} has no row of role `test`. Delete it and run `dvc repro`.")
    return cases


def read_rgb(path: Path, expected: str = "an 8-bit image") -> Image:
    """The image in `path`, uint8 (height, width, 3), decoded to its end; grey becomes RGB, alpha is dropped.

    `expected` says what the file should be, for the `UserError` when it is missing, cut short or not 8 bit.
    """
    try:
        with Pillow.open(path) as image:
            if image.mode not in EIGHT_BIT:
                raise UserError(f"{path} has the mode {image.mode}; expected {expected} with 8 bits a channel.")
            return np.asarray(image.convert("RGB"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; expected {expected} there. Run `dvc repro` to make it.") from None
    except (OSError, SyntaxError) as error:  # Pillow's answers to a file that is damaged or no image at all
        raise UserError(
            f"{path} cannot be read as {expected} ({error}). Delete it and run `dvc repro` to make it anew."
        ) from None


def write_png(path: Path, image: Image) -> None:
    """Write a uint8 RGB image of shape (height, width, 3) as PNG."""
    Pillow.fromarray(image).save(path, format="PNG")
