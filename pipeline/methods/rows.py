"""The rows of a dataset's tables: their names, titles and order, and how the images of each come to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.settings import SCALES, Dataset, Rival, Settings

Kind = Literal["interpolation", "trained", "published"]

TITLES: Mapping[str, str] = {
    "identity": "LR, untouched",
    "bicubic": "Bicubic",
    "bicubic_matlab": "Bicubic, MATLAB's",
    "lanczos": "Lanczos",
    "plain": "RRDB, weighted sum (plain)",
    "full": "Cria-CL (full)",
}
"""Of interpolations and configurations; any other configuration goes by its own name."""


@dataclass(frozen=True)
class Row:
    """A row of the tables: its name in files and in params.yaml, its title, and how its images come to be."""

    name: str
    title: str
    kind: Kind


def rows(settings: Settings, preset: str, dataset: Dataset) -> tuple[Row, ...]:
    """The rows of a dataset in the tables' order: references, rows that are trained here, published networks.

    The rows of the ablations are among them on the dataset of Tables V and VI.
    """
    references = settings.study.interpolations if SCALES[dataset] > 1 else ["identity"]
    trained = settings.rows(dataset) if settings.study.sets.get(dataset) else []
    return (
        *(interpolation_row(name) for name in references),
        *(trained_row(name) for name in trained),
        *(published_row(name, settings.rivals[name]) for name in settings.preset(preset).rivals),
    )


def interpolation_row(name: str) -> Row:
    """A method without weights."""
    return Row(name, TITLES[name], "interpolation")


def trained_row(name: str) -> Row:
    """A configuration of params.yaml."""
    return Row(name, TITLES.get(name, name), "trained")


def published_row(name: str, rival: Rival) -> Row:
    """A rival of params.yaml."""
    return Row(name, rival.title, "published")
