"""One MLflow run: what it is opened with, and what is sent to it."""

import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipeline.tracking.names import flat, lines_after, metric_name, mlflow_name
from pipeline.tracking.notes import NOTE_TAG, shortened
from pipeline.tracking.store import Store
from pipeline.tracking.tables import RUN_TAG, place
from pipeline.tracking.views import COLOUR_TAG, COLOURS, ERROR_TAG

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

SEND_SECONDS = 5.0
"""The history is sent at most this often; a request to the local store takes some 30 ms."""

# MLflow's limits (facts/ecosystem.md 4.3 and mlflow/utils/validation.py).
METRICS_A_REQUEST, PARAMS_A_REQUEST = 1000, 100
PARAM_LENGTH, TAG_LENGTH = 6000, 8000

DIGEST = 12
"""Hex digits of an input's sha256 that the UI shows, as many as a fingerprint has."""

SENT_TAG = "study.sent"
"""The last iteration that a run has sent."""


@dataclass(frozen=True)
class Input:
    """Data that a run reads.

    Attributes:
        name: such as `ntire2020-pack`.
        context: what it is read for, such as `training`.
        place: where it lies.
        sha256: of its content.
    """

    name: str
    context: str
    place: Path
    sha256: str

    def as_mlflow(self) -> "DatasetInput":
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

        source = json.dumps({"uri": self.place.as_posix(), "sha256": self.sha256})
        dataset = Dataset(self.name, self.sha256[:DIGEST], "local", source, profile=source)
        return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, self.context)])


@dataclass(frozen=True)
class Description:
    """What a run is opened with.

    Attributes:
        preset: its experiment in MLflow is `cria-cl/<preset>`.
        name: the same name finds the same run again, and appends to it.
        params: settings; nested ones get names with dots.
        environment: `pipeline.environment.environment()`, as tags.
        inputs: the data that the run reads, by short name: MLflow's datasets, and tags `input.<short name>`.
        tables: numerals of the ablations' tables that it is a row of: it gets its place under the first one's run.
        note: its description, in Markdown.
        title: what the UI calls it; default: `name`, which is in any case its tag `study.run`.
        series: runs of one number have one colour in all charts; of None, each its own.
        source: the command that it is a run of.
        began: seconds since 1970.
    """

    preset: str
    name: str
    params: Mapping[str, Any]
    environment: Mapping[str, Any]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()
    note: str = ""
    title: str = ""
    series: int | None = None
    source: str = field(default_factory=lambda: Path(sys.argv[0]).name)
    began: float = field(default_factory=time.time)

    @property
    def all_tags(self) -> dict[str, str]:
        """Everything that MLflow shows or searches as a tag."""
        hashes = {name: data.sha256 for name, data in self.inputs.items()}
        found = flat(self.environment) | flat(self.tags) | flat(hashes, "input.") | {"preset": self.preset}
        found |= {RUN_TAG: self.name, "mlflow.source.name": self.source}
        if self.note:
            found[NOTE_TAG] = shortened(self.note)
        if self.series is not None:
            found[COLOUR_TAG] = COLOURS[self.series % len(COLOURS)]
        if "git.commit" in found:
            found["mlflow.source.git.commit"] = found["git.commit"]  # the UI's column "Version"
        return {key: value[:TAG_LENGTH] for key, value in found.items()}


class Tracked:
    """An open run. Methods send, or do nothing once the store has failed; none raises."""

    def __init__(self, store: Store, description: Description, ended: float | None = None) -> None:
        """Open it; `ended` (seconds since 1970) is of one that is sent afterwards."""
        self._store = store
        self._run = ""
        self._sent = -1
        self._sent_at = -SEND_SECONDS
        self._path: Path | None = None
        self._monitor: SystemMetricsMonitor | None = None
        self._ended = None if ended is None else round(ended * 1000)
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

    def model(self, folder: Path, name: str) -> None:
        """Send a trained network, all files of `folder`, as the model that the run has made; once for a run."""
        self._store.attempt(lambda: self._send_model(folder, name))

    def close(self, status: str, error: str = "") -> None:
        """Send the rest of the history and end the run as FINISHED, FAILED or KILLED, with what went wrong."""
        if self._monitor is not None:
            self._monitor.finish()
        path = self._path
        if path is not None:
            self._store.attempt(lambda: self._send(path))
        self._store.attempt(lambda: self._end(status, error))

    def _end(self, status: str, error: str) -> None:
        if error:
            self._store.client.set_tag(self._run, ERROR_TAG, error[:TAG_LENGTH])
        self._store.client.set_terminated(self._run, status, self._ended)

    def _open(self, description: Description) -> None:
        client = self._store.client
        experiment = self._store.experiment(description.preset)
        run = self._store.run(experiment, RUN_TAG, description.name)
        title = description.title or description.name
        tags = description.all_tags | place(self._store, experiment, description.tables)
        if run is not None:
            # What was finished before and is only found again keeps its time.
            if run.info.status == "FINISHED":
                self._ended = run.info.end_time
            client.update_run(run.info.run_id, status="RUNNING", name=title)
            if ERROR_TAG in run.data.tags:
                client.delete_tag(run.info.run_id, ERROR_TAG)
        else:
            run = client.create_run(
                experiment,
                start_time=round(description.began * 1000),
                run_name=title,
                tags={RUN_TAG: description.name},
            )
        self._run = run.info.run_id
        self._sent = int(run.data.tags.get(SENT_TAG, -1))
        known = run.data.params  # params are write-once; those of a run that died young may lack
        self._describe({k: v[:PARAM_LENGTH] for k, v in flat(description.params).items() if k not in known}, tags)
        if description.inputs and not run.inputs.dataset_inputs:
            client.log_inputs(self._run, [data.as_mlflow() for data in description.inputs.values()])
        if self._ended is None:
            self._monitor = self._store.monitor(self._run)

    def _describe(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        from mlflow.entities import Param, RunTag

        client = self._store.client
        client.log_batch(self._run, tags=[RunTag(*item) for item in tags.items()])
        listed = [Param(*item) for item in params.items()]
        for first in range(0, len(listed), PARAMS_A_REQUEST):
            client.log_batch(self._run, params=listed[first : first + PARAMS_A_REQUEST])

    def _send(self, path: Path) -> None:
        records = lines_after(path, self._sent)
        widest = max((len(record) for record in records), default=1)
        size = max(1, METRICS_A_REQUEST // widest)
        for first in range(0, len(records), size):
            batch = records[first : first + size]
            self._sent = int(batch[-1]["iteration"])
            batch = [{metric_name(name): value for name, value in record.items()} for record in batch]
            # In one request with its metrics, so that a resumed run neither repeats nor misses a line.
            self._log(batch, {SENT_TAG: str(self._sent)})

    def _log(self, records: list[dict[str, float]], tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        metrics = [
            metric(name, value, int(record["iteration"]), moment=self._ended)
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

    def _send_model(self, folder: Path, name: str) -> None:
        from mlflow.entities import LoggedModelOutput

        client = self._store.client
        run = client.get_run(self._run)
        if run.outputs is not None and run.outputs.model_outputs:
            return
        made = client.create_logged_model(
            run.info.experiment_id, re.sub(r"[/:.%\"']", "_", name), self._run, model_type="super-resolution"
        )
        client.log_model_artifacts(made.model_id, str(folder))
        client.finalize_logged_model(made.model_id, "READY")
        client.log_outputs(self._run, [LoggedModelOutput(made.model_id, max(self._sent, 0))])


def metric(name: str, value: float, step: int = 0, model: str | None = None, moment: int | None = None) -> "Metric":
    """A number as MLflow's client takes it, under a name that MLflow takes; also of a logged model.

    Args:
        moment: milliseconds since 1970; default: now.
    """
    from mlflow.entities import Metric

    return Metric(mlflow_name(name), float(value), moment or time.time_ns() // 1_000_000, step, model)
