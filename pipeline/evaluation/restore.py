"""Run the method of one row over the test images of one dataset.

While a method computes, the next images are read and the last ones encoded, each in a thread of a small pool.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.code import code_hash
from pipeline.datasets.images import Pixels
from pipeline.environment import device_name, versions
from pipeline.evaluation.case import Case
from pipeline.evaluation.made import ways, write_restored
from pipeline.files import fingerprint, read_json, whole_folder, write_json
from pipeline.methods import Method
from pipeline.paths import restored_folder
from pipeline.progress import Meter
from pipeline.settings import Dataset

if TYPE_CHECKING:
    from pipeline.methods.records import Record

READERS = WRITERS = 2
"""Threads; and at most as many images waiting on either side of the method."""


class Restoration:
    """A row on a dataset, from what it has restored before to a whole folder of its images.

    Images that depend on what they depended on before are kept, so a changed metric restores nothing; what a killed
    process has made lies in `state`, and is taken up.

    Args:
        build: makes the method of `record`; weights are loaded then.
        root: runs/<preset>.
        images: a hash of the LR images.

    Attributes:
        kept: a PNG per test image, and restored.json, which says what the images depend on and how they were made.
    """

    def __init__(
        self, dataset: Dataset, record: "Record", build: Callable[[], Method], root: Path, images: str
    ) -> None:
        self.dataset, self.record, self._build = dataset, record, build
        self.kept = restored_folder(root, dataset, record.row.name, record.seed)
        self._made_with = {"device": record.device, "versions": versions(record.packages)}
        depends = {**record.described, "dataset": dataset, "images": images, **self._made_with}
        self.fingerprint = fingerprint({**depends, "code": code_hash(__name__, *record.code)})
        self._state = root / "state" / f"restored-{self.fingerprint}"
        self._valid = self._kept_about.get("fingerprint") == self.fingerprint

    @property
    def folder(self) -> Path:
        """Where its images lie at present."""
        return self.kept if self._valid else self._state

    def missing(self, cases: Sequence[Case]) -> list[Case]:
        """Those that it has not restored."""
        return [case for case in cases if not (self.folder / f"{case.id}.png").exists()]

    def restore(self, cases: Sequence[Case], meter: Meter) -> None:
        """Write a PNG per case that has none. Raises what reading, the method or writing raises."""
        with ThreadPoolExecutor(READERS) as readers, ThreadPoolExecutor(WRITERS) as writers:
            writing: deque[Future[None]] = deque()
            todo = self.missing(cases)
            made_with = {**self._made_with, "device_name": device_name(self.record.device)}
            for group in _groups(_read_ahead(todo, readers), self._method) if todo else ():
                restored = self._method([lr for _, lr in group])
                made = {**made_with, **self._method.how}
                for case, sr in zip(group, restored, strict=True):
                    if len(writing) >= WRITERS:
                        writing.popleft().result()
                    writing.append(writers.submit(write_restored, self.folder / f"{case[0].id}.png", sr, made))
                meter.update(len(group))
            for written in writing:
                written.result()

    def keep(self) -> None:
        """Put the images where they belong; where the row is left out, skipped.json, which says why."""
        record = self.record
        about: dict[str, Any] = {"method": record.row.name, "dataset": self.dataset, "seed": record.seed}
        if record.left_out:
            with whole_folder(self.kept) as folder:
                write_json(folder / "skipped.json", {**about, "why": record.left_out})
            return
        about |= {"run": record.run, "checkpoint": self._checkpoint, "at_scale_1": record.at_scale_1}
        about |= {"fingerprint": self.fingerprint, "made": ways(self.folder)}
        if self._kept_about != about:
            write_json(self.folder / "restored.json", about)
        if not self._valid:
            with whole_folder(self.kept) as folder:
                folder.rmdir()
                self._state.replace(folder)
            self._valid = True

    @property
    def _checkpoint(self) -> dict[str, Any] | None:
        """Of a published network: where it lies, its sha256, scale, architecture and number of parameters."""
        weights = self.record.weights
        if weights is None or self.record.run:
            return None
        known = self._kept_about["checkpoint"] if self._valid else self._method.network
        return {**known, "checkpoint": weights.path.as_posix(), "sha256": weights.sha256, "scale": weights.scale}

    @property
    def _kept_about(self) -> dict[str, Any]:
        file = self.kept / "restored.json"
        return dict(read_json(file)) if file.exists() else {}

    @cached_property
    def _method(self) -> Method:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._build()


def _read_ahead(cases: Sequence[Case], readers: ThreadPoolExecutor) -> Iterator[tuple[Case, Pixels]]:
    """The cases in order with their LR images, `READERS` of them read before they are asked for."""
    reading: deque[tuple[Case, Future[Pixels]]] = deque()
    for case in cases:
        reading.append((case, readers.submit(case.read_lr)))
        if len(reading) > READERS:
            first, pixels = reading.popleft()
            yield first, pixels.result()
    for rest, pixels in reading:
        yield rest, pixels.result()


def _groups(images: Iterator[tuple[Case, Pixels]], method: Method) -> Iterator[list[tuple[Case, Pixels]]]:
    """Neighbours of one size, as many as the method takes at once."""
    group: list[tuple[Case, Pixels]] = []
    for case, lr in images:
        if group and (lr.shape != group[0][1].shape or len(group) >= method.group(*lr.shape[:2])):
            yield group
            group = []
        group.append((case, lr))
    if group:
        yield group
