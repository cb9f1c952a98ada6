"""The words around a comparison or an ablation: its caption, how to read it, what is particular to it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.reporting.columns import column
from pipeline.reporting.layout import DATASETS, Group
from pipeline.reporting.paper import PaperTable
from pipeline.reporting.statistics import CONFIDENCE, LEVEL, RESAMPLES, Statistics

STEP_NOTE = (
    "Against the row above: the mean change over the test images, each image averaged over the seeds, and its "
    f"{CONFIDENCE:.0%} interval by a paired bootstrap over the images ({RESAMPLES:,} resamples); bold where the "
    "interval leaves zero out. ‡: it stands above the spread of the seeds as well, zero being outside the "
    f"{CONFIDENCE:.0%} interval of Student's t over the change with each seed. Behind ±: their deviation."
)
INTERVAL_NOTE = (
    f"In brackets: the {CONFIDENCE:.0%} interval of the mean, by a bootstrap over the test images (percentile, "
    f"{RESAMPLES:,} resamples)."
)
TEST_NOTE = (
    f"†: not significantly different from this study's Cria-CL on the same images (p > {LEVEL:.0%}; two-sided "
    "Wilcoxon signed-rank test over the images, Holm's correction over the rows of the column)."
)


@dataclass(frozen=True)
class Source:
    """Which data the results on one dataset are from.

    Attributes:
        preset: its name.
        subject: what the test images are, in words.
        label: which data this is: printed with every result.
        official: whether the test images are the paper's own.
    """

    preset: str
    subject: str
    label: str
    official: bool

    @property
    def first_words(self) -> str:
        """The subject at the start of a sentence."""
        return self.subject[:1].upper() + self.subject[1:]


def caption(paper: PaperTable, results: pd.DataFrame, source: Source, dataset: str) -> str:
    """What the table shows, and of which data."""
    other = (
        ""
        if dataset == paper.dataset
        else f" The paper's table is of {DATASETS[paper.dataset]}: its values are of another dataset."
    )
    return (
        f"Counterpart of the paper's Table {paper.numeral} (section {paper.section}), {paper.caption}: "
        f"{source.subject}, means over {results['images'].max()} test images. Preset {source.preset}; data: "
        f"{source.label}.{other}"
    )


def reading(source: Source, group: Group, *, differs: bool) -> tuple[str, ...]:
    """How to read any table of a group; `differs`: it has a difference to the paper."""
    if differs:
        comparison = "Difference: this study minus paper; none for a network used at another scale than its own."
    elif source.official:
        comparison = "No difference to the paper is given, as no value of this table compares with its own."
    else:
        comparison = (
            "This study's data is not the paper's: its numbers must not be compared with the paper's, and no "
            "difference is given."
        )
    statistics = (STEP_NOTE,) if group == "ablations" else (INTERVAL_NOTE, TEST_NOTE)
    return (
        comparison,
        "Bold and underlined: best and second best of this study's rows. Empty: not measured here. A dash: the "
        "paper prints no value. Rows have the paper's names and order; Ours is Cria-CL.",
        *statistics,
    )


def our_notes(results: pd.DataFrame, rows: pd.DataFrame, remarks: Mapping[str, str]) -> tuple[str, ...]:
    """Runs, metrics that some image does not have, and what is to be said of methods, once for equal remarks."""
    runs = [f"{title}: {run}" for title, run in rows["run"].items() if run]
    shown = results[results["method"].isin(rows["method"])]
    partial = shown[(shown["defined"] > 0) & (shown["defined"] < shown["images"])]
    said = rows["method"].map(remarks).dropna()
    return (
        *([f"Runs: {'; '.join(runs)}."] if runs else []),
        *(
            f"{column(str(row.metric)).title} of {row.method} is defined on {row.defined} of {row.images} images."
            for row in partial.itertuples()
        ),
        *(f"{', '.join(map(str, titles.index))}: {remark}." for remark, titles in said.groupby(said, sort=False)),
    )


def power_note(statistics: Statistics) -> tuple[str, ...]:
    """That so few images cannot show any difference, where it is so; the signed-rank test has 2^n outcomes."""
    tests = [pair for pair in zip(statistics.images, statistics.tested, strict=True) if pair[1]]
    if not tests:
        return ()
    images, rows = max(tests)
    smallest = min(1.0, rows * 2.0 ** (1 - images))
    if smallest <= LEVEL:
        return ()
    return (
        f"{images} images cannot show a significant difference: with {rows} rows tested, the smallest corrected "
        f"p-value is {smallest:.2g}.",
    )
