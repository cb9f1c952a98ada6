"""Mean opinion scores of a dataset's methods: Table I's second row.

`opinions(preset, dataset)` is what a table takes; in its scores a row a method that was rated, and none
where nobody has rated yet.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from pipeline.mos.answers import SCORES, latest, read_answers
from pipeline.mos.drawing import stale_methods
from pipeline.mos.study import Study, read_study
from pipeline.paths import data_root, opinions_folder
from pipeline.reporting.statistics import CONFIDENCE

COLUMNS = ("method", "mean", "low", "high", "raters", "ratings")
RULE = (
    "Mean over raters of each rater's mean: raters use the scale each in their way, and one who stopped early "
    f"counts as much as one who finished. {CONFIDENCE:.0%} interval over raters and patches by Student's t; none "
    "for fewer than two of either. Scale 0 to 5, lower is better; the words of the scale are this study's own."
)


@dataclass(frozen=True)
class Opinions:
    """What a table shows of a rating study: `scores` as of `read_opinions`, and what readers must know of it."""

    scores: pd.DataFrame
    notes: tuple[str, ...]


def opinions(preset: str, dataset: str) -> Opinions:
    """The opinions on a dataset; empty without answers. Raises as `read_opinions`."""
    return Opinions(read_opinions(preset, dataset), opinion_notes(preset, dataset))


def read_opinions(preset: str, dataset: str) -> pd.DataFrame:
    """The mean opinion score of every rated method of a dataset, in the study's order of methods.

    Columns: method; mean (0 to 5, lower is better); low, high (95 % interval, NaN for fewer than two raters or
    patches); raters, ratings (how many). Empty without a study or answers. A method whose restored images are no
    longer those that were rated is left out.

    Raises `UserError` when a file of answers or the study is damaged.
    """
    study = read_study(opinions_folder(preset, dataset))
    if study is None:
        return pd.DataFrame(columns=list(COLUMNS))
    ratings = _ratings(study)
    stale = stale_methods(data_root(preset), study) if len(ratings) else set()
    return mean_opinions(ratings[~ratings["method"].isin(stale)], study.methods)


def opinion_notes(preset: str, dataset: str) -> tuple[str, ...]:
    """Sentences for a table with `read_opinions`: how to read it, unfinished raters, methods left out."""
    study = read_study(opinions_folder(preset, dataset))
    ratings = pd.DataFrame() if study is None else _ratings(study)
    if study is None or ratings.empty:
        return ()
    given = ratings["rater"].value_counts()
    unfinished = int((given < len(study.key)).sum())
    stale = sorted(stale_methods(data_root(preset), study))
    return (
        RULE,
        f"{len(study.patches)} patches of {study.side} px, {len(given)} raters (unfinished: {unfinished}). Of rows "
        f"that were trained here they saw seed {study.seed}.",
        *([f"Left out, as their restored images have changed since: {', '.join(stale)}."] if stale else []),
    )


def opinions_in_words(preset: str, dataset: str) -> str:
    """`read_opinions` and its notes for a terminal."""
    opinions = read_opinions(preset, dataset)
    if opinions.empty:
        return f"Nobody has rated {dataset} at the preset {preset} yet."
    table = opinions.to_string(index=False, float_format="{:.3f}".format, na_rep="")
    return "\n".join([table, *opinion_notes(preset, dataset)])


def mean_opinions(ratings: pd.DataFrame, methods: tuple[str, ...]) -> pd.DataFrame:
    """Scores averaged with their intervals; the columns are `COLUMNS`.

    Args:
        ratings: a row a rating that counts; columns rater, patch, method, score.
        methods: the order of the rows.
    """
    raters, patches = (sorted(ratings[column].unique()) for column in ("rater", "patch"))
    rows = []
    for method in (name for name in methods if (ratings["method"] == name).any()):
        own = ratings[ratings["method"] == method]
        wide = own.pivot(index="rater", columns="patch", values="score").reindex(index=raters, columns=patches)
        scores = wide.to_numpy(float)
        rows.append((method, mean_opinion(scores), *interval(scores), own["rater"].nunique(), len(own)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def mean_opinion(scores: NDArray[np.float64]) -> float:
    """Mean over raters of their means. `scores`: (raters, patches), NaN where not rated, at least one that is."""
    rated = scores[~np.isnan(scores).all(axis=1)]
    return float(np.nanmean(rated, axis=1).mean())


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % interval of `mean_opinion` where both raters and patches are samples, of people and of pictures.

    By Student's t: the squared error of the mean is that of the raters' means plus that of the patches' means,
    which is too large rather than too small, with Satterthwaite's degrees of freedom. Cut to the scale; NaN for
    fewer than two raters or patches. Simulated with 2 raters of 4 patches to 20 of 50, with and without raters who
    stopped early, it covers the mean in 93 to 98 % of cases.

    Args:
        scores: (raters, patches), NaN where not rated.
    """
    present = ~np.isnan(scores)
    rated = scores[present.any(axis=1)][:, present.any(axis=0)]
    if min(rated.shape, default=0) < 2:
        return float("nan"), float("nan")
    mean = mean_opinion(rated)
    parts = [np.nanmean(rated, axis=1), np.nanmean(rated, axis=0)]
    errors = [float(part.var(ddof=1)) / len(part) for part in parts]
    if sum(errors) == 0:
        return mean, mean
    freedom = sum(errors) ** 2 / sum(error**2 / (len(part) - 1) for error, part in zip(errors, parts, strict=True))
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * math.sqrt(sum(errors))
    return max(mean - half, min(SCORES)), min(mean + half, max(SCORES))


def _ratings(study: Study) -> pd.DataFrame:
    """A row a rating that counts: rater, patch (its place in the study), method, score."""
    places = {version.id: at for at, patch in enumerate(study.patches) for version in patch.versions}
    counting = latest(read_answers(opinions_folder(study.preset, study.dataset), study)).values()
    rows = [
        (answer.rater, places[answer.version], study.key[answer.version].method, answer.score)
        for answer in counting
    ]
    return pd.DataFrame(rows, columns=["rater", "patch", "method", "score"])
