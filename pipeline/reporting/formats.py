"""A table as CSV, Markdown and LaTeX. No format holds a date or a path: equal results give equal bytes."""

import re
from collections.abc import Sequence
from pathlib import Path

import jinja2

from pipeline.files import whole_folder
from pipeline.reporting.grid import APART, OURS, Cell
from pipeline.reporting.sheet import Sheet

TEMPLATES = Path(__file__).parent / "templates"
TEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",  # these three are other characters in LaTeX's default encoding
    ">": "$>$",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "×": r"$\times$",
    "÷": r"$\div$",
    "≤": r"$\le$",
    "∞": r"$\infty$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$^\dagger$",
}


def write_sheets(sheets: Sequence[Sheet], folder: Path) -> None:
    """Write <name>.{csv,md,tex} of every table to `folder`, all or none."""
    with whole_folder(folder) as temporary:
        for sheet in sheets:
            for suffix, write in FORMATS.items():
                (temporary / f"{sheet.name}.{suffix}").write_text(write(sheet), encoding="utf-8")


def to_csv(sheet: Sheet) -> str:
    """Numbers in full, a row a row of the table."""
    return sheet.data.to_csv(index_label="row", lineterminator="\n")


def to_markdown(sheet: Sheet) -> str:
    """A GitHub-flavoured table with its caption above and its notes below."""
    titled = [(group.title, name) for group in sheet.grid.groups for name in group.headers]
    headers = ["Method", *(name if title == OURS else f"{title} {name}" for title, name in titled)]
    rows = [_line([_markdown(row.title), *map(_markdown_cell, row.cells)]) for row in sheet.grid.rows]
    if sheet.grid.apart is not None:
        rows.insert(sheet.grid.apart, _line([f"*{APART}*", *[""] * len(titled)]))
    lines = [
        f"**{sheet.title}.** {_markdown(sheet.caption)}",
        "",
        _line(headers),
        _line(["---", *["---:"] * (len(headers) - 1)]),
        *rows,
        "",
        *(f"- {_markdown(note)}" for note in (*sheet.reading, *sheet.notes)),
    ]
    return "\n".join(lines) + "\n"


def to_latex(sheet: Sheet) -> str:
    """A `table*` no wider than the page that needs the packages booktabs and graphicx."""
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
    return environment.get_template("table.tex.j2").render(sheet=sheet, grid=sheet.grid, apart=APART)


FORMATS = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def tex(text: str) -> str:
    """Text with LaTeX's special characters written so that they print."""
    return "".join(TEX.get(character, character) for character in text)


def _tex_cell(cell: Cell) -> str:
    command = {"best": r"\textbf{%s}", "second": r"\underline{%s}"}.get(cell.mark, "%s")
    return command % tex(cell.text) + tex(cell.sign)


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>])", r"\\\1", text)


def _markdown_cell(cell: Cell) -> str:
    template = {"best": "**{}**", "second": "<u>{}</u>"}.get(cell.mark, "{}")
    small = f"<br><sub>{_markdown(cell.small)}</sub>" if cell.small else ""
    return template.format(_markdown(cell.text)) + cell.sign + small


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
