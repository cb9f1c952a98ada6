"""A table as the text of its cells: the one form that Markdown, LaTeX and HTML are written from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import pandas as pd

OURS = "This study"
"""The title of the group of our own columns."""
APART = "Not in the paper's table"
"""The title of the group of rows that the paper has not."""


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what stands in it.
        mark: "best", "second" or "".
        sign: printed behind the text, such as a dagger.
        small: a second line in small print, such as an interval.
    """

    text: str
    mark: str = ""
    sign: str = ""
    small: str = ""


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

    @property
    def two_lines(self) -> bool:
        return any(cell.small for cell in self.cells)


@dataclass(frozen=True)
class Grid:
    """The cells of a table.

    Attributes:
        groups: of columns.
        rows: those of the paper first.
        apart: the place of the first row under the title `APART`; None where there is none.
    """

    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    apart: int | None = None

    @property
    def starts(self) -> tuple[int, ...]:
        """The places, in a row's cells, where a group of columns begins."""
        lengths = [len(group.headers) for group in self.groups]
        return tuple(accumulate(lengths[:-1], initial=0))


def grid(parts: Sequence[tuple[str, pd.DataFrame]], paper: int | None = None) -> Grid:
    """Groups of columns side by side.

    Args:
        parts: for each group its title and its cells: a column a header, indexed by the rows' titles, of `Cell`.
        paper: how many rows, the first, are the paper's; None for a table that has nothing of it.
    """
    groups = tuple(Group(title, tuple(map(str, frame.columns))) for title, frame in parts)
    cells = pd.concat([frame for _, frame in parts], axis="columns")
    rows = tuple(Row(str(title), tuple(values)) for title, *values in cells.itertuples(name=None))
    return Grid(groups, rows, paper if paper is not None and paper < len(rows) else None)


def number(value: float, decimals: int, deviation: float = math.nan) -> str:
    """A value as printed: "" for NaN, the infinity sign, and "± deviation" where there is one."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}".replace("-", "−")
    return text if math.isnan(deviation) else f"{text} ± {deviation:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """A difference as printed, with its sign; "" for NaN."""
    return "" if math.isnan(value) else f"{value:+.{decimals}f}".replace("-", "−")


def interval(low: float, high: float, decimals: int) -> str:
    """An interval in brackets; "" where there is none."""
    return "" if math.isnan(low) else f"[{number(low, decimals)}, {number(high, decimals)}]"
