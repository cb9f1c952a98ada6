"""Restore and score the test images of a dataset: some are scored while the next are restored."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import rmtree

from pipeline.datasets import splits
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.kept_scores import KeptScores, image_hash, judging
from pipeline.evaluation.restore import Restoration
from pipeline.evaluation.score import Measure, Row
from pipeline.evaluation.scoring import scoring
from pipeline.files import fingerprint
from pipeline.methods import records
from pipeline.methods.rows import rows
from pipeline.networks.devices import device_named
from pipeline.paths import data_root, scores_file
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Settings

AT_ONCE = 8
"""Images that every row restores before they are scored."""


def evaluate(settings: Settings, preset: str, dataset: Dataset, only: Sequence[str] = ()) -> list[Restoration]:
    """Restore and score the test images of a dataset by its rows, into `restored_folder` and `scores_file` (paths).

    Images that were restored from the same inputs, by the same settings and code, are not restored again, and what
    was scored in the same way is not scored again. A row that is left out of the dataset has skipped.json in place
    of images, which says why, and no scores. An undefined value is an empty cell.

    Args:
        only: names of rows; the others' files stay as they are. Without any all are made, and what is there of rows
            or seeds that the study does not have is removed.

    Returns what was restored, now or before, of the rows asked for. Raises `UserError` for an unknown row, an input
    that is missing or damaged, missing weights of a metric, a test image that a model was trained on, or a restored
    image of another size than its ground truth; then the folders are as they were.
    """
    root = data_root(preset)
    cases = read_cases(root, dataset)
    all_works = _restorations(settings, preset, dataset, only, cases)
    if any(work.record.run for work in all_works):
        _refuse_trained_on(root, dataset, settings)
    works = [work for work in all_works if not work.record.left_out]
    device, protocol = device_named(settings.preset(preset).run.device), settings.protocol
    measure = Measure(tuple(protocol.metrics), root / "pretrained", device, SCALES[dataset], protocol.border)
    judged = judging(cases, measure)
    scores = {work: KeptScores(_scores_of(root, work), judged) for work in works}
    fresh = [work for work in works if work.missing(cases) or not scores[work].are_good(work.folder, cases)]
    rows = _restored_and_scored(dataset, fresh, cases, measure) if fresh else []
    for work in all_works:
        work.keep()
    for work, column in zip(fresh, zip(*rows, strict=True), strict=True):
        scores[work].write(column, protocol.metrics, work.folder, cases)
    if not only:
        _remove_others(root / "restored" / dataset, {work.kept for work in all_works})
        files = [file for kept in scores.values() for file in kept.files]
        _remove_others(root / "scores" / dataset, set(files))
    return works


def _restorations(
    settings: Settings, preset: str, dataset: Dataset, only: Sequence[str], cases: Sequence[Case]
) -> list[Restoration]:
    """Of the rows named in `only`, or of all."""
    known = {row.name: row for row in rows(settings, preset, dataset)}
    if unknown := [name for name in only if name not in known]:
        raise UserError(f"{dataset} has no row {', '.join(unknown)} at {preset}; it has {', '.join(known)}")
    images = fingerprint([[case.id, image_hash(case.lr)] for case in cases])
    root = data_root(preset)
    return [
        Restoration(dataset, record, partial(records.build, record), root, images)
        for name in only or known
        for record in records.of_row(known[name], settings, preset, dataset)
    ]


def _restored_and_scored(
    dataset: Dataset, works: Sequence[Restoration], cases: Sequence[Case], measure: Measure
) -> list[list[Row]]:
    """Restore what is missing; for each case, the scores of its image by each of `works`."""
    folders = [work.folder for work in works]
    rows: list[list[Row]] = []
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
    return rows


def _scores_of(root: Path, work: Restoration) -> Path:
    return scores_file(root, work.dataset, work.record.row.name, work.record.seed)


def _refuse_trained_on(root: Path, dataset: Dataset, settings: Settings) -> None:
    """Refuse test images that are training images of the models of the study that restore them."""
    trained = settings.study.sets[dataset]
    assert trained is not None  # a trained row has restored it
    training, tests = (splits.read(root / "splits" / f"{name}.csv") for name in (trained, dataset))
    splits.refuse_leaks(training, root / "raw" / trained, tests, root / "raw" / dataset)


def _remove_others(folder: Path, known: set[Path]) -> None:
    """Remove what lies in `folder` and is neither one of `known`, nor inside or above one."""
    for place in folder.iterdir() if folder.exists() else ():
        if place in known:
            continue
        if any(place in path.parents for path in known):
            _remove_others(place, known)
        elif place.is_dir():
            rmtree(place)
        else:
            place.unlink()
