"""Who may train on what: the rules of the paper, as a CSV manifest with every image checked.

Sources: facts/datasets.md 1 to 4 ("Split"). No test image may be in any other role, whatever it is called.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path

from pipeline.datasets import layouts
from pipeline.datasets.images import Pixels, pixel_hash, read_rgb
from pipeline.datasets.layouts import Item
from pipeline.errors import UserError
from pipeline.files import sha256, whole_file
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, DatasetSize

RULES: Mapping[Dataset, Mapping[str, tuple[str, ...]]] = {
    # Test is the official Test folder; the last images of Train are held out.
    "realsr": {"train": ("train", "validation"), "test": ("test",)},
    # The first ids are the test set (officially 001 to 020).
    "camerasr": {"iphonex": ("test", "train", "validation")},
    # Source and target are not paired; the official validation pairs are the paper's test set.
    "ntire2020": {"source": ("source",), "target": ("target", "validation"), "valid": ("test",)},
    "realsr_zero": {"all": ("test",)},
}
"""The roles of each part of a dataset: its sorted ids are cut in this order, by the counts of params.yaml."""

SHOWN = 20
"""At most this many bad images are named in one message."""


@dataclass(frozen=True)
class Row:
    """A line of the manifest. `hr` and `lr` are relative to the raw folder, "" where absent.

    Height and width are those of the HR image, or of the LR image where there is no HR.
    """

    id: str
    role: str
    hr: str
    lr: str
    hr_sha256: str
    lr_sha256: str
    height: int
    width: int


def make(dataset: Dataset, folder: Path, sizes: DatasetSize) -> list[Row]:
    """Find, divide and check the images of a dataset in its raw folder.

    Raises `UserError` when an image is missing, too many, not 8-bit RGB, broken, of the wrong size, or a test image
    that is in another role too.
    """
    items = assign(dataset, layouts.find(dataset, folder), sizes, folder)
    rows, faults = [], []
    seen: dict[str, list[tuple[str, Path]]] = {}
    with progress(f"check {dataset}", len(items)) as meter:
        for role, item in items:
            try:
                row, hashes = _check(role, item, folder, SCALES[dataset])
            except UserError as error:
                faults.append(str(error))
            else:
                rows.append(row)
                for path, digest in hashes.items():
                    seen.setdefault(digest, []).append((role, path))
            meter.update()
    if faults:
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise UserError("\n".join([f"{len(faults)} bad images in {dataset}:", *faults[:SHOWN], *more]))
    _refuse_leaks(seen.values(), folder)
    return sorted(rows, key=lambda row: (row.role, row.id))


def assign(dataset: Dataset, items: Sequence[Item], sizes: DatasetSize, folder: Path) -> list[tuple[str, Item]]:
    """Each item with its role, by `RULES`. `items` are sorted by part and id; `folder` is for the message.

    Raises `UserError` when a part does not hold exactly the images that params.yaml counts.
    """
    roles: list[tuple[str, Item]] = []
    for part, group in groupby(items, key=lambda item: item.part):
        members = list(group)
        counts = {role: _count(role, sizes) for role in RULES[dataset][part]}
        if sum(counts.values()) != len(members):
            wanted = " + ".join(f"{count} {role}" for role, count in counts.items())
            raise UserError(
                f"{folder}: found {len(members)} images in the {part} part of {dataset}, expected "
                f"{sum(counts.values())} ({wanted}). Fetch the dataset again, or mend <preset>.datasets.{dataset} "
                "in params.yaml."
            )
        names = [role for role, count in counts.items() for _ in range(count)]
        roles += zip(names, members, strict=True)
    return roles


def write(rows: Iterable[Row], path: Path) -> None:
    """Write the manifest, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """Read a manifest. Raises `UserError` when it is missing."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [_row(line) for line in csv.DictReader(stream)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` (stage split) to make it.") from None


def _row(line: Mapping[str, str]) -> Row:
    id_, role, hr, lr, hr_sha256, lr_sha256, height, width = (line[field.name] for field in fields(Row))
    return Row(id_, role, hr, lr, hr_sha256, lr_sha256, int(height), int(width))


def _count(role: str, sizes: DatasetSize) -> int:
    """How many images of a role params.yaml counts (`train` counts the sources of an unpaired set)."""
    return int(getattr(sizes, "train" if role == "source" else role))


def _check(role: str, item: Item, folder: Path, scale: int) -> tuple[Row, dict[Path, str]]:
    """Decode an item: its row, and the pixel hash of each of its files."""
    images = {path: read_rgb(folder / path) for path in (item.hr, item.lr) if path}
    if item.hr and item.lr:
        _refuse_size(images[item.hr], images[item.lr], folder / item.hr, scale)
    height, width = images[next(iter(images))].shape[:2]
    row = Row(
        id=item.id,
        role=role,
        hr=item.hr.as_posix() if item.hr else "",
        lr=item.lr.as_posix() if item.lr else "",
        hr_sha256=sha256(folder / item.hr) if item.hr else "",
        lr_sha256=sha256(folder / item.lr) if item.lr else "",
        height=height,
        width=width,
    )
    return row, {path: pixel_hash(pixels) for path, pixels in images.items()}


def _refuse_size(hr: Pixels, lr: Pixels, path: Path, scale: int) -> None:
    """RealSR has HR images a few pixels off scale x LR (facts/datasets.md 1f); less than one LR pixel is let by."""
    hr_size, lr_size = hr.shape[1::-1], lr.shape[1::-1]
    if all(abs(h - scale * low) < scale for h, low in zip(hr_size, lr_size, strict=True)):
        return
    found = f"{path}: found HR of {hr_size[0]}x{hr_size[1]} with LR of {lr_size[0]}x{lr_size[1]}"
    expected = f"expected HR of {scale * lr_size[0]}x{scale * lr_size[1]} (scale {scale})"
    if hr_size == lr_size:
        raise UserError(f"{found}, {expected}. One size for both is RealSR V1 or V2; fetch RealSR V3.")
    raise UserError(f"{found}, {expected}. Fetch this pair again.")


def _refuse_leaks(seen: Iterable[list[tuple[str, Path]]], folder: Path) -> None:
    """`seen` lists, for each content, the files that have it with their roles."""
    for same in seen:
        tests = [path for role, path in same if role == "test"]
        others = [(role, path) for role, path in same if role != "test"]
        if tests and others:
            role, path = others[0]
            raise UserError(
                f"{folder}: {path} ({role}) has the same pixels as the test image {tests[0]}. A test image must "
                f"not be trained on: remove it from the {role} images, or fetch the dataset again."
            )
