"""Run one method over the test images of one dataset.

While a method computes, the next images are read and the last ones encoded, each in a thread of a small pool.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.code import code_hash
from pipeline.datasets.images import Pixels
from pipeline.environment import device_name, versions
from pipeline.evaluation.case import Case
from pipeline.evaluation.made import ways, write_restored
from pipeline.files import fingerprint, read_json, whole_folder, write_json
from pipeline.methods import Method
from pipeline.progress import Meter
from pipeline.settings import SCALES, Dataset

READERS = WRITERS = 2
"""Threads; and at most as many images waiting on either side of the method."""


@dataclass(frozen=True)
class Job:
    """A method on a dataset, what its images depend on, and what restored.json says of it.

    Attributes:
        build: makes the method; weights are loaded then.
        code: the modules that restore. Images of other code, this module's included, are made anew.
        device: `cpu` or `cuda`, where it computes.
        packages: what it computes with; images of another release are made anew.
        run: name of the training behind it; None where nothing was trained here.
        checkpoint: of a pretrained network: its path, sha256, architecture, parameters, scale.
        at_scale_1: `enlarge_then_reduce` where a scale-4 network was applied to a scale-1 set so.
        left_out: why the method does not restore this dataset; None where it does.
        depends_on: settings and hashes beside all of these, as JSON.
    """

    build: Callable[[], Method]
    code: tuple[str, ...]
    device: str
    packages: tuple[str, ...]
    run: str | None = None
    checkpoint: Mapping[str, str | int] | None = None
    at_scale_1: str | None = None
    left_out: str | None = None
    depends_on: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about(self) -> dict[str, Any]:
        """What its folder says of it."""
        return {"run": self.run, "checkpoint": self.checkpoint, "at_scale_1": self.at_scale_1}


class Restoration:
    """A method on a dataset, from what it has restored before to a whole folder of its images.

    Images that depend on what they depended on before are kept, so a changed metric restores nothing; what a killed
    process has made lies in `state`, and is taken up.

    Args:
        kept: results/restored/<dataset>/<method>: a PNG per test image, and restored.json, which says what the
            images depend on and how they were made.
        state: where the images lie until all are made.
        images: a hash of the LR images.
    """

    def __init__(self, dataset: Dataset, method: str, job: Job, kept: Path, state: Path, images: str) -> None:
        self.job, self.kept = job, kept
        about = {"method": method, "dataset": dataset, **job.about}
        inputs = {"images": images, "scale": SCALES[dataset], "depends_on": dict(job.depends_on)}
        made_with = {"device": job.device, "versions": versions(job.packages)}
        depends = {**about, **made_with, **inputs, "code": code_hash(__name__, *job.code)}
        self.about = {**about, "fingerprint": fingerprint(depends)}
        self._made_with = {**made_with, "device_name": device_name(job.device)}
        self._state = state / f"restored-{self.about['fingerprint']}"
        self._valid = self._kept_about.items() >= self.about.items()

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
            for group in _groups(_read_ahead(todo, readers), self._method) if todo else ():
                restored = self._method([lr for _, lr in group])
                made = {**self._made_with, **self._method.how}
                for case, sr in zip(group, restored, strict=True):
                    if len(writing) >= WRITERS:
                        writing.popleft().result()
                    writing.append(writers.submit(write_restored, self.folder / f"{case[0].id}.png", sr, made))
                meter.update(len(group))
            for written in writing:
                written.result()

    def keep(self) -> None:
        """Put the images where they belong; where the method is left out, skipped.json, which says why."""
        if self.job.left_out:
            with whole_folder(self.kept) as folder:
                about = {"method": self.about["method"], "dataset": self.about["dataset"]}
                write_json(folder / "skipped.json", {**about, "why": self.job.left_out})
            return
        about = {**self.about, "made": ways(self.folder)}
        if self._kept_about != about:
            write_json(self.folder / "restored.json", about)
        if not self._valid:
            with whole_folder(self.kept) as folder:
                folder.rmdir()
                self._state.replace(folder)
            self._valid = True

    @property
    def _kept_about(self) -> dict[str, Any]:
        file = self.kept / "restored.json"
        return dict(read_json(file)) if file.exists() else {}

    @cached_property
    def _method(self) -> Method:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.job.build()


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
