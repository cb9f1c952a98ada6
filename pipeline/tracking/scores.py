"""Scores in the store: a run a scoring, and each training's own test scores."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.files import fingerprint, sha256
from pipeline.tracking.run import metric, tracked
from pipeline.tracking.store import Store, experiment_name, open_store, store_uri
from pipeline.tracking.tables import RUN_TAG


def record_scores(
    preset: str,
    dataset: str,
    scores: Path,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    runs: Mapping[str, str] | None = None,
) -> None:
    """A dataset's scoring as a run: metrics `<method>/<metric>`, means over images, and the CSVs as artifacts.

    Args:
        scores: the folder P/scores/<dataset>, a `<method>.csv` with a row an image each.
        params, environment, inputs: as `tracked`. Equal scores and params are one run.
        runs: name of each trained method's training: it gets the means as metrics `test/<metric>`, or, for a
            dataset that it was not trained for, `test/<dataset>/<metric>`.
    """
    files = sorted(scores.glob("*.csv"))
    key = fingerprint({"params": dict(params), "scores": {file.stem: sha256(file) for file in files}})
    means = {file.stem: _means(file) for file in files}
    name = f"score-{dataset}-{key}"
    tags = {"dataset": dataset}
    with tracked(preset, name, params=params, environment=environment, inputs=inputs, tags=tags) as run:
        run.metrics({f"{method}/{metric}": mean for method, row in means.items() for metric, mean in row.items()})
        for file in files:
            run.artifact(file, "scores")
    store = open_store(store_uri())
    for method, training in (runs or {}).items():
        # A name begins with the training set (pipeline.training.experiment).
        prefix = "test" if training.startswith(f"{dataset}-") else f"test/{dataset}"
        scored = {f"{prefix}/{key}": mean for key, mean in means[method].items() if math.isfinite(mean)}
        store.attempt(partial(_add, store, preset, training, scored))


def _add(store: Store, preset: str, training: str, scores: Mapping[str, float]) -> None:
    """Log `scores` to a training's run; a training that was never mirrored has none."""
    run = store.run(store.experiment(experiment_name(preset)), RUN_TAG, training)
    if run is not None and scores:
        store.client.log_batch(run.info.run_id, metrics=[metric(*item) for item in scores.items()])


def _means(file: Path) -> dict[str, float]:
    import pandas as pd

    means = pd.read_csv(file).drop(columns="image").mean()
    return {str(metric): float(value) for metric, value in means.items()}
