"""The words around a comparison or an ablation: its caption, how to read it, what is particular to it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.reporting.columns import column
from pipeline.reporting.layout import DATASETS, Group
from pipeline.reporting.paper import PaperTable
from pipeline.reporting.statistics import CONFIDENCE, LEVEL, MIN_IMAGES, RESAMPLES

_INTERVAL = f"symmetric bootstrap-t, {RESAMPLES:,} resamples; none for fewer than {MIN_IMAGES} images"
_PARTIAL = ["method", "run", "metric", "defined", "images"]
STEP_NOTE = (
    "Against another row: the mean change over the test images, each image averaged over the seeds, and its "
    f"{CONFIDENCE:.0%} interval over the images ({_INTERVAL}). Bold: the change stands above the images and above "
    f"the seeds (p ≤ {LEVEL:.0%}; the larger p-value of a two-sided Wilcoxon signed-rank test over the images and "
    "of Student's t test over the changes with each seed, Holm's correction over the rows of the column)."
)
SEED_NOTE = (
    "A row that was trained here is the mean over its seeds; behind ±: the standard deviation over them. All seeds "
    "share split, pools and training pack, and the one trunk that trainings start from (unless they start from "
    "scratch): the spread over them is that of the training after the trunk alone."
)
INTERVAL_NOTE = f"In brackets: the {CONFIDENCE:.0%} interval of the mean over the test images ({_INTERVAL})."
TEST_NOTE = (
    f"†: not significantly different from this study's Cria-CL on the same images (p > {LEVEL:.0%}; two-sided "
    "Wilcoxon signed-rank test over the images, Holm's correction over the rows of the column). Interval and test "
    "are of each image's mean over the seeds: they cover other images, not other trainings."
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
        SEED_NOTE,
        *statistics,
    )


def shown_seed(seed: int) -> str:
    """What a figure of images or of their scores has to say, as it shows one seed."""
    return f"Of rows that were trained here, seed {seed} is shown."


def our_notes(results: pd.DataFrame, rows: pd.DataFrame, remarks: Mapping[str, str]) -> tuple[str, ...]:
    """Seeds, runs, metrics that some image has not, and what is to be said of methods, once for equal remarks."""
    runs = [f"{title}: {run}" for title, run in rows["run"].items() if run]
    shown = results[results["method"].isin(rows["method"])]
    seeds = ", ".join(map(str, sorted(shown["seed"].dropna().unique())))
    partial = shown[(shown["defined"] > 0) & (shown["defined"] < shown["images"])]
    said = rows["method"].map(remarks).dropna()
    return (
        *([f"Seeds: {seeds}."] if seeds else []),
        *([f"Runs: {'; '.join(runs)}."] if runs else []),
        *(
            f"{column(metric).title} of {run or method} is defined on {defined} of {images} images."
            for method, run, metric, defined, images in partial[_PARTIAL].itertuples(index=False, name=None)
        ),
        *(f"{', '.join(map(str, titles.index))}: {remark}." for remark, titles in said.groupby(said, sort=False)),
    )


def power_note(tests: Iterable[tuple[int, int]]) -> tuple[str, ...]:
    """That so few images cannot show any difference, where it is so; the signed-rank test has 2^n outcomes.

    Args:
        tests: of every column the number of images, and how many rows are tested on them.
    """
    smallest, images, rows = min(
        ((min(1.0, rows * 2.0 ** (1 - images)), images, rows) for images, rows in tests if rows),
        default=(0.0, 0, 0),
    )
    if smallest <= LEVEL:
        return ()
    return (
        f"{images} images cannot show a significant difference: with {rows} rows tested, the smallest corrected "
        f"p-value is {smallest:.2g}.",
    )


def step_notes(steps: pd.DataFrame) -> tuple[str, ...]:
    """Why no change is bold, where none can be.

    Args:
        steps: a column a metric, of `Step` or None.
    """
    columns = [[step for step in column if step is not None] for _, column in steps.items()]
    tested = [[step for step in column if not math.isnan(step.p)] for column in columns]
    if any(columns) and not any(tested):
        return ("No change can be bold here: that takes two images and two seeds of both rows.",)
    return power_note((min((step.images for step in column), default=0), len(column)) for column in tested)
