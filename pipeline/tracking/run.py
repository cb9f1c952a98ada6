"""One MLflow run: what it is opened with, and what is sent to it."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.tracking.names import flat, lines_after, mlflow_name
from pipeline.tracking.store import Store, experiment_name, open_store, store_uri
from pipeline.tracking.tables import RUN_TAG, place

if TYPE_CHECKING:
    from mlflow.entities import Metric

SEND_SECONDS = 5.0
"""The history is sent at most this often; a request to the local store takes some 30 ms."""

# MLflow's limits (facts/ecosystem.md 4.3 and mlflow/utils/validation.py).
METRICS_A_REQUEST, PARAMS_A_REQUEST, INPUT_DIGEST = 1000, 100, 36
PARAM_LENGTH, TAG_LENGTH = 6000, 5000

SENT_TAG = "study.sent"
"""The last iteration that a run has sent."""


@dataclass(frozen=True)
class Description:
    """What `tracked` was called with."""

    preset: str
    name: str
    params: Mapping[str, Any]
    environment: Mapping[str, Any]
    inputs: Mapping[str, str]
    tags: Mapping[str, str]
    tables: tuple[str, ...] = ()

    @property
    def all_tags(self) -> dict[str, str]:
        """Everything that MLflow shows or searches as a tag."""
        found = flat(self.environment) | flat(self.tags) | flat(self.inputs, "input.") | {"preset": self.preset}
        found |= {RUN_TAG: self.name, "mlflow.source.name": Path(sys.argv[0]).name}
        if "git.commit" in found:
            found["mlflow.source.git.commit"] = found["git.commit"]  # the UI's column "Version"
        return {key: value[:TAG_LENGTH] for key, value in found.items()}


class Tracked:
    """An open run. Methods send, or do nothing once the store has failed; none raises."""

    def __init__(self, store: Store, description: Description) -> None:
        self._store = store
        self._run = ""
        self._sent = -1
        self._sent_at = -SEND_SECONDS
        self._path: Path | None = None
        store.attempt(lambda: self._open(description))

    def history(self, path: Path) -> None:
        """Send the lines of history.jsonl that were not sent yet: `iteration` is the step, the rest are metrics.

        Returns at once when the last sending was less than SEND_SECONDS ago; closing sends what is left.
        """
        self._path = path
        if time.monotonic() - self._sent_at >= SEND_SECONDS:
            self._store.attempt(lambda: self._send(path))
            self._sent_at = time.monotonic()

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Send single numbers; one that is not finite counts as absent."""
        finite = {name: value for name, value in values.items() if np.isfinite(value)}
        self._store.attempt(lambda: self._log([{"iteration": step, **finite}], {}))

    def image(self, key: str, image: NDArray[np.uint8], step: int) -> None:
        """Send an RGB image (H, W, 3), once for a key and step."""
        self._store.attempt(lambda: self._send_image(key, image, step))

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Send a file, into `folder` of the run's artifacts."""
        self._store.attempt(lambda: self._store.client.log_artifact(self._run, str(path), folder))

    def close(self, status: str) -> None:
        """Send the rest of the history and end the run as FINISHED, FAILED or KILLED."""
        path = self._path
        if path is not None:
            self._store.attempt(lambda: self._send(path))
        self._store.attempt(lambda: self._store.client.set_terminated(self._run, status))

    def _open(self, description: Description) -> None:
        client = self._store.client
        experiment = self._store.experiment(experiment_name(description.preset))
        run = self._store.run(experiment, RUN_TAG, description.name)
        tags = description.all_tags | place(self._store, experiment, description.tables)
        if run is not None:
            client.update_run(run.info.run_id, status="RUNNING")
        else:
            run = client.create_run(experiment, run_name=description.name, tags={RUN_TAG: description.name})
        self._run = run.info.run_id
        self._sent = int(run.data.tags.get(SENT_TAG, -1))
        known = run.data.params  # params are write-once; those of a run that died young may lack
        self._describe({k: v[:PARAM_LENGTH] for k, v in flat(description.params).items() if k not in known}, tags)
        if not run.inputs.dataset_inputs:
            self._log_inputs(description.inputs)

    def _describe(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        from mlflow.entities import Param, RunTag

        client = self._store.client
        client.log_batch(self._run, tags=[RunTag(*item) for item in tags.items()])
        listed = [Param(*item) for item in params.items()]
        for first in range(0, len(listed), PARAMS_A_REQUEST):
            client.log_batch(self._run, params=listed[first : first + PARAMS_A_REQUEST])

    def _log_inputs(self, inputs: Mapping[str, str]) -> None:
        from mlflow.entities import Dataset, DatasetInput

        datasets = [
            DatasetInput(Dataset(name, digest[:INPUT_DIGEST], "local", json.dumps({"sha256": digest})))
            for name, digest in inputs.items()
        ]
        if datasets:
            self._store.client.log_inputs(self._run, datasets)

    def _send(self, path: Path) -> None:
        records = lines_after(path, self._sent)
        widest = max((len(record) for record in records), default=1)
        size = max(1, METRICS_A_REQUEST // widest)
        for first in range(0, len(records), size):
            batch = records[first : first + size]
            self._sent = int(batch[-1]["iteration"])
            # In one request with its metrics, so that a resumed run neither repeats nor misses a line.
            self._log(batch, {SENT_TAG: str(self._sent)})

    def _log(self, records: list[dict[str, float]], tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        metrics = [
            metric(name, value, int(record["iteration"]))
            for record in records
            for name, value in record.items()
            if name != "iteration"
        ]
        self._store.client.log_batch(self._run, metrics=metrics, tags=[RunTag(*item) for item in tags.items()])

    def _send_image(self, key: str, image: NDArray[np.uint8], step: int) -> None:
        client = self._store.client
        name = mlflow_name(key)
        start = f"images/{name.replace('/', '~')}+step+{step}+"  # how MLflow names the images of a slider
        if not any(file.path.startswith(start) for file in client.list_artifacts(self._run, "images")):
            client.log_image(self._run, image, key=name, step=step)


def metric(name: str, value: float, step: int = 0) -> "Metric":
    """A number as MLflow's client takes it, under a name that MLflow takes, as of now."""
    from mlflow.entities import Metric

    return Metric(mlflow_name(name), float(value), time.time_ns() // 1_000_000, step)


@contextmanager
def tracked(
    preset: str,
    name: str,
    *,
    params: Mapping[str, Any],
    environment: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    tables: Sequence[str] = (),
) -> Iterator[Tracked]:
    """A run of the MLflow experiment `cria-cl/<preset>`; it ends with the block, as finished, failed or killed.

    Args:
        name: the same name finds the same run again, and appends to it.
        params: settings; nested ones get names with dots.
        environment: `pipeline.environment.environment()`, as tags.
        tables: numerals of the ablations' tables that it is a row of: it gets its place under the first one's run.
        inputs: sha256 by name of the data that the run reads: MLflow's datasets, and tags `input.<name>`.
    """
    description = Description(preset, name, params, environment, inputs or {}, tags or {}, tuple(tables))
    run = Tracked(open_store(store_uri()), description)
    status = "KILLED"  # a SystemExit (SIGTERM) or a KeyboardInterrupt
    try:
        yield run
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        run.close(status)
