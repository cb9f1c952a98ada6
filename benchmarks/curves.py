"""How a cost grows: as a table, and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import whole_file

DOTS_PER_INCH = 80
PANEL = (4.2, 3.2)
"""Width and height of one curve in inches."""


@dataclass(frozen=True)
class Curve:
    """A cost against what it depends on.

    Attributes:
        x: what is changed, with its unit; numbers, or names.
        y: the cost, with its unit.
        lines: of each way, cost by x; all have the same x.
    """

    x: str
    y: str
    lines: Mapping[str, Mapping[int | str, float]]

    @property
    def places(self) -> list[int | str]:
        """The x of all lines."""
        return list(next(iter(self.lines.values())))


def table(curve: Curve) -> str:
    """In Markdown, a row for each x and a column for each way."""
    rows = [[f"{curve.x}", *(f"{name}, {curve.y}" for name in curve.lines)], ["---:"] * (1 + len(curve.lines))]
    rows += [[str(x), *(f"{line[x]:.3g}" for line in curve.lines.values())] for x in curve.places]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def draw(curves: Sequence[Curve], file: Path) -> None:
    """Write the curves side by side as a PNG; names become bars. Zero is always in sight."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PANEL[0] * len(curves), PANEL[1]), layout="constrained")
    FigureCanvasAgg(figure)
    for curve, axes in zip(curves, figure.subplots(1, len(curves), squeeze=False)[0], strict=True):
        for name, line in curve.lines.items():
            places, costs = list(map(str, line)), list(line.values())
            if all(isinstance(x, int) for x in line):
                axes.plot([int(x) for x in places], costs, marker="o", label=name)
                axes.set(xlabel=curve.x, ylabel=curve.y)
            else:
                axes.barh(places, costs, label=name)
                axes.set(xlabel=curve.y)
        axes.set_ylim(bottom=0) if isinstance(curve.places[0], int) else axes.invert_yaxis()
        axes.grid(alpha=0.3)
        if len(curve.lines) > 1:
            axes.legend()
    with whole_file(file) as temporary:
        figure.savefig(temporary, dpi=DOTS_PER_INCH, format="png", metadata={"Software": None})
