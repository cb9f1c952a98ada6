"""A table of the study beside the paper's: pure, from transcription and results to numbers and marks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from pipeline.reporting import captions
from pipeline.reporting.captions import Source
from pipeline.reporting.columns import Column
from pipeline.reporting.layout import ABLATION_METRICS, BLIND_METRICS, CRIA, Layout
from pipeline.reporting.opinions import Opinions
from pipeline.reporting.paper import PaperTable
from pipeline.reporting.results import means_over_images
from pipeline.reporting.statistics import Statistics, statistics
from pipeline.reporting.steps import steps

NO_RATINGS = "No ratings were collected here: MOS of this study is empty."


@dataclass(frozen=True)
class StudyTable:
    """One table. Every frame has the same index: the rows' titles.

    Attributes:
        source: which data our results are from.
        number, numeral: its number in the paper, as 2 and "II".
        caption: says the preset and the data.
        reading: how to read any table of this data.
        notes: what is particular to this one, such as the run behind each row.
        rows: the paper's in its order, then this study's own; columns method, run (names of all runs of the row, ""
            where there is none) and group ("paper" or "study": whose row it is).
        ours: mean over the seeds, a column a metric; NaN where not measured.
        deviation: standard deviation over the seeds (n - 1); NaN for a single one.
        paper: the paper's values as printed, a column a metric of its table; "" in a row of this study's own.
        partition: which criteria each row compares, columns Anchor, Positives and Negatives; None but in
            Table VI.
        difference: ours - paper, NaN where the two do not compare; None where no value of the table does.
        steps: an ablation's steps from row to row, a column a metric, of `Step` or None; None for a comparison.
        contrasts: as `steps`, from one row to all others, by the title of that row; empty for a comparison.
        seeds: the values of each seed, as `_by_seed` gives them.
        statistics: a comparison's intervals and tests; None for an ablation.
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
    partition: pd.DataFrame | None
    difference: pd.DataFrame | None
    steps: pd.DataFrame | None
    contrasts: Mapping[str, pd.DataFrame]
    seeds: pd.DataFrame
    statistics: Statistics | None

    @property
    def paper_rows(self) -> int:
        """How many rows, the first, are the paper's."""
        return int((self.rows["group"] == "paper").sum())

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of all runs behind it."""
        return tuple(name for names in self.rows["run"] for name in names.split(", ") if name)


def study_table(
    layout: Layout,
    paper: PaperTable,
    scores: pd.DataFrame,
    source: Source,
    titles: Mapping[str, str],
    remarks: Mapping[str, str] | None = None,
    opinions: Opinions | None = None,
    unlike: Collection[str] = (),
    partition: pd.DataFrame | None = None,
) -> StudyTable:
    """Our rows and the paper's in one table.

    Args:
        layout, paper: which metrics, and the transcription.
        scores: of the layout's dataset, as `read_image_scores` gives them; the seeds of a method are averaged.
        source: which data the results are from.
        titles: of methods by name; each that has scores gets a row, in this order, if the paper has none for it.
        remarks: what is to be said of methods, by name, as `read_remarks` gives it.
        opinions: of raters, for a table with mean opinion scores.
        unlike: methods that are used otherwise than the paper used them.
        partition: which criteria methods compare (index: method), for a table that is about it.
    """
    results = means_over_images(scores)
    rows = _rows(paper, results, titles)
    ours = _statistic(results, "mean", rows, layout.metrics)
    printed = paper.cells.reindex(rows.index, fill_value="")
    comparable = source.official and layout.dataset == paper.dataset
    difference = _difference(ours, printed, rows["method"].isin(unlike)) if comparable else None
    ablation = layout.group == "ablations"
    tests = None if ablation else statistics(scores, rows["method"], layout.metrics, CRIA)
    changes = _steps(scores, rows) if ablation else None
    if opinions and tests:
        _enter(opinions, rows, {"mean": ours, "low": tests.low, "high": tests.high})
    return StudyTable(
        source=source,
        number=layout.number,
        numeral=paper.numeral,
        caption=captions.caption(paper, results, source, layout.dataset),
        reading=captions.reading(source, layout.group, differs=difference is not None),
        notes=(
            *captions.our_notes(results, rows, remarks or {}),
            *(captions.power_note(zip(tests.images, tests.tested, strict=True)) if tests else ()),
            *(captions.step_notes(changes) if changes is not None else ()),
            *(_ratings_notes(opinions) if "mos" in layout.metrics else ()),
            *paper.notes,
        ),
        rows=rows,
        ours=ours,
        deviation=_statistic(results, "std", rows, layout.metrics),
        paper=printed,
        partition=None if partition is None else _by_title(partition, rows).fillna(""),
        difference=difference,
        steps=changes,
        contrasts=_contrasts(scores, rows, layout.references),
        seeds=_by_seed(results, rows, layout.metrics),
        statistics=tests,
    )


def marks(values: pd.Series, column: Column) -> pd.Series:
    """The marks "best" and "second" of our rows in one column, "" for all others.

    Values are compared as printed, so that ties share a mark. A single row is better than nothing: no mark.
    """
    printed = values.round(column.decimals)
    ranks = printed.rank(method="dense", ascending=not column.higher_is_better)
    if printed.count() < 2:
        return ranks.map(lambda _: "")
    return ranks.map(lambda rank: {1: "best", 2: "second"}.get(rank, ""))


def _enter(opinions: Opinions, rows: pd.DataFrame, frames: Mapping[str, pd.DataFrame]) -> None:
    """Put each statistic of the opinion scores into its frame, as the column mos."""
    rated = opinions.scores.set_index("method").astype(float)
    for statistic, frame in frames.items():
        frame["mos"] = rows["method"].map(rated[statistic])


def _ratings_notes(opinions: Opinions | None) -> tuple[str, ...]:
    return opinions.notes if opinions and len(opinions.scores) else (NO_RATINGS,)


def _rows(paper: PaperTable, results: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """The paper's rows, then others with results; as `StudyTable.rows`."""
    printed = dict(zip(paper.rows["method"], paper.rows["row"], strict=True))
    own = [name for name in titles if name in set(results["method"]) - printed.keys()]
    ours = pd.DataFrame({"row": [_title(titles[name], name, printed) for name in own], "method": own})
    rows = pd.concat([paper.rows.assign(group="paper"), ours.assign(group="study")]).set_index("row")
    runs = results.groupby("method")["run"].agg(lambda names: ", ".join(dict.fromkeys(names)))
    rows.insert(1, "run", rows["method"].map(runs).fillna(""))
    return rows


def _title(title: str, method: str, printed: Mapping[str, str]) -> str:
    """The title of a row that the paper has not; marked where the paper calls another method so."""
    return f"{title} ({method})" if title in printed.values() else title


def _statistic(
    results: pd.DataFrame, name: Literal["mean", "std"], rows: pd.DataFrame, metrics: Sequence[str]
) -> pd.DataFrame:
    """A statistic over the seeds of each method; index: title, a column a metric."""
    wide = results.pivot_table(index="method", columns="metric", values="value", aggfunc=name, dropna=False)
    return _by_title(wide.reindex(columns=list(metrics)).astype(float), rows)


def _by_title(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """A frame by method, a row a row of the table; index: title."""
    return frame.reindex(index=rows["method"]).set_axis(rows.index, axis="index")


def _steps(scores: pd.DataFrame, rows: pd.DataFrame, reference: str | None = None) -> pd.DataFrame:
    measured = [name for name in ABLATION_METRICS if name in set(scores["metric"])]
    columns = {name: steps(scores, list(rows["method"]), name, reference) for name in measured}
    return pd.DataFrame(columns, index=rows.index, dtype=object)


def _contrasts(scores: pd.DataFrame, rows: pd.DataFrame, references: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The steps from each reference that has scores, by the title of its row."""
    measured = set(scores["method"])
    return {
        str(title): _steps(scores, rows, method)
        for reference in references
        for title, method in rows["method"].items()
        if method == reference and method in measured
    }


def _by_seed(results: pd.DataFrame, rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Every training's name and means over the images: columns run_seed<k> and <metric>_seed<k>.

    Index: the rows' titles; NaN where a row was not trained here with that seed.
    """
    parts = [pd.DataFrame(index=rows.index)]
    for seed, found in results.dropna(subset="seed").groupby("seed"):
        wide = found.pivot(index=["method", "run"], columns="metric", values="value").reset_index("run")
        named = wide.reindex(columns=["run", *metrics]).add_suffix(f"_seed{seed}")
        parts.append(_by_title(named, rows).dropna(axis="columns", how="all"))
    return pd.concat(parts, axis="columns")


def _difference(ours: pd.DataFrame, printed: pd.DataFrame, unlike: pd.Series) -> pd.DataFrame | None:
    compared = printed.drop(columns=list(BLIND_METRICS), errors="ignore").apply(pd.to_numeric, errors="coerce")
    if compared.empty:
        return None
    difference: pd.DataFrame = ours.reindex(columns=compared.columns) - compared
    return difference.mask(unlike, axis="index")
