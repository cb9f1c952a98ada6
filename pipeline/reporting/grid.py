"""A table as the text of its cells: the one form that Markdown, LaTeX and HTML are written from."""

import math
from dataclasses import dataclass
from itertools import accumulate

import pandas as pd

from pipeline.evaluation.metrics import METRICS, Metric
from pipeline.reporting.steps import Step
from pipeline.reporting.tables import StudyTable, marks


@dataclass(frozen=True)
class Cell:
    """Text of a cell, and its mark among our rows: "best", "second" or ""."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Group:
    """Neighbouring columns under one title."""

    title: str
    headers: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row: its title and its cells, over all groups."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """The cells of a table. `starts` are the places, in a row's cells, where a group begins."""

    groups: tuple[Group, ...]
    rows: tuple[Row, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        lengths = [len(group.headers) for group in self.groups]
        return tuple(accumulate(lengths[:-1], initial=0))


def grid(table: StudyTable) -> Grid:
    """The table as text: ours with marks (and deviations over runs), the paper's as printed, the difference."""
    parts = [("This study", _ours(table)), ("Paper", _paper(table))]
    if table.steps is not None:
        parts.append(("Against the row above", table.steps.apply(_step_column)))
    if table.difference is not None:
        parts.append(("Difference", table.difference.apply(_signed)))
    groups = tuple(Group(title, tuple(map(_header, frame.columns))) for title, frame in parts)
    cells = pd.concat([frame for _, frame in parts], axis="columns")
    rows = tuple(Row(str(title), tuple(values)) for title, *values in cells.itertuples(name=None))
    return Grid(groups, rows)


def number(value: float, decimals: int, deviation: float = math.nan) -> str:
    """A value as printed: "" for NaN, the infinity sign, and "± deviation" where there is one."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    return text if math.isnan(deviation) else f"{text} ± {deviation:.{decimals}f}"


def _header(name: str) -> str:
    metric = METRICS[name]
    return f"{metric.title} {'↑' if metric.higher_is_better else '↓'}"


def _ours(table: StudyTable) -> pd.DataFrame:
    columns = {
        name: _our_column(table.ours[name], table.deviation[name], METRICS[name]) for name in table.ours.columns
    }
    return pd.DataFrame(columns, index=table.rows.index)


def _our_column(values: pd.Series, deviations: pd.Series, metric: Metric) -> list[Cell]:
    return [
        Cell(number(value, metric.decimals, deviation), mark)
        for value, deviation, mark in zip(values, deviations, marks(values, metric), strict=True)
    ]


def _paper(table: StudyTable) -> pd.DataFrame:
    """The paper's values as printed; a dash where it gives none."""
    given = table.paper.mask(table.statuses == "not reported", "–")
    return given.map(Cell)


def _step_column(column: pd.Series) -> pd.Series:
    """Changes with their intervals; bold where the interval leaves zero out."""
    return column.map(lambda step: _step_cell(step, METRICS[str(column.name)].decimals))


def _step_cell(step: Step | None, decimals: int) -> Cell:
    if step is None:
        return Cell("")
    text = f"{step.change:+.{decimals}f} [{step.low:+.{decimals}f}, {step.high:+.{decimals}f}]"
    return Cell(text.replace("-", "−"), "best" if step.clear else "")


def _signed(differences: pd.Series) -> pd.Series:
    decimals = METRICS[str(differences.name)].decimals
    return differences.map(
        lambda value: Cell("" if math.isnan(value) else f"{value:+.{decimals}f}".replace("-", "−"))
    )
