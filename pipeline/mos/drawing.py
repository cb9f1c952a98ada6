"""Drawing a study from restored images, and cutting the pictures that raters see."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from filelock import FileLock

from pipeline.datasets.images import Pixels, pixel_hash
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.cases import read_cases, read_restored, restored_folder
from pipeline.files import write_text
from pipeline.mos.patches import Place, choose_places
from pipeline.mos.study import Patch, Study, Version, read_study
from pipeline.paths import opinions_folder
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset

PATCHES = 50
"""The paper rated "50 pairs of patch" (facts/datasets.md 4); what it paired is not known."""

SIDE = 128
"""Of a patch in pixels of the restored image. The paper's is not known."""


@dataclass(frozen=True)
class Wanted:
    """What a person asks of a study; None leaves it to the one that exists, or to the default."""

    methods: tuple[str, ...] | None = None
    patches: int | None = None
    side: int | None = None


def open_study(root: Path, preset: str, dataset: Dataset, wanted: Wanted, seed: int) -> Study:
    """The study of a dataset under `root` (runs/<preset>), drawn now unless there is one.

    Raises `UserError` where the existing one is not as `wanted`, or images are missing or of the wrong size.
    """
    folder = opinions_folder(preset, dataset)
    known = restored_methods(root, dataset)
    if unknown := sorted(set(wanted.methods or ()) - set(known)):
        raise UserError(f"{', '.join(unknown)} did not restore {dataset}; methods that did: {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        study = read_study(folder)
        if study is None:
            study = _draw(root, preset, dataset, wanted, seed)
            write_text(folder / "study.json", study.model_dump_json(indent=1) + "\n")
    _check(study, wanted, folder)
    return study


def restored_methods(root: Path, dataset: str) -> list[str]:
    """Names of the methods that restored a dataset. Raises `UserError` when there is none."""
    known = sorted(file.parent.name for file in restored_folder(root, dataset, "*").parent.glob("*/restored.json"))
    if not known:
        raise UserError(f"{root / 'restored' / dataset} has no restored images. Run `dvc repro` to make them.")
    return known


def pictures(root: Path, study: Study) -> dict[str, Pixels]:
    """The pixels behind every opaque id, those of the LR image at its own size included.

    Raises `UserError` when a version is no longer what was drawn: opinions of two pictures would be mixed.
    """
    cuts = _cuts(root, study.dataset, study.methods, [patch.place for patch in study.patches])
    if changed := sorted(_changed(study, cuts)):
        raise UserError(
            f"the restored images of {', '.join(changed)} have changed since the study in "
            f"{opinions_folder(study.preset, study.dataset)} was drawn. Move that folder away to begin a new study."
        )
    versions = {
        version.id: cuts[patch.place][version.method] for patch in study.patches for version in patch.versions
    }
    return versions | {patch.reference: cuts[patch.place][""] for patch in study.patches}


def stale_methods(root: Path, study: Study) -> set[str]:
    """Methods whose restored patches are no longer those of the study; all where an image is gone."""
    if not {patch.place.image for patch in study.patches} <= {case.id for case in read_cases(root, study.dataset)}:
        return set(study.methods)
    present = [name for name in study.methods if restored_folder(root, study.dataset, name).is_dir()]
    cuts = _cuts(root, study.dataset, present, [patch.place for patch in study.patches])
    return (set(study.methods) - set(present)) | _changed(study, cuts)


def _draw(root: Path, preset: str, dataset: Dataset, wanted: Wanted, seed: int) -> Study:
    """A new study. Its ids are random, not of the seed: nobody can work out the method behind one."""
    scale, side, count = SCALES[dataset], wanted.side or SIDE, wanted.patches or PATCHES
    if side % scale:
        raise UserError(
            f"--side {side} is no multiple of the scale {scale}: a patch must begin and end at LR pixels"
        )
    methods = wanted.methods or tuple(restored_methods(root, dataset))
    images = {case.id: case.read_lr() for case in read_cases(root, dataset)}
    places = choose_places(images, scale, side, count, seed)
    patches = tuple(
        Patch(place=place, reference=secrets.token_hex(8), versions=tuple(_version(cut, name) for name in methods))
        for place, cut in _cuts(root, dataset, methods, places).items()
    )
    return Study(
        id=secrets.token_hex(8),
        preset=preset,
        dataset=dataset,
        seed=seed,
        side=side,
        asked=count,
        methods=methods,
        patches=patches,
    )


def _version(cut: Mapping[str, Pixels], method: str) -> Version:
    return Version(id=secrets.token_hex(8), method=method, sha256=pixel_hash(cut[method]))


def _check(study: Study, wanted: Wanted, folder: Path) -> None:
    """Raise `UserError` unless the study is as wanted."""
    for option, asked, found in (
        ("--methods", wanted.methods and sorted(wanted.methods), sorted(study.methods)),
        ("--side", wanted.side, study.side),
        ("--patches", wanted.patches, study.asked),
    ):
        if asked is not None and asked != found:
            raise UserError(
                f"the study in {folder} was drawn with {option} {_words(found)}, not {_words(asked)}. Leave the "
                "option out to go on with it, or move the folder away to begin a new one."
            )


def _words(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


Cuts = Mapping[Place, Mapping[str, Pixels]]
"""Pixels by place and method; those of the LR image under ""."""


def _cuts(root: Path, dataset: Dataset, methods: Sequence[str], places: Sequence[Place]) -> Cuts:
    """Every place of every method, in the order of `places`; each image is decoded once."""
    cases = {case.id: case for case in read_cases(root, dataset)}
    if gone := sorted({place.image for place in places} - set(cases)):
        raise UserError(f"the split of {dataset} no longer has the rated image {gone[0]} as a test image.")
    ordered = sorted(places, key=lambda place: place.image)
    found: dict[Place, dict[str, Pixels]] = {place: {} for place in places}
    with progress(f"patches of {dataset}", len({place.image for place in places})) as meter:
        for name, own in groupby(ordered, key=lambda place: place.image):
            wanted = list(own)
            for method, pixels, scale in _images(root, dataset, methods, cases[name]):
                for place in wanted:
                    found[place][method] = place.reduced(scale).cut(pixels).copy()  # the image itself can go
            meter.update()
    return found


def _images(root: Path, dataset: Dataset, methods: Sequence[str], case: Case) -> Iterator[tuple[str, Pixels, int]]:
    """Method, image, and by what its pixels are larger than those of a restored image; the LR image first."""
    lr = case.read_lr()
    yield "", lr, SCALES[dataset]
    expected = tuple(length * SCALES[dataset] for length in lr.shape[:2])
    for method in methods:
        folder = restored_folder(root, dataset, method)
        image = read_restored(folder, case)
        if image.shape[:2] != expected:
            raise UserError(
                f"{folder / case.id}.png has {image.shape[1]}x{image.shape[0]} pixels, expected "
                f"{expected[1]}x{expected[0]}: delete {folder} and run `dvc repro`."
            )
        yield method, image, 1


def _changed(study: Study, cuts: Cuts) -> set[str]:
    """Of the methods in `cuts`, those with a patch whose pixels are not the study's."""
    return {
        version.method
        for patch in study.patches
        for version in patch.versions
        if version.method in cuts[patch.place] and pixel_hash(cuts[patch.place][version.method]) != version.sha256
    }
