"""A comparison or an ablation as it is written: its numbers as cells, and in full."""

import math
from collections.abc import Callable

import pandas as pd

from pipeline.reporting import captions
from pipeline.reporting.columns import Column, column
from pipeline.reporting.grid import OURS, Cell, Grid, grid, interval, number, signed
from pipeline.reporting.paper import NO_VALUE
from pipeline.reporting.sheet import Sheet
from pipeline.reporting.statistics import LEVEL
from pipeline.reporting.steps import Step
from pipeline.reporting.tables import StudyTable, marks

PARTITION = "Partition"
"""The title of the group of columns about it: settings, not measurements."""

_STEP_COLUMNS = {"": "change", "_low": "low", "_high": "high", "_over_seeds": "over_seeds", "_p": "p"}

CellOf = Callable[[pd.Series, Column], list[Cell]]


def study_sheets(table: StudyTable) -> list[Sheet]:
    """The table, and an ablation's contrasts, where there are any, as a table of their own."""
    return [study_sheet(table), *([_contrasts_sheet(table)] if table.contrasts else [])]


def study_sheet(table: StudyTable) -> Sheet:
    """The table without its contrasts."""
    return Sheet(
        name=f"table_{table.number}",
        title=f"Table {table.numeral}",
        caption=table.caption,
        reading=table.reading,
        notes=table.notes,
        grid=_grid(table),
        data=_data(table),
    )


def _contrasts_sheet(table: StudyTable) -> Sheet:
    methods = {str(title): str(method) for title, method in table.rows["method"].items()}
    numbers = [_step_numbers(steps, f"step_from_{methods[title]}") for title, steps in table.contrasts.items()]
    return Sheet(
        name=f"table_{table.number}_contrasts",
        title=f"Table {table.numeral}, contrasts",
        caption=f"Each row against {' and against '.join(table.contrasts)}. {table.caption}",
        reading=(captions.STEP_NOTE,),
        notes=tuple(
            dict.fromkeys(note for steps in table.contrasts.values() for note in captions.step_notes(steps))
        ),
        grid=grid(
            [(f"Against {title}", _step_cells(steps)) for title, steps in table.contrasts.items()], table.paper_rows
        ),
        data=pd.concat([_about(table), *numbers], axis="columns"),
    )


def _grid(table: StudyTable) -> Grid:
    """Ours with marks, intervals, daggers and deviations over the seeds, the paper's as printed, the difference.

    A metric that was measured nowhere has a column only where the paper has one.
    """
    names = [str(name) for name in table.ours]
    shown = [name for name in names if table.ours[name].notna().any() or name in table.paper]
    printed = table.paper.replace(NO_VALUE, "–").map(Cell)
    parts = [] if table.partition is None else [(PARTITION, table.partition.map(Cell))]
    parts += [
        (OURS, pd.DataFrame({column(name).header: _ours(table, name) for name in shown})),
        ("Paper", printed.rename(columns=_header)),
    ]
    if table.steps is not None:
        parts.append(("Against the row above", _step_cells(table.steps)))
    if table.difference is not None:
        parts.append(("Difference", table.difference.apply(_differences).rename(columns=_header)))
    framed = [(title, frame.set_axis(table.rows.index, axis="index")) for title, frame in parts]
    return grid(framed, table.paper_rows)


def _header(name: str) -> str:
    return column(name).header


def _ours(table: StudyTable, name: str) -> list[Cell]:
    kind, values = column(name), table.ours[name]
    texts = [
        number(value, kind.decimals, deviation)
        for value, deviation in zip(values, table.deviation[name], strict=True)
    ]
    if table.statistics is None:
        smalls = signs = [""] * len(texts)
    else:
        low, high, p = (frame[name] for frame in (table.statistics.low, table.statistics.high, table.statistics.p))
        smalls = [interval(*ends, kind.decimals - 1) for ends in zip(low, high, strict=True)]
        signs = ["†" if value > LEVEL else "" for value in p]
    return [Cell(*parts) for parts in zip(texts, marks(values, kind), signs, smalls, strict=True)]


def _step_cells(steps: pd.DataFrame) -> pd.DataFrame:
    return steps.apply(_step_column).rename(columns=_header)


def _step_column(steps: pd.Series) -> pd.Series:
    """Changes with their intervals; bold where they stand above the images and above the seeds."""
    decimals = column(str(steps.name)).decimals
    return steps.map(lambda step: _step_cell(step, decimals))


def _step_cell(step: Step | None, decimals: int) -> Cell:
    if step is None:
        return Cell("")
    low, high = (signed(end, decimals) for end in (step.low, step.high))
    ends = "" if math.isnan(step.low) else f"[{low}, {high}]"
    return Cell(signed(step.change, decimals), mark="best" if step.stands else "", small=ends)


def _differences(differences: pd.Series) -> pd.Series:
    decimals = column(str(differences.name)).decimals
    return differences.map(lambda value: Cell(signed(value, decimals)))


def _data(table: StudyTable) -> pd.DataFrame:
    """method, run, group, preset, data, our metrics, ci_low_*, p_*, paper_* and others, where there are any."""
    parts = [_about(table), table.ours]
    if table.deviation.notna().any(axis=None):
        parts.append(table.deviation.add_prefix("deviation_"))
    if table.statistics is not None:
        parts += [
            table.statistics.low.add_prefix("ci_low_"),
            table.statistics.high.add_prefix("ci_high_"),
            table.statistics.p.add_prefix("p_"),
        ]
    parts.append(table.paper.replace(NO_VALUE, "").add_prefix("paper_"))
    if table.partition is not None:
        parts.append(table.partition.rename(columns=str.lower))
    if table.steps is not None:
        parts.append(_step_numbers(table.steps, "step"))
    if table.difference is not None:
        parts.append(table.difference.add_prefix("difference_"))
    return pd.concat([*parts, table.seeds], axis="columns")


def _about(table: StudyTable) -> pd.DataFrame:
    return table.rows.assign(preset=table.source.preset, data=table.source.label)


def _step_numbers(steps: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Columns <prefix>_<metric>, the change, and <prefix>_{low,high,over_seeds,p}_<metric>."""
    columns = {
        f"{prefix}{suffix}_{name}": column.map(lambda step, part=part: getattr(step, part, float("nan")))
        for name, column in steps.items()
        for suffix, part in _STEP_COLUMNS.items()
    }
    return pd.DataFrame(columns, index=steps.index)
