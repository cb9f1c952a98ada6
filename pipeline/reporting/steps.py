"""Is a row of an ablation better than the row above? By the test images, and by the seeds.

The images answer for other photographs: a paired bootstrap. The seeds answer for other trainings: Student's t over
the change with each seed, as both rows have every seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from pipeline.reporting.statistics import Values, half_width, mean_interval


@dataclass(frozen=True)
class Step:
    """The difference of a row to the row above in one metric.

    Attributes:
        change: mean over the images of the difference, each image's values averaged over the seeds first.
        low, high: the 95 % percentile interval over resampled images; NaN for fewer than two images.
        over_seeds: half the width of the 95 % interval of Student's t over the changes of the seeds; NaN for fewer
            than two seeds, or rows with unequal numbers of them.
    """

    change: float
    low: float
    high: float
    over_seeds: float = float("nan")

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return bool(self.low > 0 or self.high < 0)

    @property
    def above_the_seeds(self) -> bool:
        """Whether the change is larger than what seeds alone make of it."""
        return abs(self.change) > self.over_seeds


def steps(scores: pd.DataFrame, methods: Sequence[str], metric: str) -> list[Step | None]:
    """For each of `methods` the step from the one above it that has scores; None where there is none.

    Args:
        scores: as `read_image_scores` gives them.
        methods: the rows of a table, in order.
        metric: which one.
    """
    chosen = scores[(scores["metric"] == metric) & scores["value"].notna()]
    by_method = {str(name): _by_run(group) for name, group in chosen.groupby("method")}
    found: list[Step | None] = []
    above: pd.DataFrame | None = None
    for method in methods:
        own = by_method.get(method)
        found.append(None if own is None or above is None else _step(own, above))
        above = above if own is None else own
    return found


def paired_step(differences: Values) -> Step:
    """The step of per-image differences."""
    interval = mean_interval(differences)
    change = float(differences.mean()) if len(differences) else float("nan")
    return Step(change, interval.low, interval.high)


def _by_run(scores: pd.DataFrame) -> pd.DataFrame:
    """A row an image, a column a run, in the order of the seeds."""
    return scores.pivot_table(index="image", columns="run", values="value", sort=False)


def _step(own: pd.DataFrame, above: pd.DataFrame) -> Step:
    step = paired_step((own.mean(axis="columns") - above.mean(axis="columns")).dropna().to_numpy())
    if own.shape[1] != above.shape[1]:
        return step
    changes = (_numbered(own) - _numbered(above)).mean()
    return replace(step, over_seeds=half_width(changes.to_numpy()))


def _numbered(scores: pd.DataFrame) -> pd.DataFrame:
    return scores.set_axis(range(scores.shape[1]), axis="columns")
