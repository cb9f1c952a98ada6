"""A test image of a dataset, and its restored image."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.images import Pixels, read_rgb
from pipeline.errors import UserError


@dataclass(frozen=True)
class Case:
    """A test image; `hr` is None for a set without ground truth."""

    id: str
    lr: Path
    hr: Path | None

    def read_lr(self) -> Pixels:
        """Its LR image, uint8 (height, width, 3); without ground truth turned upright, and RGB where it is grey.

        Raises `UserError` when it is missing or damaged.
        """
        return read_rgb(self.lr, alone=self.hr is None)


def read_restored(folder: Path, case: Case) -> Pixels:
    """The restored image of `case`, uint8 (height, width, 3). Raises `UserError` when missing or damaged."""
    try:
        return read_rgb(folder / f"{case.id}.png")
    except UserError as error:
        raise UserError(f"{error} As a restored image: delete {folder} and run `dvc repro`.") from None
