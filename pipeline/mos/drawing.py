"""Drawing a study from restored images, and cutting the pictures that raters see."""

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from filelock import FileLock

from pipeline.datasets.images import Pixels, pixel_hash
from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.cases import read_cases, read_restored
from pipeline.files import write_text
from pipeline.mos.patches import Place, choose_places
from pipeline.mos.study import Patch, Study, Version, read_study
from pipeline.paths import of_seed, opinions_folder, restored_folders
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


def open_study(
    root: Path, preset: str, dataset: Dataset, wanted: Wanted, seed: int, apart: Collection[str] = ()
) -> Study:
    """The study of a dataset under `root` (runs/<preset>), drawn now unless there is one.

    `apart`: methods that are rated only where `wanted` names them.

    Raises `UserError` where the existing one is not as `wanted`, or images are missing or of the wrong size.
    """
    folder = opinions_folder(preset, dataset)
    known = restored_methods(root, dataset, seed)
    if unknown := sorted(set(wanted.methods or ()) - set(known)):
        raise UserError(f"{', '.join(unknown)} did not restore {dataset}; methods that did: {', '.join(known)}")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        study = read_study(folder)
        if study is None:
            methods = wanted.methods or tuple(name for name in known if name not in apart)
            folders = {name: known[name] for name in methods}
            study = _draw(root, preset, dataset, folders, wanted, seed)
            write_text(folder / "study.json", study.model_dump_json(indent=1) + "\n")
    _check(study, wanted, folder)
    return study


def restored_methods(root: Path, dataset: str, seed: int) -> dict[str, Path]:
    """Where the images of the methods that restored a dataset lie, of those that were trained here with `seed`.

    Raises `UserError` when there is none.
    """
    known = of_seed(restored_folders(root, dataset), seed)
    if not known:
        raise UserError(f"{root / 'restored' / dataset} has no restored images. Run `dvc repro` to make them.")
    return known


def pictures(root: Path, study: Study) -> dict[str, Pixels]:
    """The pixels behind every opaque id, those of the LR image at its own size included.

    Raises `UserError` when a version is no longer what was drawn: opinions of two pictures would be mixed.
    """
    cuts = _study_cuts(root, study)
    if changed := sorted(_changed(study, cuts)):
        raise UserError(
            f"the restored images of {', '.join(changed)} have changed or gone since the study in "
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
    return _changed(study, _study_cuts(root, study))


def _draw(
    root: Path, preset: str, dataset: Dataset, folders: Mapping[str, Path], wanted: Wanted, seed: int
) -> Study:
    """A new study of the images in `folders`, by method.

    Its ids are random, not of the seed: nobody can work out the method behind one.
    """
    scale, side, count = SCALES[dataset], wanted.side or SIDE, wanted.patches or PATCHES
    if side % scale:
        raise UserError(
            f"--side {side} is no multiple of the scale {scale}: a patch must begin and end at LR pixels"
        )
    images = {case.id: case.read_lr() for case in read_cases(root, dataset)}
    places = choose_places(images, scale, side, count, seed)
    patches = tuple(
        Patch(place=place, reference=secrets.token_hex(8), versions=tuple(_version(cut, name) for name in folders))
        for place, cut in _cuts(root, dataset, folders, places).items()
    )
    return Study(
        id=secrets.token_hex(8),
        preset=preset,
        dataset=dataset,
        seed=seed,
        side=side,
        asked=count,
        methods=tuple(folders),
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


def _study_cuts(root: Path, study: Study) -> Cuts:
    """The rated places as they are now, of those methods of a study whose images are there."""
    known = of_seed(restored_folders(root, study.dataset), study.seed)
    present = {name: known[name] for name in study.methods if name in known}
    return _cuts(root, study.dataset, present, [patch.place for patch in study.patches])


def _cuts(root: Path, dataset: Dataset, folders: Mapping[str, Path], places: Sequence[Place]) -> Cuts:
    """Every place of every method (its `folders`), in the order of `places`; each image is decoded once."""
    cases = {case.id: case for case in read_cases(root, dataset)}
    if gone := sorted({place.image for place in places} - set(cases)):
        raise UserError(f"the split of {dataset} no longer has the rated image {gone[0]} as a test image.")
    ordered = sorted(places, key=lambda place: place.image)
    found: dict[Place, dict[str, Pixels]] = {place: {} for place in places}
    with progress(f"patches of {dataset}", len({place.image for place in places})) as meter:
        for name, own in groupby(ordered, key=lambda place: place.image):
            wanted = list(own)
            for method, pixels, scale in _images(dataset, folders, cases[name]):
                for place in wanted:
                    found[place][method] = place.reduced(scale).cut(pixels).copy()  # the image itself can go
            meter.update()
    return found


def _images(dataset: Dataset, folders: Mapping[str, Path], case: Case) -> Iterator[tuple[str, Pixels, int]]:
    """Method, image, and by what its pixels are larger than those of a restored image; the LR image first."""
    lr = case.read_lr()
    yield "", lr, SCALES[dataset]
    expected = tuple(length * SCALES[dataset] for length in lr.shape[:2])
    for method, folder in folders.items():
        image = read_restored(folder, case)
        if image.shape[:2] != expected:
            raise UserError(
                f"{folder / case.id}.png has {image.shape[1]}x{image.shape[0]} pixels, expected "
                f"{expected[1]}x{expected[0]}: delete {folder} and run `dvc repro`."
            )
        yield method, image, 1


def _changed(study: Study, cuts: Cuts) -> set[str]:
    """The methods with a patch whose pixels are not the study's, or that `cuts` has not."""
    return {
        version.method
        for patch in study.patches
        for version in patch.versions
        for cut in [cuts[patch.place].get(version.method)]
        if cut is None or pixel_hash(cut) != version.sha256
    }
