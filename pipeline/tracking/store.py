"""Where runs are mirrored: a SQLite store of the checkout's own, or a server; left alone once it has failed."""

import logging
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from filelock import FileLock

from pipeline.environment import ROOT
from pipeline.files import fingerprint, whole_file
from pipeline.tracking.notes import NOTE_TAG, experiment_note
from pipeline.tracking.views import view_tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

DEFAULTS = {
    # MLflow's own values would let a dead server hold a training up for four minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Environment of MLflow where the caller's has no value of its own."""

COMPLAINT_LENGTH = 240
ALONE_SECONDS = 20
"""The longest wait for `Store.alone`; what is done there takes some 50 ms."""
SQLITE = "sqlite:///"
KIND_TAG, TRAINING = "mlflow.experimentKind", "custom_model_development"
"""Without it the UI, in its first mode, which is about language models, has no entry for training runs."""
T = TypeVar("T")


def store_uri() -> str:
    """Where runs are mirrored: MLFLOW_TRACKING_URI, or the checkout's own store."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{ROOT / 'mlflow' / 'mlflow.db'}"


def create_store(uri: str) -> None:
    """Create the SQLite store that `uri` names, whole or not at all, unless it exists. Servers look after theirs.

    Processes that start together wait for the one that creates it (about 8 s): MLflow's own migrations break
    a database that two of them touch.
    """
    if not uri.startswith(SQLITE):
        return
    database = Path(uri.removeprefix(SQLITE)).absolute()
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(_lock_file(uri), timeout=120):
        if database.exists():
            return
        _set_defaults()
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        with whole_file(database) as temporary:
            store = SqlAlchemyStore(f"{SQLITE}{temporary}", _artifacts(uri))
            store.engine.dispose()


class Store:
    """A store that is left alone after its first failure."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.failed = False

    def attempt(self, action: Callable[[], T]) -> T | None:
        """What `action` returns; None once anything has failed, with one warning in the life of the process."""
        if self.failed:
            return None
        try:
            return action()
        except Exception as error:
            self.failed = True
            sys.stderr.write(f"warning: {self._complaint(error)}. No result depends on it.\n")
            return None

    def _complaint(self, error: Exception) -> str:
        """One line about `error`, without the user and password that a URI may hold."""
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return re.sub(r"//[^/@\s]*@", "//", f"not mirrored to MLflow at {self.uri}: {reason}")[:COMPLAINT_LENGTH]

    @cached_property
    def client(self) -> "MlflowClient":
        """The client of a store that exists and can be read."""
        create_store(self.uri)
        if self.uri.startswith(SQLITE):
            _check_readable(Path(self.uri.removeprefix(SQLITE)))
        _set_defaults()
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri)

    def experiment(self, preset: str) -> str:
        """The id of a preset's experiment, created where missing, with its description and views up to date."""
        found = self._experiment(experiment_name(preset))
        number = str(found.experiment_id)
        tags = {KIND_TAG: TRAINING, NOTE_TAG: experiment_note(number, preset), **view_tags()}
        if not tags.items() <= found.tags.items():
            with self.alone():  # MLflow fails where two processes set a new tag together
                known = self.client.get_experiment(number).tags
                for key, value in tags.items():
                    if known.get(key) != value:
                        self.client.set_experiment_tag(number, key, value)
        return number

    def _experiment(self, name: str) -> "Experiment":
        """Found or created; of processes that create it together one wins."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                number = self.client.create_experiment(name, artifact_location=_artifacts(self.uri))
                found = self.client.get_experiment(number)
            except MlflowException:
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return found

    def run(self, experiment: str, tag: str, value: str) -> "Run | None":
        """The oldest run of an experiment with that tag, or None."""
        found = self.client.search_runs(
            [experiment], f"tags.`{tag}` = '{value}'", order_by=["attributes.start_time ASC"], max_results=1
        )
        return found[0] if found else None

    def monitor(self, run: str) -> "SystemMetricsMonitor":
        """A started thread that sends what the machine is doing every 10 s; a resumed run goes on counting."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        logging.getLogger("mlflow.system_metrics").setLevel(
            logging.CRITICAL
        )  # a failure is told by `attempt`, once
        monitor = SystemMetricsMonitor(run, resume_logging=True, tracking_uri=self.uri)
        monitor.start()
        return monitor

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process of this checkout at a time: for what must be found or created, never twice."""
        with FileLock(_lock_file(self.uri), timeout=ALONE_SECONDS):
            yield


def experiment_name(preset: str) -> str:
    """The MLflow experiment of a preset."""
    return f"cria-cl/{preset}"


@cache
def open_store(uri: str) -> Store:
    """The one handle of this process on the store that `uri` names; nothing is opened before its first use."""
    return Store(uri)


def outbox(uri: str) -> Path:
    """The folder of the runs that wait to be sent; there may be none."""
    return _lock_file(uri).with_suffix(".outbox")


def _lock_file(uri: str) -> Path:
    """Beside the local store; a server's, whose disk is not ours, is in the checkout."""
    if not uri.startswith(SQLITE):
        folder = ROOT / "mlflow"
        folder.mkdir(exist_ok=True)
        return folder / f".{fingerprint(uri)}.lock"
    database = Path(uri.removeprefix(SQLITE)).absolute()
    return database.with_name(f".{database.name}.lock")


def _artifacts(uri: str) -> str | None:
    """Where a local store keeps files; None leaves it to the server."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).absolute().parent / "artifacts").as_uri()


def _check_readable(database: Path) -> None:
    """Raise at once for a file that is no database: MLflow would try again and again, ever more slowly."""
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        connection.execute("SELECT version_num FROM alembic_version").fetchone()


def _set_defaults() -> None:
    """To be called before mlflow is imported, which reads some of them then."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
