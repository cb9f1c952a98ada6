"""Scores in the store: a run a scoring, and each training's own test scores."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.files import fingerprint, sha256
from pipeline.paths import Made, score_files
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
    root: Path,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, Input] | None = None,
    runs: Mapping[Made, str] | None = None,
) -> None:
    """A dataset's scoring as a run: metrics `<metric>/<row>`, means over images and seeds; the CSVs are artifacts.

    Args:
        root: runs/<preset>, whose scores of the dataset these are.
        params, environment, inputs: as `tracked`. Equal scores and params are one run.
        runs: name of each training behind them, by row and seed: it gets its means as metrics `test/<metric>`, or,
            for a dataset that it was not trained for, `test/<dataset>/<metric>`.
    """
    files = score_files(root, dataset)
    hashes = [[*made, sha256(file)] for made, file in files.items()]
    key = fingerprint({"params": dict(params), "scores": hashes})
    means = _means(files)
    over_seeds = means.groupby("row", sort=False).mean()
    with tracked(
        preset,
        f"score-{dataset}-{key}",
        params=params,
        environment=environment,
        inputs=inputs or {},
        tags={KIND: "scoring", "dataset": dataset},
        note=means_note(over_seeds),
    ) as run:
        run.metrics({f"{name}/{row}": mean for name, column in over_seeds.items() for row, mean in column.items()})
        for (row, seed), file in files.items():
            run.artifact(file, "scores" if seed is None else f"scores/{row}")
    store = open_store(store_uri())
    for made, training in (runs or {}).items():
        # A name begins with the training set (pipeline.training.experiment).
        prefix = "test" if training.startswith(f"{dataset}-") else f"test/{dataset}"
        own = means.iloc[list(files).index(made)]
        scored = {f"{prefix}/{name}": mean for name, mean in own.items() if math.isfinite(mean)}
        store.attempt(partial(_add, store, preset, training, scored))


def _add(store: Store, preset: str, training: str, scores: Mapping[str, float]) -> None:
    """Log `scores` to a training's run; a training that was never mirrored has none."""
    run = store.run(store.experiment(preset), RUN_TAG, training)
    if run is not None and scores:
        models = run.outputs.model_outputs if run.outputs else []
        made = models[0].model_id if models else None  # the UI shows a model with its scores
        store.client.log_batch(run.info.run_id, [metric(*item, model=made) for item in scores.items()])


def _means(files: Mapping[Made, Path]) -> "pd.DataFrame":
    """Means over images, in the order of `files`: index row, a column a metric."""
    import pandas as pd

    means = [pd.read_csv(file).drop(columns="image").mean() for file in files.values()]
    return pd.DataFrame(means, index=pd.Index([row for row, _ in files], name="row"))
