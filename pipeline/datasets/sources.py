"""Where a dataset comes from: the kinds of source that `source:` of a preset can name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.datasets import standins
from pipeline.settings import Dataset, Preset

Fetch = Callable[[Dataset, Preset, Path], None]
"""Fills an empty folder with a dataset in its official layout, or raises `UserError`."""


def _standin(dataset: Dataset, preset: Preset, folder: Path) -> None:
    standins.write(dataset, preset.dataset(dataset), preset.run.seed, folder)


SOURCES: Mapping[str, Fetch] = {"standin": _standin}


def fetch(dataset: Dataset, preset: Preset, folder: Path) -> None:
    """Fill an empty `folder` with a dataset from the preset's source."""
    SOURCES[preset.source](dataset, preset, folder)
