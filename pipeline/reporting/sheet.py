"""A table ready to be written: text for people, numbers for programs."""

from dataclasses import dataclass

import pandas as pd

from pipeline.reporting.grid import Grid


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        name: of its files and its label, such as "table_2".
        title: such as "Table II".
        caption: what it shows, at which preset, of which data.
        reading: how to read any table of its kind.
        notes: what is particular to this one.
        grid: its cells as text.
        data: its numbers in full; index: the rows' titles.
    """

    name: str
    title: str
    caption: str
    reading: tuple[str, ...]
    notes: tuple[str, ...]
    grid: Grid
    data: pd.DataFrame
