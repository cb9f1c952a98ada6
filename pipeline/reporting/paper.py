"""The paper's tables as transcribed in reports/paper: the column every result is held against."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError

FOLDER = Path("reports", "paper")
COLUMNS = (
    *("row", "method", "named_by", "dataset", "metric"),
    *("value", "status", "source", "elsewhere", "elsewhere_source"),
)
OF_THE_PAPER = {"paper", "facts-derived"}
STATUSES = OF_THE_PAPER | {"not found", "not reported", "cited-source", "authors-repo"}


@dataclass(frozen=True)
class PaperTable:
    """One transcribed table.

    Attributes:
        numeral: its number as printed, such as "II".
        order_known: whether the order of `rows` is the printed one.
        rows: a row a table row, in the transcription's order; columns row, method, named_by.
        cells: text, a row a table row (index: row), a column a metric; "" where the paper's value is not known.
        statuses: as `cells`, the status of each.
        elsewhere: as `cells`, what the authors' repository gives for this table (status `authors-repo`), else "".
        elsewhere_sources: where those values were read.
    """

    numeral: str
    order_known: bool
    rows: pd.DataFrame
    cells: pd.DataFrame
    statuses: pd.DataFrame
    elsewhere: pd.DataFrame
    elsewhere_sources: tuple[str, ...]


def read_paper_table(number: int, folder: Path = FOLDER) -> PaperTable:
    """Read table `number`.

    Raises `UserError` for a missing file or column, an unknown status, or a value whose status says that it is
    not the paper's own.
    """
    about = _read(folder / "tables.csv", ("table", "numeral", "row_order")).set_index("table")
    file = folder / f"table_{number}.csv"
    long = _read(file, COLUMNS)
    for cell in long.itertuples(index=False):
        if cell.status not in STATUSES or (cell.value != "") != (cell.status in OF_THE_PAPER):
            raise UserError(
                f"{file}: {cell.row}, {cell.metric}: value {cell.value!r} with status {cell.status!r}. A value "
                f"stands with the status {' or '.join(sorted(OF_THE_PAPER))}, an empty one with another of "
                f"{', '.join(sorted(STATUSES))}."
            )
    theirs = long["status"] == "authors-repo"
    return PaperTable(
        numeral=str(about.loc[str(number), "numeral"]),
        order_known=str(about.loc[str(number), "row_order"]) == "attested",
        rows=long[["row", "method", "named_by"]].drop_duplicates(ignore_index=True),
        cells=_wide(long, "value"),
        statuses=_wide(long, "status"),
        elsewhere=_wide(long.assign(elsewhere=long["elsewhere"].where(theirs, "")), "elsewhere"),
        elsewhere_sources=tuple(dict.fromkeys(long.loc[theirs, "elsewhere_source"])),
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


def _wide(long: pd.DataFrame, values: str) -> pd.DataFrame:
    """`values` with a row a table row and a column a metric, both in order of first appearance."""
    wide = long.pivot_table(index="row", columns="metric", values=values, aggfunc="first", sort=False)
    return wide.fillna("")
