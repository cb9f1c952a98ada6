"""What MLflow shows as descriptions: Markdown, with links that its UI understands."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.tracking.views import TABLE_ROWS, VIEWS, View

if TYPE_CHECKING:
    import pandas as pd

NOTE_TAG = "mlflow.note.content"
NOTE_LENGTH = 7900
"""MLflow cuts a tag at 8000 characters (mlflow/utils/validation.py)."""

MODE = "workflowType=machine_learning"
"""In its other mode, about language models, the UI hides what runs are about."""
CHARTS = "&compareRunsMode=CHART"

KINDS = {"trainings": "training", "trunks": "trunk", "scorings": "scoring", "tables": "table"}
"""What the runs of a kind are called together."""


def run_link(experiment: str, run: str, text: str) -> str:
    """A link to a run's page."""
    return f"[{text}](#/experiments/{experiment}/runs/{run}?{MODE})"


def search_link(experiment: str, query: str, text: str) -> str:
    """A link to the runs that a filter finds."""
    return f"[{text}](#/experiments/{experiment}/runs?{MODE}&searchFilter={quote(query)})"


def view_link(experiment: str, view: View, text: str, more: str = "") -> str:
    """A link to a saved view."""
    return f"[{text}](#/experiments/{experiment}/runs?{MODE}&viewStateShareKey={view.key}{more})"


def compare_link(experiment: str, runs: Sequence[str], text: str) -> str:
    """A link to runs side by side. MLflow's page reads `runs` as the first parameter only: else it fails."""
    chosen = quote(json.dumps(list(runs), separators=(",", ":")))
    return f"[{text}](#/compare-runs?runs={chosen}&experiments={quote(json.dumps([experiment]))}&{MODE})"


def experiment_note(experiment: str, preset: str) -> str:
    """How to find the runs of a preset; in the first line, which the UI shows always, as links."""
    tables = {f"Table {numeral}": query for numeral, query in TABLE_ROWS.items()}
    kinds = {name: f"tags.kind = '{kind}'" for name, kind in KINDS.items()}
    links = [
        view_link(experiment, view, f"Table {numeral}" if numeral else "trainings")
        for numeral, view in VIEWS.items()
    ]
    links += [search_link(experiment, query, name) for name, query in kinds.items() if name != "trainings"]
    return "\n".join(
        [
            f"Preset `{preset}`: {' · '.join(links)}",
            "",
            *(f"- {name}: `{query}`" for name, query in (tables | kinds).items()),
            "",
            "A training is one configuration on one training set with one seed, and starts from the set's trunk. "
            "A scoring measures all methods on the test images of a dataset. The trainings behind a table are its "
            "child runs; one that is in both tables is under the first.",
            "",
            "Metrics: `train/` terms of the objective and norms of gradients; `validation/` held-out images during "
            "training, on which choices are made; `test/` the tables' numbers. Tags to filter and to group by: "
            "`dataset`, `configuration`, `anchor`, `seed`, `fingerprint`.",
        ]
    )


def table_note(markdown: str, experiment: str, numeral: str, runs: Mapping[str, str]) -> str:
    """A written table with its run names as links, and links to its rows above it.

    Args:
        markdown: the table's .md file.
        runs: MLflow's id of each training behind it, by name.
    """
    for name, run in runs.items():
        written = name.replace("_", "\\_")
        markdown = markdown.replace(written, run_link(experiment, run, written))
    links = [
        view_link(experiment, VIEWS[numeral], "List of its runs"),
        view_link(experiment, VIEWS[numeral], "Charts of its runs", CHARTS),
        compare_link(experiment, list(runs.values()), "Its runs side by side"),
    ]
    return shortened(f"{' · '.join(links)}\n\n{markdown}")


def means_note(means: "pd.DataFrame") -> str:
    """Means over images as a table: a row a method, a column a metric that was measured."""
    shown = means.dropna(axis="columns", how="all")
    lines = ["Means over the test images and the seeds. Empty: not defined for a method's images.", ""]
    lines += [_row(["method", *map(str, shown.columns)]), _row(["---", *["---:"] * shown.shape[1]])]
    for method, values in shown.iterrows():
        lines.append(_row([str(method), *("" if math.isnan(value) else f"{value:.4f}" for value in values)]))
    return shortened("\n".join(lines))


def shortened(note: str) -> str:
    """A note as long as MLflow takes it: whole lines, and where the rest is."""
    if len(note) <= NOTE_LENGTH:
        return note
    more = "\n\nThe rest is in the files under Artifacts."
    return note[: NOTE_LENGTH - len(more)].rpartition("\n")[0] + more


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
