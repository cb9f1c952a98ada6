"""The state of a training on disk: a checkpoint and a history, in a folder keyed by the experiment's fingerprint.

Neither DVC nor Snakemake knows this folder, so neither deletes it when a stage fails or is run again.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from pipeline.distributed import main_only
from pipeline.files import whole_file


class TrainingState:
    """`checkpoint.pt` and `history.jsonl` of one experiment; of several processes the main one alone writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoint.pt"
        self.history = folder / "history.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the state alone; wait, saying so, for another process that has it. A killed holder frees it."""
        lock = FileLock(self.folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            sys.stderr.write(f"waiting: another process trains the same experiment in {self.folder}\n")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @main_only
    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint, whole or not at all; the one before stays until then."""
        with whole_file(self.checkpoint) as temporary:
            torch.save(dict(state), temporary)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint, or None; drops the history written after it."""
        state: dict[str, Any] | None = None
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True, map_location="cpu")
        self._forget_after(-1 if state is None else state["iteration"])
        return state

    def last_good(self) -> str:
        """What a message about broken numbers says of the checkpoint before them."""
        if not self.checkpoint.exists():
            return "No checkpoint had been written"
        saved = torch.load(self.checkpoint, weights_only=True, map_location="cpu", mmap=True)
        return f"The last good checkpoint, of iteration {saved['iteration']}, stays in {self.folder}"

    @main_only
    def append(self, record: Mapping[str, float]) -> None:
        """Add one line to the history."""
        with self.history.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(dict(record)) + "\n")

    def records(self) -> list[dict[str, float]]:
        """The history so far; a line that a kill cut short is left out."""
        if not self.history.exists():
            return []
        found = []
        for line in self.history.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                found.append(json.loads(line))
        return found

    def _forget_after(self, iteration: int) -> None:
        kept = [record for record in self.records() if record["iteration"] <= iteration]
        with whole_file(self.history) as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
