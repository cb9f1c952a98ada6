"""Is a row of an ablation better than another? By the test images, and by the seeds.

The images answer for other photographs: the signed-rank test of the comparison tables. The seeds answer for other
trainings: Student's t over the change with each seed, as both rows have every seed. A change has to pass both
tests, so its p-value is the larger of the two (an intersection-union test).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.reporting.statistics import LEVEL, half_width, holm, mean_interval, mean_p, signed_rank_p


@dataclass(frozen=True)
class Step:
    """The difference of a row from another in one metric.

    Attributes:
        change: mean over the images of the difference, each image's values averaged over the seeds first.
        low, high: the 95 % interval of the change over the images; NaN where `mean_interval` gives none.
        over_seeds: half the width of the 95 % interval of Student's t over the changes of the seeds that both
            rows have; NaN for fewer than two.
        p: corrected p-value that there is no change over the images, or none over the seeds; NaN where one of the
            two cannot be tested.
        images: how many images both rows have.
    """

    change: float
    low: float
    high: float
    over_seeds: float
    p: float
    images: int

    @property
    def stands(self) -> bool:
        """Whether the change stands above the images and above the seeds."""
        return self.p <= LEVEL


def steps(
    scores: pd.DataFrame, methods: Sequence[str], metric: str, reference: str | None = None
) -> list[Step | None]:
    """For each of `methods` its step from `reference`, corrected by Holm's method over all of them.

    Args:
        scores: as `read_image_scores` gives them.
        methods: the rows of a table, in order.
        metric: which one.
        reference: the method that all others are held against; None: the row above that has scores.

    Returns:
        One for each of `methods`; None where there is nothing to compare.
    """
    chosen = scores[(scores["metric"] == metric) & scores["value"].notna()]
    by_method = {str(name): _by_seed(group) for name, group in chosen.groupby("method")}
    found: list[Step | None] = []
    above: pd.DataFrame | None = None
    for method in methods:
        own = by_method.get(method)
        other = above if reference is None else by_method.get(reference)
        found.append(None if own is None or other is None or method == reference else _step(own, other))
        above = above if own is None else own
    return _corrected(found)


def _by_seed(scores: pd.DataFrame) -> pd.DataFrame:
    """A row an image, a column a seed."""
    return scores.pivot_table(index="image", columns="seed", values="value", sort=False)


def _step(own: pd.DataFrame, other: pd.DataFrame) -> Step:
    differences = (own.mean(axis="columns") - other.mean(axis="columns")).dropna().to_numpy()
    interval = mean_interval(differences)
    over_seeds = (own - other).mean().dropna().to_numpy()  # of the seeds that both have
    return Step(
        change=float(differences.mean()) if len(differences) else float("nan"),
        low=interval.low,
        high=interval.high,
        over_seeds=half_width(over_seeds),
        p=float(np.maximum(signed_rank_p(differences, np.zeros_like(differences)), mean_p(over_seeds))),
        images=len(differences),
    )


def _corrected(found: Sequence[Step | None]) -> list[Step | None]:
    p_values = holm(pd.Series([step.p if step else float("nan") for step in found], dtype=float))
    return [step and replace(step, p=float(p)) for step, p in zip(found, p_values, strict=True)]
