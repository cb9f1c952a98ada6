"""Is a row of an ablation better than the row above? A paired bootstrap over the test images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.reporting.statistics import mean_interval


@dataclass(frozen=True)
class Step:
    """The difference of a row to the row above in one metric.

    Attributes:
        change: mean over the images of the difference, each image's values averaged over the seeds first.
        low, high: the 95 % percentile interval over resampled images; NaN for fewer than two images.
    """

    change: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return bool(self.low > 0 or self.high < 0)


def steps(scores: pd.DataFrame, methods: Sequence[str], metric: str) -> list[Step | None]:
    """For each of `methods` the step from the one above it that has scores; None where there is none.

    Args:
        scores: as `read_image_scores` gives them.
        methods: the rows of a table, in order.
        metric: which one.
    """
    chosen = scores[(scores["metric"] == metric) & scores["value"].notna()]
    averaged = {str(name): group.groupby("image")["value"].mean() for name, group in chosen.groupby("method")}
    found: list[Step | None] = []
    above: pd.Series | None = None
    for method in methods:
        own = averaged.get(method)
        found.append(None if own is None or above is None else paired_step((own - above).dropna().to_numpy()))
        above = above if own is None else own
    return found


def paired_step(differences: np.ndarray) -> Step:
    """The step of per-image differences."""
    interval = mean_interval(differences)
    change = float(differences.mean()) if len(differences) else float("nan")
    return Step(change, interval.low, interval.high)
