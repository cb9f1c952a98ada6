"""From a preset's histories on disk to Figure 1, and from the figure to files."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from pipeline.errors import UserError
from pipeline.files import whole_folder
from pipeline.reporting.captions import Source
from pipeline.reporting.figures import STYLE, Panel, convergence
from pipeline.reporting.histories import read_histories
from pipeline.reporting.paper import FOLDER, read_paper_table
from pipeline.reporting.study import method_titles, source_of
from pipeline.settings import Settings

FIGURE = "figure_1"
NO_DATES = {"svg": {"Date": None}, "png": {"Software": None}}
"""Metadata by format: equal figures give equal bytes."""


@dataclass(frozen=True)
class ShownFigure:
    """A figure as the page shows it; `links` are addresses relative to the page by format."""

    title: str
    caption: str
    alternative: str
    uri: str
    links: Mapping[str, str]


def study_figure(preset: str, settings: Settings, paper: Path = FOLDER) -> Figure:
    """Figure 1 of `preset`: a column for each table of the ablations.

    Raises `UserError` when a history or the transcription is missing or broken.
    """
    ablation = settings.ablation
    seeds, titles = settings.preset(preset).seeds, method_titles(settings, preset, ablation.data)
    histories = read_histories(preset, ablation.data, ablation.configurations, seeds)
    tables = {5: ablation.table_5, 6: ablation.table_6}
    panels = [_panel(number, rows, titles, paper) for number, rows in tables.items()]
    return convergence(histories, panels, _note(source_of(settings, preset, ablation.data), settings))


def write_figure(figure: Figure, folder: Path) -> None:
    """Write figure_1.svg and figure_1.png to `folder`, both or none."""
    with whole_folder(folder) as temporary, matplotlib.style.context(["default", STYLE]):
        for suffix, metadata in NO_DATES.items():
            figure.savefig(temporary / f"{FIGURE}.{suffix}", metadata=metadata)


def shown_figure(folder: Path, preset: str, settings: Settings) -> ShownFigure:
    """What `write_figure` has left in `folder`, for the page of `preset`. Raises `UserError` when it is missing."""
    source = source_of(settings, preset, settings.ablation.data)
    return ShownFigure(
        title="Figure 1.",
        caption=(
            "Counterpart of the paper's Figure 1, convergence: scores of the validation images against iterations, "
            f"for the configurations of Tables V and VI. Preset {source.preset}; data: {source.label}."
        ),
        alternative=_alternative(settings),
        uri=figure_uri(folder / f"{FIGURE}.svg", "snakemake ablations"),
        links={suffix.upper(): f"figures/{folder.name}/{FIGURE}.{suffix}" for suffix in NO_DATES},
    )


def figure_uri(file: Path, command: str) -> str:
    """An SVG as a `data:` address. Raises `UserError` when it is missing, with the `command` that draws it."""
    if not file.exists():
        raise UserError(f"{file} is missing. Run `{command}` to draw it.")
    return f"data:image/svg+xml;base64,{base64.b64encode(file.read_bytes()).decode('ascii')}"


def _alternative(settings: Settings) -> str:
    """The figure in words, for those who cannot see it."""
    ablation = settings.ablation
    return (
        "Line charts of two validation scores against iterations, a curve a configuration. Left, Table V: "
        f"{', '.join(ablation.table_5)}. Right, Table VI: {', '.join(ablation.table_6)}. The tables above give the "
        "scores of the test images at the end."
    )


def _panel(number: int, rows: list[str], own: Mapping[str, str], paper: Path) -> Panel:
    """The rows of a table under the titles that they have there, else under their `own`."""
    table = read_paper_table(number, paper)
    titles = {**own, **dict(zip(table.rows["method"], table.rows["row"], strict=True))}
    return Panel(f"Table {table.numeral}", {name: titles[name] for name in rows})


def _note(source: Source, settings: Settings) -> str:
    """Which data made it, and what a line and a band are."""
    seeds = settings.preset(source.preset).seeds
    curves = (
        f"Curves: mean over the seeds {', '.join(map(str, seeds))}; thin lines: each seed."
        if len(seeds) > 1
        else f"One seed, {seeds[0]}."
    )
    return f"Preset {source.preset}; data: {source.label}. Validation images of {source.subject}. {curves}"
