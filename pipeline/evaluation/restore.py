"""Run one method over the test images of one dataset.

While a method computes, the next images are read and the last ones encoded, each in a thread of a small pool.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.images import Pixels, read_rgb, write_png
from pipeline.errors import UserError
from pipeline.evaluation.cases import Case, read_cases, restored_folder
from pipeline.files import read_json, whole_folder, write_json
from pipeline.methods import METHODS, Method
from pipeline.progress import progress
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


def model_folder(root: Path, dataset: Dataset, configuration: str) -> Path:
    """Where the model that restores a dataset lies under `root` (runs/<preset>).

    Raises `UserError` for a dataset that no training of the study is for.
    """
    if dataset not in TRAINED_ON:
        raise UserError(f"no training of the study is for {dataset}; it is for interpolations and rivals")
    return root / "models" / TRAINED_ON[dataset] / configuration


@dataclass(frozen=True)
class Job:
    """A method on a dataset, and what restored.json says of it.

    Attributes:
        build: makes the method; torch and weights are loaded then.
        run: name of the training behind it; None where nothing was trained here.
        checkpoint: of a pretrained network: its path, sha256, architecture, parameters, scale.
        at_scale_1: `enlarge_then_reduce` where a scale-4 network was applied to a scale-1 set so.
        left_out: why the method does not restore this dataset; None where it does.
    """

    build: Callable[[], Method]
    run: str | None = None
    checkpoint: Mapping[str, str | int] | None = None
    at_scale_1: str | None = None
    left_out: str | None = None


def restore(
    root: Path, dataset: Dataset, method: str, settings: Settings, preset: str, results: Path | None = None
) -> None:
    """Write results/restored/<dataset>/<method>: a PNG per test image, and restored.json, which says how.

    Where a rival is left out of the dataset, there is skipped.json in place of both, which says why.

    Args:
        root: runs/<preset>, where the images lie.
        preset: whose settings say on what device, in which tiles and precision networks run.
        results: where models and restored images lie; None is `root`.

    Raises `UserError` for an unknown method, or an input that is missing or damaged; then nothing is written.
    """
    results = results or root
    cases = read_cases(root, dataset)
    job = _job(root, dataset, method, settings, preset, results)
    about: dict[str, object] = {"method": method, "dataset": dataset}
    with whole_folder(restored_folder(results, dataset, method)) as folder:
        if job.left_out:
            write_json(folder / "skipped.json", {**about, "why": job.left_out})
            return
        _restore_all(job.build(), cases, folder, f"restore {dataset} {method}")
        about |= {"run": job.run, "checkpoint": job.checkpoint, "at_scale_1": job.at_scale_1}
        write_json(folder / "restored.json", about)


def _job(root: Path, dataset: Dataset, method: str, settings: Settings, preset: str, results: Path) -> Job:
    scale = SCALES[dataset]
    if method in METHODS:
        return Job(lambda: METHODS[method](scale))
    if method in settings.rivals:
        return _rival(root, method, scale, settings, preset)
    if method in settings.configurations:
        return _trained(results, dataset, method, settings, preset)
    known = ", ".join([*METHODS, *settings.configurations, *settings.rivals])
    raise UserError(f"there is no method {method!r}; known are {known}")


def _trained(results: Path, dataset: Dataset, method: str, settings: Settings, preset: str) -> Job:
    from pipeline.methods.trained import trained  # only networks pay for importing torch

    model = model_folder(results, dataset, method)
    run = read_json(model / "model.json")["run"]
    return Job(lambda: trained(model, SCALES[dataset], settings.preset(preset)), run=run)


def _rival(root: Path, method: str, scale: int, settings: Settings, preset: str) -> Job:
    from pipeline.methods import rivals

    rival, found = settings.rivals[method], rivals.Found.read(root, method)
    return Job(
        lambda: rivals.pretrained(found, scale, settings.preset(preset)),
        checkpoint=found.as_json(),
        at_scale_1=None if rival.scale == scale else rival.at_scale_1,
        left_out=rivals.left_out(rival, scale),
    )


def _restore_all(method: Method, cases: Sequence[Case], folder: Path, label: str) -> None:
    """Write a PNG per case into `folder`. Raises what reading, the method or writing raises."""
    with (
        ThreadPoolExecutor(READERS) as readers,
        ThreadPoolExecutor(WRITERS) as writers,
        progress(label, len(cases)) as meter,
    ):
        writing: deque[Future[None]] = deque()
        for group in _groups(_read_ahead(cases, readers), method):
            for case, sr in zip(group, method([lr for _, lr in group]), strict=True):
                if len(writing) >= WRITERS:
                    writing.popleft().result()
                writing.append(writers.submit(write_png, folder / f"{case[0].id}.png", sr))
            meter.update(len(group))
        for written in writing:
            written.result()


def _read_ahead(cases: Sequence[Case], readers: ThreadPoolExecutor) -> Iterator[tuple[Case, Pixels]]:
    """The cases in order with their LR images, `READERS` of them read before they are asked for."""
    reading: deque[tuple[Case, Future[Pixels]]] = deque()
    for case in cases:
        reading.append((case, readers.submit(read_rgb, case.lr)))
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
