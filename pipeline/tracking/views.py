"""Saved views: what MLflow's list and charts of runs show at once, under the UI's button "Views" and by a link.

A view is a tag of the experiment, a colour one of the run. MLflow documents neither: they are what its UI (3.17.2)
writes when a person saves a view or picks a colour. A UI that does not know them leaves them out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VIEW_TAG = "mlflow.sharedViewState."
ERROR_TAG = "error"
"""Why a run failed."""
COLOUR_TAG = "mlflow.runColor"
COLOURS = (
    *("#7f7f7f", "#8c564b", "#bcbd22", "#17becf", "#9467bd", "#e377c2"),
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728"),
)
"""Of runs in all lists and charts: matplotlib's `tab10`, the plainest for Table VI. MLflow's own differ by seed."""

TABLE_ROWS = {"V": "tags.tables LIKE 'V%' AND tags.tables != 'VI'", "VI": "tags.tables LIKE '%VI'"}
"""The filter that finds all rows of a table, by its numeral."""

SCORES = ("test/psnr", "test/ssim", "test/lpips")
CURVES = ("validation/psnr", "validation/ssim", "train/perc", "train/align", "train/unif")
IMAGES = ("validation/image", "validation/parts")
WIDTHS = {"attributes.`Run Name`": 330, f"tags.`{ERROR_TAG}`": 500}
"""Of columns, in pixels: a run's whole name, where MLflow's own 190 cut it; and a sentence."""

Json = dict[str, Any]
AS_MEASURED: Json = {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""}
"""How curves are drawn; MLflow smooths them otherwise."""


@dataclass(frozen=True)
class View:
    """A saved view of the runs that a filter finds.

    Attributes:
        key: its name in links.
        title: its name under "Views".
        query: the filter.
        tags: shown as columns, before the scores; the UI leaves out one that no run has.
        group: the tag by which the list is grouped, with means over each group; empty for none.
    """

    key: str
    title: str
    query: str
    tags: tuple[str, ...]
    group: str = ""

    @property
    def state(self) -> Json:
        """What MLflow's UI keeps of its own state in a view.

        Charts show the runs themselves, not the means of the groups: a mean would hide the spread over seeds.
        """
        columns = [f"tags.`{tag}`" for tag in self.tags] + [f"metrics.`{name}`" for name in SCORES]
        columns += ["attributes.`Duration`", "attributes.`Models`"]
        keys = [{"mode": "tag", "groupByData": self.group}]
        return {
            "searchFilter": self.query,
            "orderByKey": "tags.`mlflow.runName`",
            "orderByAsc": True,
            "selectedColumns": columns,
            "columnOrder": ["attributes.`Run Name`", *columns],
            "columnWidths": WIDTHS,
            "groupBy": {"aggregateFunction": "average", "groupByKeys": keys} if self.group else None,
            "useGroupedValuesInCharts": False,
            "runsHiddenMode": "SHOW_ALL",
            "globalLineChartConfig": AS_MEASURED,
            "isAccordionReordered": True,  # else the UI sorts the sections by name
            "compareRunSections": _sections(),
            "compareRunCharts": _charts(),
        }


VIEWS = {
    "V": View("table-v", "Table V, by configuration", TABLE_ROWS["V"], ("seed",), "configuration"),
    "VI": View("table-vi", "Table VI, by anchor", TABLE_ROWS["VI"], ("seed",), "anchor"),
    "": View(
        "trainings",
        "All trainings",
        "tags.kind = 'training'",
        ("dataset", "configuration", "anchor", "seed", ERROR_TAG),
    ),
}
"""The views of an experiment; those of a table by its numeral."""


def view_tags() -> dict[str, str]:
    """The tags of an experiment that has all of `VIEWS`."""
    return {f"{VIEW_TAG}{view.key}": _saved(view, age) for age, view in enumerate(reversed(VIEWS.values()))}


def _saved(view: View, age: int) -> str:
    """In a fixed order and without a date, so that every process writes the same; the UI lists the newest first."""
    return json.dumps({"name": view.title, "createdAt": age, "state": json.dumps(view.state)})


def _sections() -> list[Json]:
    """Ours are open; those under which the UI puts all other metrics, by what stands before the `/`, are closed."""
    ours = {"scores": "Scores", "curves": "During training", "images": "Images"}
    others = ("test", "validation", "train", "Model metrics", "System metrics")
    return [_section(key, name, display=True) for key, name in ours.items()] + [
        _section(name, name, display=False) for name in others
    ]


def _section(key: str, name: str, *, display: bool) -> Json:
    return {"uuid": key, "name": name, "display": display, "isReordered": False}


def _charts() -> list[Json]:
    psnr, *others = SCORES
    points = [_chart("SCATTER", "scores", f"{psnr} vs. {other}", _axes(psnr, other)) for other in others]
    curves = [_chart("LINE", "curves", name, _curve(name)) for name in CURVES]
    images = [
        _chart("IMAGE", "images", name, {"imageKeys": [name], "step": 0, "showRunParams": False}) for name in IMAGES
    ]
    return [*points, *curves, *images]


def _chart(kind: str, section: str, title: str, more: Mapping[str, object]) -> Json:
    known = {"uuid": f"{section} {title}", "type": kind, "metricSectionId": section, "displayName": title}
    return {**known, "runsCountToCompare": 100, "deleted": False, "isGenerated": False, **more}


def _axes(across: str, up: str) -> Json:
    """Of a point a run. Bars begin at zero, where runs that differ by little look the same."""
    return {"xaxis": {"key": across, "type": "METRIC"}, "yaxis": {"key": up, "type": "METRIC"}}


def _curve(name: str) -> Json:
    return {"metricKey": name, "selectedMetricKeys": [name], "scaleType": "linear", "range": {}, **AS_MEASURED}
