"""A table of the study beside the paper's: pure, from transcription and results to numbers and marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from pipeline.evaluation.metrics import METRICS, Metric
from pipeline.reporting.layout import ABLATION_METRICS, Layout, method_title
from pipeline.reporting.paper import PaperTable
from pipeline.reporting.results import means_over_images
from pipeline.reporting.statistics import CONFIDENCE, RESAMPLES
from pipeline.reporting.steps import steps

STEP_NOTE = (
    "Against the row above: the mean change over the test images, each image averaged over the seeds, and its "
    f"{CONFIDENCE:.0%} interval by a paired bootstrap over the images ({RESAMPLES:,} resamples); bold where the "
    "interval leaves zero out. It says nothing of the spread over seeds, which stands behind ±.",
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


@dataclass(frozen=True)
class StudyTable:
    """One table. Every frame has the same index: the rows' titles.

    Attributes:
        source: which data our results are from.
        number, numeral: its number in the paper, as 2 and "II".
        caption: says the preset and the data.
        reading: how to read any table of this data.
        notes: what is particular to this one, such as the run behind each row.
        rows: columns method and run (names of all runs of the row, "" where there is none).
        ours: mean over runs, a column a metric; NaN where not measured.
        deviation: standard deviation over runs (n - 1); NaN for a single run.
        paper: the paper's values as printed, a column a metric of its table; "" where not known.
        statuses: as `paper`, the status of each value.
        difference: ours - paper, NaN where either is not known; None unless the data is the official one.
        steps: an ablation's steps from row to row, a column a metric, of `Step` or None; None for a comparison.
    """

    source: Source
    number: int
    numeral: str
    caption: str
    reading: tuple[str, ...]
    notes: tuple[str, ...]
    rows: pd.DataFrame
    ours: pd.DataFrame
    deviation: pd.DataFrame
    paper: pd.DataFrame
    statuses: pd.DataFrame
    difference: pd.DataFrame | None
    steps: pd.DataFrame | None

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of all runs behind it."""
        return tuple(name for names in self.rows["run"] for name in names.split(", ") if name)


def study_table(layout: Layout, paper: PaperTable, scores: pd.DataFrame, source: Source) -> StudyTable:
    """Our rows and the paper's in one table.

    Args:
        layout: which rows and metrics.
        paper: the transcription.
        scores: of the layout's dataset, as `read_image_scores` gives them; several runs of a method are averaged.
        source: which data the results are from.
    """
    results = means_over_images(scores)
    rows = _rows(layout, paper, results)
    ours = _statistic(results, "mean", rows, layout.metrics)
    printed, statuses = (frame.reindex(rows.index, fill_value="") for frame in (paper.cells, paper.statuses))
    return StudyTable(
        source=source,
        number=layout.number,
        numeral=paper.numeral,
        caption=_caption(paper, results, source),
        reading=_reading(source),
        notes=(*_notes(paper, results, rows), *(STEP_NOTE if layout.group == "ablations" else ())),
        rows=rows,
        ours=ours,
        deviation=_statistic(results, "std", rows, layout.metrics),
        paper=printed,
        statuses=statuses,
        difference=_difference(ours, printed) if source.official else None,
        steps=_steps(scores, rows) if layout.group == "ablations" else None,
    )


def marks(values: pd.Series, metric: Metric) -> pd.Series:
    """The marks "best" and "second" of our rows for one metric, "" for all others.

    Values are compared as printed, so that ties share a mark. A single row is better than nothing: no mark.
    """
    printed = values.round(metric.decimals)
    ranks = printed.rank(method="dense", ascending=not metric.higher_is_better)
    if printed.count() < 2:
        return ranks.map(lambda _: "")
    return ranks.map(lambda rank: {1: "best", 2: "second"}.get(rank, ""))


def _rows(layout: Layout, paper: PaperTable, results: pd.DataFrame) -> pd.DataFrame:
    """The layout's first rows, then the paper's others; index: title, columns: method, run."""
    titles = dict(zip(paper.rows["method"], paper.rows["row"], strict=True))
    first = [(titles.get(method, method_title(method)), method) for method in layout.first_rows]
    others = paper.rows.loc[~paper.rows["method"].isin(layout.first_rows), ["row", "method"]]
    rows = pd.concat([pd.DataFrame(first, columns=["row", "method"]), others]).set_index("row")
    runs = results.groupby("method")["run"].agg(lambda names: ", ".join(sorted(set(names))))
    rows["run"] = rows["method"].map(runs).fillna("")
    return rows


def _statistic(
    results: pd.DataFrame, name: Literal["mean", "std"], rows: pd.DataFrame, metrics: Sequence[str]
) -> pd.DataFrame:
    """A statistic over the runs of each method; index: title, a column a metric."""
    wide = results.pivot_table(index="method", columns="metric", values="value", aggfunc=name, dropna=False)
    frame = wide.reindex(index=rows["method"], columns=list(metrics)).astype(float)
    return frame.set_axis(rows.index, axis="index")


def _steps(scores: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    measured = [name for name in ABLATION_METRICS if name in set(scores["metric"])]
    columns = {name: steps(scores, list(rows["method"]), name) for name in measured}
    return pd.DataFrame(columns, index=rows.index, dtype=object)


def _difference(ours: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    difference: pd.DataFrame = ours.reindex(columns=printed.columns) - printed.apply(pd.to_numeric)
    return difference


def _caption(paper: PaperTable, results: pd.DataFrame, source: Source) -> str:
    return (
        f"Counterpart of the paper's Table {paper.numeral}: {source.subject}, means over {results['images'].max()} "
        f"test images. Preset {source.preset}; data: {source.label}."
    )


def _reading(source: Source) -> tuple[str, ...]:
    """How to read any table."""
    comparison = (
        "Difference: this study minus paper."
        if source.official
        else "This study's data is not the paper's: its numbers must not be compared with the paper's, and no "
        "difference is given."
    )
    return (
        comparison,
        "Bold and underlined: best and second best of this study's rows. Empty: not measured here, or not known of "
        "the paper (reports/paper/README.md). A dash: the paper gives none.",
    )


def _notes(paper: PaperTable, results: pd.DataFrame, rows: pd.DataFrame) -> tuple[str, ...]:
    """What is particular to one table: its runs, its row names, metrics that some image does not have."""
    runs = [f"{title}: {run}" for title, run in rows["run"].items() if run]
    named = list(paper.rows.loc[paper.rows["named_by"] == "study", "row"])
    shown = results[results["method"].isin(rows["method"])]
    partial = shown[(shown["defined"] > 0) & (shown["defined"] < shown["images"])]
    return (
        *([f"Runs: {'; '.join(runs)}."] if runs else []),
        *(
            f"{METRICS[str(row.metric)].title} of {row.method} is defined on {row.defined} of {row.images} images."
            for row in partial.itertuples()
        ),
        *([f"Named by this study, not by the paper: {'; '.join(named)}."] if named else []),
        *([] if paper.order_known else ["The order of the paper's rows is not known."]),
    )
