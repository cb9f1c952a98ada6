"""MLflow as a mirror of the runs; the only package that imports mlflow.

A run's own history.jsonl is the truth. The store is `mlflow/mlflow.db` in the checkout, with its artifacts
beside it, unless MLFLOW_TRACKING_URI names another. A missing, dead or broken store costs one warning and a few
seconds: from its first failure on, a process leaves it alone.

A training, resumed under the same name, goes on in the same MLflow run:

    facts = environment(device)
    with tracked("sample", name, params=settings, inputs={"pack": sha256}, environment=facts) as run:
        for ...:                                   # each line added to the history:
            run.history(path)                      # sends what was not sent yet, at most every few seconds
        run.image("sample", strip, step=total)     # uint8 H x W x 3 RGB
        run.artifact(folder / "sample.png")
        run.metrics({"validation/psnr": 27.1}, step=total)

A scoring is a run as well: `record_scores(...)`, one call.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.files import fingerprint, sha256
from pipeline.tracking.run import Description, Tracked
from pipeline.tracking.store import create_store, open_store, store_uri

__all__ = ["Tracked", "create_store", "record_scores", "store_uri", "tracked"]


@contextmanager
def tracked(
    preset: str,
    name: str,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> Iterator[Tracked]:
    """A run of the MLflow experiment `cria-cl/<preset>`; it ends with the block, as finished, failed or killed.

    Args:
        name: the same name finds the same run again, and appends to it.
        params: settings; nested ones get names with dots.
        environment: `pipeline.environment.environment()`, as tags.
        inputs: sha256 by name of the data that the run reads: MLflow's datasets, and tags `input.<name>`.
    """
    run = Tracked(open_store(store_uri()), Description(preset, name, params, environment, inputs or {}, tags or {}))
    status = "KILLED"  # a SystemExit (SIGTERM) or a KeyboardInterrupt
    try:
        yield run
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        run.close(status)


def record_scores(
    preset: str,
    dataset: str,
    scores: Path,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """A dataset's scoring as a run: metrics `<method>/<metric>`, means over images, and the CSVs as artifacts.

    Args:
        scores: the folder P/scores/<dataset>, a `<method>.csv` with a row an image each.
        params, environment, inputs, tags: as `tracked`. Equal scores and params are one run.
    """
    files = sorted(scores.glob("*.csv"))
    key = fingerprint({"params": dict(params), "scores": {file.stem: sha256(file) for file in files}})
    means = {f"{file.stem}/{metric}": value for file in files for metric, value in _means(file).items()}
    name = f"score-{dataset}-{key}"
    labels = {"dataset": dataset, **(tags or {})}
    with tracked(preset, name, params=params, environment=environment, inputs=inputs, tags=labels) as run:
        run.metrics(means)
        for file in files:
            run.artifact(file, "scores")


def _means(file: Path) -> dict[str, float]:
    import pandas as pd

    means = pd.read_csv(file).drop(columns="image").mean()
    return {str(metric): float(value) for metric, value in means.items()}
