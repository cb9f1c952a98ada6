"""The figure of a dataset's scores: for every metric a strip a method, a dot an image, the median marked. Pure."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.captions import Source, shown_seed
from pipeline.reporting.columns import column
from pipeline.reporting.comparison.choice import Scores, finite
from pipeline.reporting.figures import NOTE_CHARACTERS, NOTE_LINE, STYLE, WIDTH
from pipeline.reporting.grid import number
from pipeline.reporting.layout import CRIA

MAIN_METRICS = ("psnr", "ssim", "lpips", "niqe")
BOX_FROM = 8
"""Images: of fewer, quartiles say no more than the dots."""

# Inches.
NAMES, RIGHT, BETWEEN, TOP, BELOW, ROW = 1.5, 0.1, 0.16, 0.3, 0.36, 0.24
NAME_CHARACTERS = 26
DOTS, OURS, MEDIAN = "#0072B2", "#D55E00", "black"


@dataclass(frozen=True)
class Strips:
    """What the figure shows: by metric and method the finite scores, an array an image; titles by method.

    `seed`: of the methods that were trained here.
    """

    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    titles: Mapping[str, str]
    images: int
    seed: int

    @property
    def medians(self) -> str:
        """In words, for those who cannot see the figure."""
        return " ".join(
            f"{column(metric).title}: "
            + ", ".join(
                f"{self.titles[name]} {number(float(np.median(found)), METRICS[metric].decimals)}"
                for name, found in methods.items()
                if len(found)
            )
            + "."
            for metric, methods in self.values.items()
        )


def strips(scores: Scores, methods: Mapping[str, str], seed: int) -> Strips:
    """Of the methods (titles by name, in the order shown); a metric that no image has is left out."""
    values = {
        metric: {name: finite(scores, name, metric).to_numpy(dtype=np.float64) for name in methods}
        for metric in MAIN_METRICS
    }
    known = {metric: found for metric, found in values.items() if any(map(len, found.values()))}
    return Strips(known, methods, max(len(scores[name]) for name in methods), seed)


def distributions(shown: Strips, source: Source) -> Figure:
    """A column a metric, a row a method. `shown` has at least one metric."""
    rows, columns = len(shown.titles), len(shown.values)
    note = textwrap.wrap(_note(shown, source), NOTE_CHARACTERS)
    height = TOP + rows * ROW + BELOW + NOTE_LINE * len(note)
    wide = (WIDTH - NAMES - RIGHT - (columns - 1) * BETWEEN) / columns
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(WIDTH, height))
        for place, (metric, methods) in enumerate(shown.values.items()):
            left = NAMES + place * (wide + BETWEEN)
            box = (left / WIDTH, 1 - (TOP + rows * ROW) / height, wide / WIDTH, rows * ROW / height)
            axes = figure.add_axes(box)
            _strips(axes, methods)
            axes.set_title(f"{column(metric).header}, {_counted(methods, shown.images)}", loc="left", fontsize=7.5)
            _names(axes, shown.titles if place == 0 else None, rows)
        figure.text(
            0.12 / WIDTH, 0.06 / height, "\n".join(note), {"fontsize": 6.6, "color": "#333333", "linespacing": 1.35}
        )
    return figure


def offsets(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights of dots about their row's middle, in [-0.28, 0.28]: neighbours in value stand on different levels."""
    levels = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 0.25, -0.75, 0.75, -0.25])
    order = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return 0.28 * levels[order % len(levels)]


def _strips(axes: Axes, methods: Mapping[str, NDArray[np.float64]]) -> None:
    for row, (name, values) in enumerate(methods.items()):
        if not len(values):
            continue
        colour = OURS if name == CRIA else DOTS
        size = 14 if len(values) <= 20 else 6
        axes.scatter(values, row + offsets(values), s=size, color=colour, alpha=0.6, linewidths=0, zorder=3)
        if len(values) >= BOX_FROM:
            low, high = np.quantile(values, [0.25, 0.75])
            axes.barh(row, high - low, 0.72, low, fill=False, edgecolor="#666666", linewidth=0.6, zorder=2)
        axes.plot([np.median(values)] * 2, [row - 0.4, row + 0.4], color=MEDIAN, linewidth=1.4, zorder=4)
    if len(methods.get(CRIA, ())):
        axes.axvline(float(np.median(methods[CRIA])), color=OURS, linewidth=0.6, linestyle=(0, (3, 2)), zorder=1)


def _names(axes: Axes, titles: Mapping[str, str] | None, rows: int) -> None:
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), [""] * rows if titles is None else [_name(title) for title in titles.values()])
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.tick_params(axis="x", labelsize=6.6)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="x", useOffset=False)


def _name(title: str) -> str:
    return "\n".join(textwrap.wrap(title, NAME_CHARACTERS)[:2])


def _counted(methods: Mapping[str, NDArray[np.float64]], images: int) -> str:
    """How many images have the metric: one number, or the fewest and the most of any method that has some."""
    counts = [len(values) for values in methods.values() if len(values)]
    fewest, most = min(counts), max(counts)
    shown = f"{most}" if fewest == most else f"{fewest} to {most}"
    return f"n = {shown}" if most == fewest == images else f"n = {shown} of {images}"


def _note(shown: Strips, source: Source) -> str:
    line = " The dashed line is the median of Cria-CL." if CRIA in shown.titles else ""
    boxes = f" Boxes: quartiles, from {BOX_FROM} images on." if shown.images >= BOX_FROM else ""
    return (
        f"{source.first_words}, {shown.images} test images. Preset {source.preset}; data: {source.label}. A dot is "
        f"an image, the bar the median.{line}{boxes} {shown_seed(shown.seed)} Heights mean nothing."
    )
