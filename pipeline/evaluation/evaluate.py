"""Restore and score the test images of a dataset: some are scored while the next are restored."""

from collections.abc import Sequence
from pathlib import Path
from shutil import rmtree

from pipeline.datasets import splits
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.jobs import restorations
from pipeline.evaluation.score import Measure, write_scores
from pipeline.evaluation.scoring import scoring
from pipeline.files import whole_folder
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Protocol, Settings, Study

AT_ONCE = 8
"""Images that every method restores before they are scored."""


def evaluate(
    root: Path,
    dataset: Dataset,
    methods: Sequence[str],
    settings: Settings,
    preset: str,
    protocol: Protocol,
    device: str = "cpu",
    results: Path | None = None,
) -> None:
    """Write results/restored/<dataset>/<method>/ and results/scores/<dataset>/<method>.csv for each of `methods`.

    Images that were restored from the same inputs, by the same settings and code, are not restored again. A method
    that is left out of the dataset has skipped.json in place of images, which says why, and no scores. An undefined
    value is an empty cell.

    Args:
        root: runs/<preset>, where the images and the weights of the metrics lie.
        methods: interpolations, configurations and rivals of params.yaml; what is there of others is removed.
        preset: whose settings say on what device, in which tiles and precision networks run.
        device: `cpu` or `cuda`, for the metrics that are networks.
        results: where models, restored images and scores lie; None is `root`.

    Raises `UserError` for an unknown method, an input that is missing or damaged, missing weights of a metric, a
    test image that a model was trained on, or a restored image of another size than its ground truth; then the
    folders are as they were.
    """
    results = results or root
    cases = read_cases(root, dataset)
    all_works = restorations(root, dataset, methods, cases, settings, preset, results)
    if any(work.job.run for work in all_works):
        _refuse_trained_on(root, dataset, settings.study)
    works = [work for work in all_works if not work.job.left_out]
    folders = [work.folder for work in works]
    measure = Measure(tuple(protocol.metrics), root / "pretrained", device, SCALES[dataset], protocol.border)
    rows = []
    with scoring(measure) as scores:
        missing = sum(len(work.missing(cases)) for work in works)
        with progress(f"restore {dataset}", missing, shown=missing > 0) as meter:
            for few in (cases[first : first + AT_ONCE] for first in range(0, len(cases), AT_ONCE)):
                for work in works:
                    work.restore(few, meter)
                scores.add(few, folders)
        with progress(f"score {dataset}", len(cases)) as meter:
            for some in scores.results():
                rows += some
                meter.update(len(some))
    for work in all_works:
        work.keep()
    _remove_others(results / "restored" / dataset, methods)
    with whole_folder(results / "scores" / dataset) as folder:
        for work, column in zip(works, zip(*rows, strict=True), strict=True):
            write_scores(folder / f"{work.kept.name}.csv", column, protocol.metrics)


def _refuse_trained_on(root: Path, dataset: Dataset, study: Study) -> None:
    """Refuse test images that are training images of the models of the study that restore them."""
    trained = study.trained_on(dataset)
    assert trained is not None  # a trained method has restored it
    training, tests = (splits.read(root / "splits" / f"{name}.csv") for name in (trained, dataset))
    splits.refuse_leaks(training, root / "raw" / trained, tests, root / "raw" / dataset)


def _remove_others(restored: Path, methods: Sequence[str]) -> None:
    for folder in restored.iterdir():
        if folder.name not in methods:
            rmtree(folder)
