"""Figure 1, convergence: validation scores against iterations, pure, from histories to a matplotlib figure.

Colours are Okabe and Ito's, which the colour-blind tell apart (without their yellow, which print loses).
Dashes and markers repeat at other lengths than the colours, and every curve bears its name: none needs its colour.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import ceil
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from scipy.optimize import isotonic_regression

from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ((0, (5, 1.5)), (0, (1.2, 1.2)), (0, (9, 2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = ("s", "^", "D", "v", "P", "X", "p")
COMMON = {"color": "black", "linestyle": "solid", "marker": "o", "linewidth": 1.8, "zorder": 4}
"""The look of the configuration that stands in every table: what the others are held against; alone solid."""

Looks = Mapping[str, Mapping[str, Any]]

STYLE = {
    "font.family": "DejaVu Sans",  # ships inside matplotlib
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.6,
    "svg.fonttype": "path",  # looks the same wherever it is opened
    "svg.hashsalt": "cria-cl-study",  # without it every saving gives other bytes
    "savefig.dpi": 300,
}
"""Everything that a matplotlibrc could change otherwise; used for drawing and for saving."""

# Inches. The width is that of a page of two columns (IEEE: 181 mm).
WIDTH, LEFT, TOP = 7.16, 0.72, 0.3
AXES_WIDTH, AXES_HEIGHT, NAMES, BETWEEN = 2.27, 1.7, 0.95, 0.2
LEGEND_TOP, LEGEND_LINE, NOTE_LINE = 0.42, 0.142, 0.14
NAME_POINTS = NOTE_POINTS = 7.0
NOTE_CHARACTERS, LEGEND_CHARACTERS = 122, 46

POINTS = 50
"""A curve has at most this many points behind its start: a paper's width shows no more."""
MARKERS_A_CURVE = 8


@dataclass(frozen=True)
class Panel:
    """One column of the figure.

    Attributes:
        title: above it, such as "Table V".
        rows: titles of its configurations by name, in order.
    """

    title: str
    rows: Mapping[str, str]


def shown_metrics(histories: pd.DataFrame) -> tuple[str, str]:
    """PSNR, and LPIPS where every run has it, else SSIM."""
    runs = histories.groupby(["configuration", "seed"])["metric"].agg(set)
    return "psnr", "lpips" if all("lpips" in metrics for metrics in runs) else "ssim"


def convergence(histories: pd.DataFrame, panels: Sequence[Panel], note: str) -> Figure:
    """A column a panel, a row a metric; curves are means over seeds, thin lines the seeds.

    Args:
        histories: as `read_histories` gives them, for every configuration of the panels.
        note: stands at the foot; says which preset and data.

    Raises `UserError` when the seeds of a configuration have no finite score in common.
    """
    metrics, looks = shown_metrics(histories), curve_looks(panels)
    notes = _notes(histories, note)
    lines = max(sum(label.count("\n") + 1 for label in _labels(panel)) for panel in panels)
    below = LEGEND_TOP + LEGEND_LINE * lines + NOTE_LINE * (len(notes) + 1)
    height = TOP + len(metrics) * (AXES_HEIGHT + BETWEEN) - BETWEEN + below
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(WIDTH, height))
        for row, metric in enumerate(metrics):
            curves = {name: curve(histories, name, metric) for panel in panels for name in panel.rows}
            limits = _limits(list(curves.values()))
            for column, panel in enumerate(panels):
                axes = _axes(figure, row, column)
                _draw(axes, {name: curves[name] for name in panel.rows}, looks, limits)
                axes.tick_params(labelleft=column == 0, labelbottom=row == len(metrics) - 1)
                axes.set_ylabel(_axis_title(metric) if column == 0 else "")
                if row == 0:
                    axes.set_title(panel.title, loc="left", fontweight="bold")
                if row == len(metrics) - 1:
                    _explain(axes, panel, looks)
        foot = {"fontsize": NOTE_POINTS, "verticalalignment": "bottom", "linespacing": 1.35, "color": "#333333"}
        figure.text(LEFT / WIDTH, 0.06 / height, "\n".join(notes), foot)
    return figure


def curve(histories: pd.DataFrame, configuration: str, metric: str) -> pd.DataFrame:
    """One metric of a configuration: a row a point (index: iteration), a column a seed.

    Points are the iterations that every seed has validated. Of more than `POINTS`, each is the mean of the
    `averaged` validations that end there; the start stands alone. Raises `UserError` where there is no point.
    """
    chosen = histories[(histories["configuration"] == configuration) & (histories["metric"] == metric)]
    finite = chosen.replace({"value": {np.inf: np.nan, -np.inf: np.nan}})
    wide = finite.groupby(["iteration", "seed"])["value"].mean().unstack("seed").dropna()
    if wide.empty:
        raise UserError(
            f"the histories of {configuration} share no iteration with a finite validation/{metric}. Train it "
            "again with every seed: `snakemake ablations`."
        )
    size = averaged(len(wide))
    groups = (np.arange(len(wide)) + size - 1) // size
    last = wide.index.to_series().groupby(groups).last().to_numpy()
    points: pd.DataFrame = wide.groupby(groups).mean().set_axis(last, axis="index")
    return points


def averaged(validations: int) -> int:
    """How many neighbouring validations make a point of a curve."""
    return max(1, ceil((validations - 1) / POINTS))


def curve_looks(panels: Sequence[Panel]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and marker of each configuration, the same in every panel."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.rows))
    common = [name for name in names if all(name in panel.rows for panel in panels)][:1]
    others = [name for name in names if name not in common]
    looks = zip(cycle(COLOURS), cycle(DASHES), cycle(MARKERS), strict=False)
    return dict.fromkeys(common, COMMON) | {
        name: {"color": colour, "linestyle": dash, "marker": marker, "zorder": 3}
        for name, (colour, dash, marker) in zip(others, islice(looks, len(others)), strict=True)
    }


def spread(wanted: Sequence[float], distance: float, low: float, high: float) -> list[float]:
    """Places near the `wanted` ones, in their order, at least `distance` apart and between `low` and `high`.

    Where they cannot all fit, they stand evenly, closer than `distance`.
    """
    distance = min(distance, (high - low) / max(1, len(wanted) - 1))
    order = np.argsort(wanted, kind="stable")
    steps = distance * np.arange(len(wanted))
    # Without the steps the places only have to ascend: neighbours that do not are pooled at their mean.
    ascending = isotonic_regression(np.asarray(wanted, dtype=float)[order] - steps).x
    places = np.empty(len(wanted))
    places[order] = np.clip(ascending, low, high - steps[-1]) + steps
    return [float(place) for place in places]


def _axes(figure: Figure, row: int, column: int) -> Axes:
    """Axes of a fixed size in inches, with room for the curves' names at the right."""
    width, height = figure.get_size_inches()
    left = LEFT + column * (AXES_WIDTH + NAMES)
    bottom = height - TOP - (row + 1) * AXES_HEIGHT - row * BETWEEN
    axes = figure.add_axes((left / width, bottom / height, AXES_WIDTH / width, AXES_HEIGHT / height))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.yaxis.set_label_coords((0.12 - LEFT) / AXES_WIDTH, 0.5)
    return axes


def _draw(axes: Axes, curves: Mapping[str, pd.DataFrame], looks: Looks, limits: tuple[float, float]) -> None:
    """A thin line a seed, the curves, and the name of each at its end. Bands would hide each other."""
    for place, (name, seeds) in enumerate(curves.items()):
        every = max(1, len(seeds) // MARKERS_A_CURVE)
        if len(seeds.columns) > 1:
            axes.plot(seeds.index, seeds, color=looks[name]["color"], alpha=0.45, linewidth=0.5, zorder=2)
        # Markers of one curve stand between those of the others where there are many points.
        axes.plot(seeds.index, seeds.mean(axis=1), markevery=(place % every, every), clip_on=False, **looks[name])
    axes.set_xlim(0, max(seeds.index.max() for seeds in curves.values()))
    axes.set_ylim(*limits)
    _name(axes, curves, looks, limits)


def _name(axes: Axes, curves: Mapping[str, pd.DataFrame], looks: Looks, limits: tuple[float, float]) -> None:
    """Names at the right, apart from each other and tied to the ends of their curves."""
    low, high = limits
    ends = {name: (seeds.index[-1], seeds.iloc[-1].mean()) for name, seeds in curves.items()}
    wanted = [(value - low) / (high - low) for _, value in ends.values()]
    line = 1.25 * NAME_POINTS / (72 * AXES_HEIGHT)
    for (name, end), height in zip(ends.items(), spread(wanted, line, 0.02, 0.98), strict=True):
        tie = {"arrowstyle": "-", "color": looks[name]["color"], "linewidth": 0.6}
        tie |= {"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 3}  # from the middle of the name's left edge
        axes.annotate(
            name,
            xy=end,
            xytext=(1.1, height),
            textcoords="axes fraction",
            fontsize=NAME_POINTS,
            fontweight="bold" if looks[name] is COMMON else "normal",
            verticalalignment="center",
            annotation_clip=False,
            arrowprops=tie,
        )


def _explain(axes: Axes, panel: Panel, looks: Looks) -> None:
    """Below the last row: the title of the x axis, and what each name stands for."""
    axes.set_xlabel("iterations")
    axes.legend(
        [Line2D([], [], **looks[name]) for name in panel.rows],
        _labels(panel),
        loc="upper left",
        bbox_to_anchor=(0, -LEGEND_TOP / AXES_HEIGHT),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        handlelength=3.6,
        labelspacing=0.35,
    )


def _labels(panel: Panel) -> list[str]:
    """What each name stands for, in lines that end before the next panel begins."""
    labels = (f"{name}: {title}" for name, title in panel.rows.items())
    return [textwrap.fill(label, LEGEND_CHARACTERS) for label in labels]


def _limits(curves: Sequence[pd.DataFrame]) -> tuple[float, float]:
    """The range of all seeds of all curves, with a little air."""
    values = np.concatenate([seeds.to_numpy().ravel() for seeds in curves])
    low, high = float(values.min()), float(values.max())
    air = 0.05 * (high - low) or 0.5
    return low - air, high + air


def _notes(histories: pd.DataFrame, note: str) -> list[str]:
    """The lines at the foot."""
    size = averaged(histories["iteration"].nunique())
    binned = f" Each point is the mean of the {size} validations up to it." if size > 1 else ""
    return textwrap.wrap(note + binned, NOTE_CHARACTERS)


def _axis_title(metric: str) -> str:
    about = METRICS[metric]
    unit = ", dB" if metric == "psnr" else ""
    return f"{about.title}{unit} ({'higher' if about.higher_is_better else 'lower'} is better)"
