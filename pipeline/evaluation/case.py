"""A test image of a dataset."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.images import Pixels, read_rgb


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
