"""Scores in the store: a run a scoring, and each training's own test scores."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.files import fingerprint, sha256
from pipeline.tracking.mirroring import tracked
from pipeline.tracking.notes import means_note
from pipeline.tracking.run import Input, metric
from pipeline.tracking.store import Store, open_store, store_uri
from pipeline.tracking.tables import KIND, RUN_TAG

if TYPE_CHECKING:
    import pandas as pd


def record_scores(
    preset: str,
    dataset: str,
    scores: Path,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, Input] | None = None,
    runs: Mapping[str, str] | None = None,
    seed: int | None = None,
) -> None:
    """A dataset's scoring as a run: metrics `<metric>/<method>`, means over images, and the CSVs as artifacts.

    Args:
        scores: the folder P/scores/<dataset>, a `<method>.csv` with a row an image each.
        params, environment, inputs: as `tracked`. Equal scores and params are one run.
        runs: name of each trained method's training: it gets the means as metrics `test/<metric>`, or, for a
            dataset that it was not trained for, `test/<dataset>/<metric>`.
        seed: of the ablations; None for the comparison.
    """
    files = sorted(scores.glob("*.csv"))
    key = fingerprint({"params": dict(params), "scores": {file.stem: sha256(file) for file in files}})
    means = _means(files)
    name = f"score-{dataset}-{key}" if seed is None else f"score-{dataset}-s{seed}-{key}"
    tags = {KIND: "scoring", "dataset": dataset} | ({} if seed is None else {"seed": str(seed)})
    with tracked(
        preset, name, params=params, environment=environment, inputs=inputs or {}, tags=tags, note=means_note(means)
    ) as run:
        run.metrics(
            {f"{metric}/{method}": mean for metric, column in means.items() for method, mean in column.items()}
        )
        for file in files:
            run.artifact(file, "scores")
    store = open_store(store_uri())
    rows = means.to_dict("index")
    for method, training in (runs or {}).items():
        # A name begins with the training set (pipeline.training.experiment).
        prefix = "test" if training.startswith(f"{dataset}-") else f"test/{dataset}"
        scored = {f"{prefix}/{key}": mean for key, mean in rows[method].items() if math.isfinite(mean)}
        store.attempt(partial(_add, store, preset, training, scored))


def _add(store: Store, preset: str, training: str, scores: Mapping[str, float]) -> None:
    """Log `scores` to a training's run; a training that was never mirrored has none."""
    run = store.run(store.experiment(preset), RUN_TAG, training)
    if run is not None and scores:
        models = run.outputs.model_outputs if run.outputs else []
        made = models[0].model_id if models else None  # the UI shows a model with its scores
        store.client.log_batch(run.info.run_id, [metric(*item, model=made) for item in scores.items()])


def _means(files: Sequence[Path]) -> "pd.DataFrame":
    """Means over images: a row a method, a column a metric."""
    import pandas as pd

    return pd.DataFrame({file.stem: pd.read_csv(file).drop(columns="image").mean() for file in files}).T
