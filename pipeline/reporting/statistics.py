"""How sure a mean over test images is, and whether two methods differ on the same images.

Everything is a function of the scores alone: resampling has a seed of its own, so that a table is reproducible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t, wilcoxon

from pipeline import streams
from pipeline.streams import Purpose

RESAMPLES = 10_000
CONFIDENCE = 0.95
LEVEL = 0.05
"""A difference with a corrected p-value above it is not significant."""
MIN_IMAGES = 8
"""Of fewer images no interval is given: they show too little of the shape of their distribution."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """Of our rows. Every frame is indexed like the table's rows, with a column a metric; NaN where there is none.

    Attributes:
        low, high: the interval of the mean over the images.
        p: corrected p-value of the difference from `reference`.
        tested: the number of rows that are held against the reference.
        images: the number of images of each metric's smallest test; 0 where nothing is tested.
    """

    reference: str
    low: pd.DataFrame
    high: pd.DataFrame
    p: pd.DataFrame
    tested: pd.Series
    images: pd.Series


@dataclass(frozen=True)
class Interval:
    """A confidence interval; NaN where there is none."""

    low: float
    high: float


NO_INTERVAL = Interval(float("nan"), float("nan"))


def half_width(values: Values) -> float:
    """Half the width of the 95 % interval of a mean by Student's t; NaN for fewer than two values."""
    if len(values) < 2:
        return float("nan")
    quantile = t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return float(quantile * values.std(ddof=1) / math.sqrt(len(values)))


def mean_interval(values: Values) -> Interval:
    """The 95 % interval of a mean by the symmetric bootstrap-t over `values` (one an image).

    Half its width is the standard error times the 95 % quantile of |t| over resamples (Hall, On symmetric bootstrap
    confidence intervals, 1988). Simulated with 8 to 100 values it covers the mean of a normal or a heavy-tailed
    distribution (t with 3 degrees of freedom) in 95 to 98 % of cases, that of an exponential one in 92 to 95 %.
    With 8 values Student's t covers the last in 90 %, and the percentile bootstrap all three in 84 to 90 %.

    There is none for fewer than `MIN_IMAGES` values, for an infinite one (PSNR of an identical image), or where
    more than 5 % of the resamples hold one value alone; equal values have one without width.
    """
    count = len(values)
    if count < MIN_IMAGES or not np.isfinite(values).all():
        return NO_INTERVAL
    if np.ptp(values) < 1e-9:  # a rounding error is no spread
        return Interval(float(values[0]), float(values[0]))
    mean = float(values.mean())
    centred = values - mean
    draws = _draws(count)
    means = draws @ centred / count
    variances = draws @ centred**2 / count - means**2
    spread = variances > 1e-9 * centred.var()  # else all that was drawn is one value, but for rounding
    errors = np.sqrt(variances.clip(min=0))
    ratios = np.divide(np.abs(means), errors, out=np.full(RESAMPLES, np.inf), where=spread)
    half = float(np.quantile(ratios, CONFIDENCE, method="higher") * centred.std())
    return Interval(mean - half, mean + half) if math.isfinite(half) else NO_INTERVAL


@lru_cache(maxsize=8)
def _draws(count: int) -> Values:
    """How often each of `count` values is drawn, a row a resample; the same for every column of a table."""
    rng = streams.generator(0, Purpose.MEAN_INTERVAL)
    return rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(float)


def signed_rank_p(ours: Values, theirs: Values) -> float:
    """Two-sided p-value of the Wilcoxon signed-rank test that two methods do not differ on the same images.

    Images on which they are equal are left out (to 9 decimals: a rounding error has no rank); 1 where all are
    equal, NaN for fewer than two images. Exact for small samples, else the normal approximation
    (`scipy.stats.wilcoxon`).
    """
    if len(ours) < 2:
        return float("nan")
    with np.errstate(invalid="ignore"):
        differences = np.where(ours == theirs, 0.0, ours - theirs).round(9)
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences[differences != 0]).pvalue)


def mean_p(values: Values) -> float:
    """Two-sided p-value of Student's t test that the mean of all such values is zero; NaN for fewer than two.

    Equal values give 0, all zeros 1 (to 9 decimals: a rounding error is no change).
    """
    if len(values) < 2:
        return float("nan")
    values = values.round(9)
    mean, error = abs(float(values.mean())), float(values.std(ddof=1)) / math.sqrt(len(values))
    if error == 0:
        return float(mean == 0)
    return float(2 * t.sf(mean / error, len(values) - 1))


def holm(p_values: pd.Series) -> pd.Series:
    """p-values corrected by Holm's step-down method for as many tests as have one; NaN stays."""
    ordered = p_values.dropna().sort_values(kind="stable")
    factors = np.arange(len(ordered), 0, -1)
    corrected = (ordered * factors).cummax().clip(upper=1.0)
    return corrected.reindex(p_values.index)


def statistics(
    scores: pd.DataFrame, methods: pd.Series, metrics: Sequence[str], reference: str = "full"
) -> Statistics:
    """Intervals of all rows, and the paired test of each against `reference`, corrected over the rows of a column.

    Args:
        scores: as `read_image_scores` gives them; each image is averaged over the seeds of a method.
        methods: the method of each row, by the row's title.
        metrics: the table's columns.
        reference: the method that all others are held against.
    """
    defined = scores[scores["value"].notna()]
    averaged = defined.groupby(["metric", "method", "image"])["value"].mean()
    columns = {
        name: _column(averaged.loc[name] if name in averaged.index else None, methods, reference)
        for name in metrics
    }
    frames = {
        part: pd.DataFrame({name: column[part] for name, column in columns.items()}, index=methods.index)
        for part in ("low", "high", "raw", "images")
    }
    return Statistics(
        reference,
        frames["low"],
        frames["high"],
        frames["raw"].apply(holm),
        tested=frames["raw"].notna().sum(),
        images=frames["images"].min().fillna(0).astype(int),
    )


def _column(values: pd.Series | None, methods: pd.Series, reference: str) -> pd.DataFrame:
    """One metric: columns low, high, raw (the p-value before correction), images (of the test)."""
    rows = [_row(_of(values, method), _of(values, reference), own=method == reference) for method in methods]
    return pd.DataFrame(rows, index=methods.index, columns=["low", "high", "raw", "images"], dtype=float)


def _of(values: pd.Series | None, method: str) -> pd.Series:
    """The values of a method by image; none where it was not measured."""
    known = values is not None and method in values.index
    return values.loc[method] if values is not None and known else pd.Series(dtype=float)


def _row(values: pd.Series, theirs: pd.Series, *, own: bool) -> tuple[float, float, float, float]:
    interval = mean_interval(values.to_numpy())
    shared = values.index.intersection(theirs.index)
    if own or len(shared) < 2:
        return interval.low, interval.high, float("nan"), float("nan")
    p = signed_rank_p(values[shared].to_numpy(), theirs[shared].to_numpy())
    return interval.low, interval.high, p, len(shared)
