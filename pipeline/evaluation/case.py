"""A test image of a dataset."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A test image; `hr` is None for a set without ground truth."""

    id: str
    lr: Path
    hr: Path | None
