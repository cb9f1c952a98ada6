"""The figure of a comparison: at the left the whole image, at the right the same square by every method.

Places are in dots of 1/300 inch, so that in the PNG every pixel of a square is a block of the same whole size; SVG
holds the pixels as they are. Nothing is smoothed.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pipeline.datasets.images import Pixels
from pipeline.reporting.columns import column
from pipeline.reporting.comparison.versions import HR, Comparison, Version
from pipeline.reporting.figures import STYLE
from pipeline.reporting.layout import CRIA

DOTS = 300
"""An inch."""
WIDTH, ROOM, GAP, MARGIN = 2148, 660, 18, 12
"""Of the figure (two columns of IEEE: 181 mm), of the whole image at its left, between pictures, at the edges."""
LINE, POINTS, PRINTED = 34, 6.6, 6.2
"""A line of text in dots, and the sizes of titles and of what is printed below them in points."""
CHARACTER = 15.5
"""Mean width in dots of a character of a title."""
NOTE_CHARACTERS = 150
FRAME = "#D55E00"


@dataclass(frozen=True)
class Grid:
    """How the squares stand: columns, rows, the side of one and the lines of text below it, in dots."""

    columns: int
    rows: int
    side: int
    lines: int

    @property
    def step(self) -> int:
        return self.side + self.lines * LINE + GAP

    @property
    def height(self) -> int:
        return self.rows * self.step - GAP


def cuts(comparison: Comparison) -> Figure:
    """The figure; its `dpi` is 600 where 300 could not show every pixel of the whole image."""
    low, note = comparison.versions[0], _note(comparison)
    grid = grid_of(comparison)
    overview_height = round(ROOM * low.image.shape[0] / low.image.shape[1])
    body = max(grid.height, overview_height + 3 * LINE)
    height = MARGIN + body + LINE + len(note) * LINE + MARGIN
    with matplotlib.style.context(["default", STYLE]):
        dense = max(low.image.shape[:2]) > ROOM
        figure = Figure(figsize=(WIDTH / DOTS, height / DOTS), dpi=DOTS * (2 if dense else 1))
        _overview(figure, comparison, overview_height)
        for place, version in enumerate(comparison.versions):
            left = MARGIN + ROOM + 2 * GAP + place % grid.columns * (grid.side + GAP)
            _square(figure, comparison, version, (left, MARGIN + place // grid.columns * grid.step), grid)
        _text(figure, (MARGIN, MARGIN + body + LINE // 2), note)
    return figure


def grid_of(comparison: Comparison) -> Grid:
    """Up to five columns; squares as large as whole blocks a pixel allow, and all equally many lines of text."""
    count = len(comparison.versions)
    columns = max(3, min(5, ceil(count / 2)))
    room = (WIDTH - 2 * MARGIN - ROOM - 2 * GAP - (columns - 1) * GAP) // columns
    side = room // comparison.square.width * comparison.square.width or room
    titles = [_title(version, side) for version in comparison.versions]
    lines = max(map(len, titles)) + (1 if comparison.metrics else 0)
    return Grid(columns, ceil(count / columns), side, lines)


def _overview(figure: Figure, comparison: Comparison, height: int) -> None:
    """LR, whole, with the square framed."""
    low, square = comparison.versions[0], comparison.square
    axes = _picture(figure, low.image, (MARGIN, MARGIN, ROOM, height))
    place = (square.left / low.covers - 0.5, square.top / low.covers - 0.5)
    size = (square.width / low.covers, square.height / low.covers)
    for colour, width in (("white", 2.2), (FRAME, 1.1)):
        frame = Rectangle(place, *size, fill=False, edgecolor=colour, linewidth=width, clip_on=False)
        axes.add_patch(frame)
    text = f"LR of image {comparison.image}, the square framed"
    lines = textwrap.wrap(text, int(ROOM / CHARACTER))
    _text(figure, (MARGIN, MARGIN + height), lines, fontsize=POINTS, color="black")


def _square(figure: Figure, comparison: Comparison, version: Version, place: tuple[int, int], grid: Grid) -> None:
    left, top = place
    _picture(figure, comparison.square.of(version.image, version.covers), (left, top, grid.side, grid.side))
    title, below = _title(version, grid.side), top + grid.side
    weight = "bold" if version.name == CRIA else "normal"
    _text(figure, (left, below), title, fontsize=POINTS, color="black", fontweight=weight)
    values = [_measured(comparison)] if version.name == HR else [" / ".join(version.values.values())]
    _text(figure, (left, below + len(title) * LINE), values)


def _title(version: Version, side: int) -> list[str]:
    return textwrap.wrap(version.title, int(side / CHARACTER))


def _measured(comparison: Comparison) -> str:
    return " / ".join(column(metric).header for metric in comparison.metrics)


def _note(comparison: Comparison) -> list[str]:
    source, measured = comparison.source, _measured(comparison)
    under = f" Under each version: {measured} of the whole image." if measured else ""
    note = (
        f"{source.first_words}, test image {comparison.image}. Preset {source.preset}; data: "
        f"{source.label}.{under} {comparison.rule}"
    )
    return textwrap.wrap(note, NOTE_CHARACTERS)


def _picture(figure: Figure, image: Pixels, box: tuple[int, int, int, int]) -> Axes:
    """`image` in the box left, top, width, height, every pixel a block."""
    left, top, width, height = box
    full = round(figure.get_figheight() * DOTS)
    axes = figure.add_axes((left / WIDTH, (full - top - height) / full, width / WIDTH, height / full))
    axes.imshow(image, interpolation="none", aspect="auto")
    axes.set_axis_off()
    return axes


def _text(figure: Figure, place: tuple[int, int], lines: Iterable[str], **looks: object) -> None:
    """Lines whose letters stand on one height in all columns; `place` is the left top of the first line."""
    full = round(figure.get_figheight() * DOTS)
    for number, line in enumerate(lines, start=1):
        bottom = place[1] + number * LINE
        figure.text(place[0] / WIDTH, 1 - bottom / full, line, {"fontsize": PRINTED, "color": "#333333"} | looks)
