"""The paper's tables as transcribed in reports/paper: the column every result is held against."""

import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError

FOLDER = Path("reports", "paper")
NO_VALUE = "-"
"""Stands for a value that the paper leaves out of a row."""
VALUE = rf"{NO_VALUE}|\d+(\.\d+)?M?"
"""A number, in Table VII with the M of millions."""


@dataclass(frozen=True)
class PaperTable:
    """One transcribed table.

    Attributes:
        numeral: its number as printed, such as "II".
        section: where the paper has it.
        dataset: which its values are of.
        caption: what it shows, in this study's words.
        rows: a row a table row, in the printed order; columns row (as printed) and method (its name in this study).
        cells: values as printed, a row a table row (index: row), a column a metric; `NO_VALUE` where there is none.
        notes: what a reader of it should know.
    """

    numeral: str
    section: str
    dataset: str
    caption: str
    rows: pd.DataFrame
    cells: pd.DataFrame
    notes: tuple[str, ...]


def read_paper_table(number: int, folder: Path = FOLDER) -> PaperTable:
    """Read table `number`. Raises `UserError` for a missing file or column, or a cell that is no value."""
    about = _read(folder / "tables.csv", ("table", "numeral", "section", "dataset", "caption")).set_index("table")
    notes = _read(folder / "notes.csv", ("table", "note"))
    file = folder / f"table_{number}.csv"
    long = _read(file, ("row", "method", "metric", "value"))
    wide = long.pivot_table(index="row", columns="metric", values="value", aggfunc="first", sort=False)
    cells: pd.DataFrame = wide.fillna("")
    for row, metric in product(cells.index, cells.columns):
        value = str(cells.loc[row, metric])
        if not re.fullmatch(VALUE, value):
            raise UserError(
                f"{file}: {row}, {metric}: {value!r} is neither a number nor {NO_VALUE!r}, which stands for a "
                f"value that the paper leaves out. Write it as printed, or restore the file (git checkout {file})."
            )
    return PaperTable(
        numeral=str(about.loc[str(number), "numeral"]),
        section=str(about.loc[str(number), "section"]),
        dataset=str(about.loc[str(number), "dataset"]),
        caption=str(about.loc[str(number), "caption"]),
        rows=long[["row", "method"]].drop_duplicates(ignore_index=True),
        cells=cells,
        notes=tuple(notes.loc[notes["table"] == str(number), "note"]),
    )


def _read(file: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A CSV file as text, empty cells as ""."""
    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{file} is missing; it is part of the project (git checkout {file})") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not a CSV file ({error}); restore it (git checkout {file})") from None
    missing = sorted(set(columns) - set(frame.columns))
    if missing:
        raise UserError(f"{file} lacks the columns {', '.join(missing)}; restore it (git checkout {file})")
    return frame
