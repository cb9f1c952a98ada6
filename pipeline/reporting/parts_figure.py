"""The masks and the parts of one generator's images as a matplotlib figure: a row an image, pure.

A kept square is printed pixel for pixel at 300 dots an inch; no picture is smoothed. Both maps have the colours of
perceptually uniform scales that the colour-blind can read; the mask's goes from 0 to 1 in every figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from pipeline.datasets.images import Pixels
from pipeline.evaluation.kept_parts import SIDE, About, KeptParts, Map
from pipeline.reporting.figures import COLOURS, DASHES, STYLE

# Inches, so that every cell begins at a whole dot of 300 an inch and has as many as a kept square has pixels. The
# width is that of a page of two columns.
WIDTH, LEFT, TOP = 7.16, 0.2, 0.24
CELL = SIDE / 300
GAP, BAR_GAP, BAR = 14 / 300, 0.05, 0.07
BAR_ROOM = {"mask": 0.34, "difference": 0.46}
"""From a column to the next, with its colour bar between."""
HISTOGRAM_TOP, HISTOGRAM_HEIGHT, HISTOGRAM_WIDTH, FOOT = 0.34, 0.95, 3.3, 0.4
NAME_POINTS, NAME_CHARACTERS = 6.5, 15

MASK_COLOURS, DIFFERENCE_COLOURS = "cividis", "gray"
BINS = 50
"""Of the histogram: 0.02 of the mask each."""

TITLES = {
    "paper": {"align": r"$I_\mathrm{align}$", "unif": r"$I_\mathrm{unif}$", "mask": "$S$"},
    "released": {"align": "out1", "unif": "out2", "mask": "mask"},
}
"""The names of the parts: the paper's, and those of the authors' code (pipeline/networks/released.py)."""
MASKS = {"paper": "spatial mask $S$", "released": "largest share of the channel mask"}


@dataclass(frozen=True)
class Column:
    """A column of the figure; `bar` is the top of its colour bar, None for a picture."""

    key: str
    title: str
    bar: float | None = None


def amplification(abouts: Sequence[About]) -> int:
    """How many times |I_align - I_unif| is amplified: the largest power of two that keeps all within 255 levels."""
    largest = max(about.numbers.difference_max for about in abouts)
    return 1 if largest == 0 else int(2 ** np.clip(np.floor(np.log2(255 / largest)), 0, 12))


def parts_figure(images: Sequence[KeptParts]) -> Figure:
    """A row an image: LR, both branches, mask, the branches' difference, I_SR, HR; below, the masks' histograms.

    Args:
        images: at least one, all of one dataset and one generator.
    """
    columns = _columns(
        [image.about for image in images], with_truth=any(image.about.ground_truth for image in images)
    )
    height = TOP + len(images) * (CELL + GAP) - GAP + HISTOGRAM_TOP + HISTOGRAM_HEIGHT + FOOT
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(WIDTH, height))
        left = LEFT
        for place, column in enumerate(columns):
            for row, image in enumerate(images):
                axes = _cell(figure, left, row)
                _show(axes, image, column)
                if row == 0:
                    axes.set_title(column.title, pad=3)
                if place == 0:
                    axes.set_ylabel(short(image.about.image), fontsize=NAME_POINTS, labelpad=3)
            if column.bar is not None:
                _colour_bar(figure, left + CELL + BAR_GAP, len(images), column)
            left += CELL + BAR_ROOM.get(column.key, GAP)
        _histograms(figure, images)
    return figure


def short(name: str) -> str:
    """A name that fits beside a cell: of a long one, its start and its end."""
    if len(name) <= NAME_CHARACTERS:
        return name
    half = (NAME_CHARACTERS - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def percent(share: float) -> str:
    """A share in words; one that is not zero is never called so."""
    return "less than 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"


def _columns(abouts: Sequence[About], *, with_truth: bool) -> list[Column]:
    titles = TITLES[abouts[0].layout]
    align, unif, factor = titles["align"].strip("$"), titles["unif"].strip("$"), amplification(abouts)
    apart = f"$|{align}-{unif}|$" if abouts[0].layout == "paper" else f"|{align} − {unif}|"
    return [
        Column("lr", "LR"),
        Column("align", titles["align"]),
        Column("unif", titles["unif"]),
        Column("mask", titles["mask"], bar=1.0),
        Column("difference", f"{apart} × {factor}", bar=255 / factor),
        Column("sr", r"$I_\mathrm{SR}$"),
        *([Column("hr", "HR")] if with_truth else []),
    ]


def _cell(figure: Figure, left: float, row: int) -> Axes:
    width, height = figure.get_size_inches()
    bottom = height - TOP - CELL - row * (CELL + GAP)
    axes = figure.add_axes((left / width, bottom / height, CELL / width, CELL / height))
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    return axes


def _show(axes: Axes, image: KeptParts, column: Column) -> None:
    """One cell; it stays empty where an image has no HR."""
    if column.bar is not None:
        values: Map = image.mask if column.key == "mask" else image.difference
        axes.imshow(values, cmap=_colours(column), vmin=0, vmax=column.bar, interpolation="none")
    elif column.key in image.pictures:
        pixels: Pixels = image.pictures[column.key]
        axes.imshow(pixels, interpolation="none")


def _colours(column: Column) -> str:
    return MASK_COLOURS if column.key == "mask" else DIFFERENCE_COLOURS


def _colour_bar(figure: Figure, left: float, rows: int, column: Column) -> None:
    """As high as its column; the difference's ticks are grey levels."""
    width, height = figure.get_size_inches()
    tall = rows * (CELL + GAP) - GAP
    axes = figure.add_axes((left / width, (height - TOP - tall) / height, BAR / width, tall / height))
    top = column.bar or 1.0
    bar = figure.colorbar(ScalarMappable(Normalize(0, top), _colours(column)), cax=axes, ticks=[0, top / 2, top])
    bar.outline.set_linewidth(0.4)
    axes.set_yticklabels([f"{value:.3g}" for value in (0, top / 2, top)])
    axes.tick_params(labelsize=NAME_POINTS, length=2, pad=1.5)
    axes.grid(visible=False)
    if column.key == "difference":
        axes.set_xlabel("levels", fontsize=NAME_POINTS, labelpad=3)
    # The ends' labels stay within the bar's height.
    lowest, _, highest = axes.get_yticklabels()
    lowest.set_verticalalignment("bottom")
    highest.set_verticalalignment("top")


def _histograms(figure: Figure, images: Sequence[KeptParts]) -> None:
    """The share of the pixels by the mask's value, a line an image, named with its numbers at the right."""
    width, height = figure.get_size_inches()
    left = LEFT + 0.34
    axes = figure.add_axes((left / width, FOOT / height, HISTOGRAM_WIDTH / width, HISTOGRAM_HEIGHT / height))
    edges = np.linspace(0, 1, BINS + 1)
    for image, colour, dash in zip(images, cycle(COLOURS), ("solid", *DASHES), strict=False):
        counts, _ = np.histogram(image.mask, edges)
        axes.stairs(
            100 * counts / image.mask.size,
            edges,
            color=colour,
            linestyle=dash,
            linewidth=1.2,
            label=_numbers(image.about),
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("% of pixels")
    axes.set_xlabel(f"{MASKS[images[0].about.layout]} (bins of {1 / BINS:g})")
    axes.legend(loc="center left", bbox_to_anchor=(1.03, 0.5), borderaxespad=0, frameon=False, handlelength=3.2)


def _numbers(about: About) -> str:
    n = about.numbers
    return (
        f"{short(about.image)}: mean {n.mean:.3f}, from {n.minimum:.3f} to {n.maximum:.3f},\n"
        f"{percent(n.above_half)} of pixels above 0.5"
    )
