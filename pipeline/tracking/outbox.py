"""Runs that do not wait for the store: sent by a thread, or left for the next process that opens it.

To import MLflow and to open a store takes longer than to import torch, and a study has many short trainings. So a
run is sent to as it goes on, by a thread, only once it has lasted LIVE_SECONDS. One that ends before leaves what it
had to send in a folder beside the store, the outbox; whoever opens the store next (a scoring, a long training,
`make ui`) sends all that lies there.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from pipeline.files import whole_folder
from pipeline.tracking.run import Description, Tracked
from pipeline.tracking.store import Store, outbox

LIVE_SECONDS = 20.0
"""From this age on a run is sent to as it goes on."""

RECORD, HISTORY, MODEL = "run.json", "history.jsonl", "model"
"""In the folder of a run that waits: a `_Left`, its history and its model."""


@dataclass
class _Unsent:
    """What a run has to send: its history, images as `Tracked.image` takes them, its model's folder and name."""

    history: Path | None = None
    images: list[tuple[str, NDArray[np.uint8], int]] = field(default_factory=list)
    model: tuple[Path, str] | None = None

    def send(self, run: Tracked) -> None:
        if self.history is not None:
            run.history(self.history)
        for image in self.images:
            run.image(*image)
        if self.model is not None:
            run.model(*self.model)


@dataclass(frozen=True)
class _Left:
    """What else there is to know about a run that waits; its images are `0.npy`, `1.npy` and so on."""

    description: Description
    status: str
    error: str
    ended: float
    images: tuple[tuple[str, int], ...]
    model: str | None


class Patient:
    """An open run with the methods of `Tracked` that a training calls; none but `close` waits for the store."""

    def __init__(self, store: Store, description: Description) -> None:
        self._store, self._description = store, description
        self._live_at = time.monotonic() + LIVE_SECONDS
        self._unsent = _Unsent()
        self._sender: ThreadPoolExecutor | None = None
        self._run: Tracked | None = None

    def history(self, path: Path) -> None:
        """As `Tracked.history`."""
        self._unsent.history = path
        if time.monotonic() >= self._live_at:
            self._send()

    def image(self, key: str, image: NDArray[np.uint8], step: int) -> None:
        """As `Tracked.image`."""
        self._unsent.images.append((key, image, step))

    def model(self, folder: Path, name: str) -> None:
        """As `Tracked.model`."""
        self._unsent.model = (folder, name)

    def close(self, status: str, error: str = "") -> None:
        """Send what is left of a run that has been sent to, and wait for it; leave another one in the outbox."""
        if self._sender is None:
            self._store.attempt(lambda: self._leave(status, error))
            return
        self._send()
        self._submit(lambda run: run.close(status, error))
        self._sender.shutdown()

    def _send(self) -> None:
        self._submit(self._unsent.send)
        self._unsent = _Unsent()

    def _submit(self, action: Callable[[Tracked], None]) -> None:
        """To the thread, which does one after the other."""
        self._sender = self._sender or ThreadPoolExecutor(1, "mlflow")
        self._sender.submit(self._act, action)

    def _act(self, action: Callable[[Tracked], None]) -> None:
        if self._run is None:
            deliver(self._store)
            self._run = Tracked(self._store, self._description)
        action(self._run)

    def _leave(self, status: str, error: str) -> None:
        """Copies, as the next training may replace the model before they are sent."""
        from pydantic import TypeAdapter

        unsent, began = self._unsent, self._description.began
        with whole_folder(outbox(self._store.uri) / f"{began:.6f}-{os.getpid()}") as folder:
            for number, (_, image, _) in enumerate(unsent.images):
                np.save(folder / f"{number}.npy", image)
            if unsent.history is not None:
                shutil.copyfile(unsent.history, folder / HISTORY)
            if unsent.model is not None:
                shutil.copytree(unsent.model[0], folder / MODEL)
            images = tuple((key, step) for key, _, step in unsent.images)
            model = unsent.model[1] if unsent.model else None
            left = _Left(self._description, status, error, time.time(), images, model)
            (folder / RECORD).write_bytes(TypeAdapter(_Left).dump_json(left))


def deliver(store: Store) -> None:
    """Send every run of the outbox, the oldest first; those that a failing store does not take stay."""
    if any(_waiting(store)):
        store.attempt(lambda: _deliver(store))


def _deliver(store: Store) -> None:
    with FileLock(outbox(store.uri) / ".lock"):
        for folder in _waiting(store):
            _send_left(store, folder)
            if store.failed:
                return
            (folder / RECORD).unlink()  # first, so that a removal that is cut short leaves no run that waits
            shutil.rmtree(folder)


def _waiting(store: Store) -> Iterator[Path]:
    """The folders of the outbox, by age."""
    return (record.parent for record in sorted(outbox(store.uri).glob(f"[!.]*/{RECORD}")))


def _send_left(store: Store, folder: Path) -> None:
    from pydantic import TypeAdapter, ValidationError

    try:
        left = TypeAdapter(_Left).validate_json((folder / RECORD).read_bytes())
    except ValidationError:  # left by another version of this code
        return
    history = folder / HISTORY
    run = Tracked(store, left.description, left.ended)
    unsent = _Unsent(
        history if history.exists() else None,
        [(key, np.load(folder / f"{number}.npy"), step) for number, (key, step) in enumerate(left.images)],
        None if left.model is None else (folder / MODEL, left.model),
    )
    unsent.send(run)
    run.close(left.status, left.error)
