"""Run one method over the test images of one dataset.

While a method computes, the next images are read and the last ones encoded, each in a thread of a small pool.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.datasets.images import Pixels
from pipeline.environment import device_name, versions
from pipeline.errors import UserError
from pipeline.evaluation.cases import Case, restored_folder
from pipeline.evaluation.made import ways, write_restored
from pipeline.files import fingerprint, read_json, sha256, source_hash, whole_folder, write_json
from pipeline.methods import METHODS, PACKAGES, Method
from pipeline.progress import Meter
from pipeline.settings import SCALES, Dataset, Settings

TRAINED_ON: Mapping[Dataset, Dataset] = {
    "realsr": "realsr",
    "ntire2020": "ntire2020",
    "camerasr": "camerasr",
    # RealSR-Zero has no training images; the paper's models for it saw DF2K (Fig. 5), as NTIRE2020's do.
    "realsr_zero": "ntire2020",
}
"""The training set whose models restore each dataset."""

READERS = WRITERS = 2
"""Threads; and at most as many images waiting on either side of the method."""

_CODE = ("methods", "networks", "degradations/bicubic.py", "evaluation/restore.py", "datasets/images.py")
"""What restores: images of other code are made anew."""


def methods_of(dataset: Dataset, settings: Settings) -> list[str]:
    """The methods of the comparison on a dataset: references, trained configurations, rivals."""
    study = settings.study
    references = study.interpolations if SCALES[dataset] > 1 else ["identity"]
    trained = [] if dataset in study.rival_sets else study.configurations
    return [*references, *trained, *study.rivals]


def model_folder(root: Path, dataset: Dataset, configuration: str) -> Path:
    """Where the model that restores a dataset lies under `root` (runs/<preset>).

    Raises `UserError` for a dataset that no training of the study is for.
    """
    if dataset not in TRAINED_ON:
        raise UserError(f"no training of the study is for {dataset}; it is for interpolations and rivals")
    return root / "models" / TRAINED_ON[dataset] / configuration


@dataclass(frozen=True)
class Job:
    """A method on a dataset, what its images depend on, and what restored.json says of it.

    Attributes:
        build: makes the method; weights are loaded then.
        device: `cpu` or `cuda`, where it computes.
        packages: what it computes with; images of another release are made anew.
        run: name of the training behind it; None where nothing was trained here.
        checkpoint: of a pretrained network: its path, sha256, architecture, parameters, scale.
        at_scale_1: `enlarge_then_reduce` where a scale-4 network was applied to a scale-1 set so.
        left_out: why the method does not restore this dataset; None where it does.
        depends_on: settings and hashes beside all of these, as JSON.
    """

    build: Callable[[], Method]
    device: str
    packages: tuple[str, ...]
    run: str | None = None
    checkpoint: Mapping[str, str | int] | None = None
    at_scale_1: str | None = None
    left_out: str | None = None
    depends_on: Mapping[str, Any] | None = None

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
        made_with = {"device": job.device, "versions": versions(job.packages)}
        depends = {**about, **made_with, "depends_on": job.depends_on, "images": images, "code": source_hash(_CODE)}
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


def restorations(
    root: Path,
    dataset: Dataset,
    methods: Sequence[str],
    cases: Sequence[Case],
    settings: Settings,
    preset: str,
    results: Path,
) -> list[Restoration]:
    """Each of `methods` on `cases`, the test images of `dataset`.

    Args:
        root: runs/<preset>, where the images lie.
        preset: whose settings say on what device, in which tiles and precision networks run.
        results: where models and restored images lie.

    Raises `UserError` for an unknown method, or an input that is missing or damaged.
    """
    images = fingerprint([[case.id, _hash(case.lr)] for case in cases])
    return [
        Restoration(
            dataset,
            method,
            _job(root, dataset, method, settings, preset, results),
            restored_folder(results, dataset, method),
            results / "state",
            images,
        )
        for method in methods
    ]


def _hash(lr: Path) -> str:
    try:
        return sha256(lr)
    except FileNotFoundError:
        raise UserError(f"{lr}: missing. Run `dvc repro` (stage fetch) to fetch it again.") from None


def _job(root: Path, dataset: Dataset, method: str, settings: Settings, preset: str, results: Path) -> Job:
    scale = SCALES[dataset]
    if method in METHODS:
        return Job(lambda: METHODS[method](scale), "cpu", PACKAGES[method])
    if method in settings.rivals:
        return _rival(root, method, scale, settings, preset)
    if method in settings.configurations:
        return _trained(results, dataset, method, settings, preset)
    known = ", ".join([*METHODS, *settings.configurations, *settings.rivals])
    raise UserError(f"there is no method {method!r}; known are {known}")


def _trained(results: Path, dataset: Dataset, method: str, settings: Settings, preset: str) -> Job:
    model = model_folder(results, dataset, method)
    run = read_json(model / "model.json")["run"]

    def build() -> Method:
        from pipeline.methods.trained import trained  # only networks pay for importing torch

        return trained(model, SCALES[dataset], settings.preset(preset))

    weights = {"weights": sha256(model / "generator.safetensors")}
    device, depends_on = _networks_run(settings, preset)
    return Job(build, device, ("torch",), run=run, depends_on=depends_on | weights)


def _rival(root: Path, method: str, scale: int, settings: Settings, preset: str) -> Job:
    from pipeline.methods import rivals

    rival, found = settings.rivals[method], rivals.Found.read(root, method)
    at_scale_1 = settings.preset(preset).restore.at_scale_1
    device, depends_on = _networks_run(settings, preset)
    return Job(
        lambda: rivals.pretrained(found, scale, settings.preset(preset)),
        device,
        ("torch",),
        checkpoint=found.as_json(),
        at_scale_1=None if rival.scale == scale else at_scale_1,
        left_out=rivals.left_out(rival, scale, at_scale_1),
        depends_on=depends_on,
    )


def _networks_run(settings: Settings, preset: str) -> tuple[str, dict[str, Any]]:
    """Where networks run, `cpu` or `cuda`, and the settings that decide about bits."""
    from pipeline.networks.devices import device_named

    chosen = settings.preset(preset)
    depends_on = {"restore": chosen.restore.model_dump(mode="json"), "threads": chosen.run.threads}
    return device_named(chosen.run.device), depends_on


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
