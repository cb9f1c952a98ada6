"""A table as CSV, Markdown and LaTeX. No format holds a date or a path: equal results give equal bytes."""

import re
from pathlib import Path

import jinja2
import pandas as pd

from pipeline.reporting.grid import Cell, grid
from pipeline.reporting.tables import StudyTable

TEMPLATES = Path(__file__).parent / "templates"
TEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "∞": r"$\infty$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
}


def to_csv(table: StudyTable) -> str:
    """Numbers in full, a column each: row, method, run, preset, data, our metrics, paper_* and any difference_*."""
    parts = [table.rows.assign(preset=table.source.preset, data=table.source.label), table.ours]
    if table.deviation.notna().any(axis=None):
        parts.append(table.deviation.add_prefix("deviation_"))
    parts.append(table.paper.add_prefix("paper_"))
    if table.steps is not None:
        parts.append(_step_numbers(table.steps))
    if table.difference is not None:
        parts.append(table.difference.add_prefix("difference_"))
    return pd.concat(parts, axis="columns").to_csv(index_label="row", lineterminator="\n")


def _step_numbers(steps: pd.DataFrame) -> pd.DataFrame:
    """Columns step_<metric>, step_low_<metric>, step_high_<metric>."""
    columns = {
        f"{prefix}_{name}": column.map(lambda step, part=part: getattr(step, part, float("nan")))
        for name, column in steps.items()
        for prefix, part in (("step", "change"), ("step_low", "low"), ("step_high", "high"))
    }
    return pd.DataFrame(columns, index=steps.index)


def to_markdown(table: StudyTable) -> str:
    """A GitHub-flavoured table with its caption above and its notes below."""
    cells = grid(table)
    ours, *others = cells.groups
    headers = ["Method", *ours.headers, *(f"{group.title} {name}" for group in others for name in group.headers)]
    lines = [
        f"**Table {table.numeral}.** {_markdown(table.caption)}",
        "",
        _line(headers),
        _line(["---", *["---:"] * (len(headers) - 1)]),
        *(_line([_markdown(row.title), *map(_markdown_cell, row.cells)]) for row in cells.rows),
        "",
        *(f"- {_markdown(note)}" for note in (*table.reading, *table.notes)),
    ]
    return "\n".join(lines) + "\n"


def to_latex(table: StudyTable) -> str:
    """A `table*` that needs only the package booktabs."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"tex": tex, "tex_cell": _tex_cell}
    return environment.get_template("table.tex.j2").render(table=table, grid=grid(table))


def tex(text: str) -> str:
    """Text with LaTeX's special characters written so that they print."""
    return "".join(TEX.get(character, character) for character in text)


def _tex_cell(cell: Cell) -> str:
    command = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.mark, "%s")
    return command % tex(cell.text)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>])", r"\\\1", text)


def _markdown_cell(cell: Cell) -> str:
    template = {"best": "**{}**", "second": "<u>{}</u>"}.get(cell.mark, "{}")
    return template.format(_markdown(cell.text))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
