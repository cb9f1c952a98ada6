"""Who may train on what: what params.yaml says of a dataset's images, as a CSV manifest with every image checked.

Sources of the paper's rules: facts/datasets.md 1 to 4 ("Split"). No test image may be in any other role, whatever
it is called: by its decoded pixels, in this dataset and in the one whose models restore it (`refuse_leaks`).
"""

import csv
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from pipeline.datasets import alignment, layouts
from pipeline.datasets.images import Pixels, pixel_hash, read_alone, read_rgb
from pipeline.datasets.layouts import Item
from pipeline.datasets.registry import Side, collection
from pipeline.errors import UserError
from pipeline.files import sha256, whole_file
from pipeline.progress import progress
from pipeline.settings import Composition, Part, Role

SHOWN = 20
"""At most this many bad images are named in one message."""


@dataclass(frozen=True)
class Row:
    """A line of the manifest. `hr` and `lr` are relative to the dataset's raw folder, "" where absent.

    Attributes:
        hr_sha256, lr_sha256: of the files.
        hr_pixels, lr_pixels: of the decoded images (`pixel_hash`).
        height, width: of the HR image, or of the LR image where there is no HR.
        adjusted: what `read` does to an image without counterpart before anybody sees it, in words; "" mostly.
    """

    id: str
    role: Role
    collection: str
    hr: str
    lr: str
    hr_sha256: str
    lr_sha256: str
    hr_pixels: str
    lr_pixels: str
    height: int
    width: int
    adjusted: str

    def read(self, raw: Path, side: Side) -> Pixels:
        """One of its images, which lie under `raw`. Raises `UserError` as `read_rgb` does."""
        return read_rgb(raw / getattr(self, side), alone=not (self.hr and self.lr))

    def contents(self) -> Iterator[tuple[str, str]]:
        """Pixel hash and path of each image that it has."""
        return (image for image in ((self.hr_pixels, self.hr), (self.lr_pixels, self.lr)) if image[0])


def make(composition: Composition, folder: Path, scale: int) -> list[Row]:
    """Find, divide and check the images of a dataset in its raw folder, sorted by role and id.

    Raises `UserError` when an image is missing, too many, not 8-bit RGB, broken, of the wrong size, or a test image
    that is in another role too. Pairs a few pixels off, and images that are adjusted, are named on standard error.
    """
    items = [
        (role, part.collection, item)
        for part in composition.parts
        for role, item in assign(part, _found(part, folder), folder / part.collection)
    ]
    rows, faults = [], []
    with progress(f"check {folder.name}", len(items)) as meter:
        for role, name, item in items:
            try:
                rows.append(_check(role, name, item, folder, scale))
            except UserError as error:
                faults.append(str(error))
            meter.update()
    if faults:
        more = [f"... and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise UserError("\n".join([f"{len(faults)} bad images in {folder}:", *faults[:SHOWN], *more]))
    refuse_leaks(rows, folder, rows, folder)
    _refuse_namesakes(rows, folder)
    return sorted(rows, key=lambda row: (row.role, row.id))


def assign(part: Part, items: Sequence[Item], folder: Path) -> list[tuple[Role, Item]]:
    """Each of a part's items, sorted by id, with its role. `folder` is for the message.

    Raises `UserError` when the part does not hold the images that params.yaml counts.
    """
    fixed = sum(count for count in part.roles.values() if count != "rest")
    spare = len(items) - fixed
    if spare < 0 or (spare > 0 and "rest" not in part.roles.values()):
        wanted = " + ".join(f"{count} {role}" for role, count in part.roles.items())
        raise UserError(
            f"{folder}: found {len(items)} images in the {part.part} part of {part.collection}, expected {wanted}. "
            "Fetch the dataset again, or mend the roles in <preset>.datasets of params.yaml."
        )
    names = [role for role, count in part.roles.items() for _ in range(spare if count == "rest" else count)]
    return list(zip(names, items, strict=True))


def _found(part: Part, folder: Path) -> list[Item]:
    """The items of one part of a collection. Raises `UserError` when the collection has no such part."""
    parts = collection(part.collection).parts
    if part.part not in parts:
        raise UserError(
            f"params.yaml: the collection {part.collection} has no part {part.part!r}; it has {', '.join(parts)}"
        )
    others = [role for role in part.roles if role != "test"]
    if parts[part.part].test_only and others:
        raise UserError(
            f"params.yaml: the part {part.part} of {part.collection} is for tests alone, never trained on; "
            f"take {', '.join(others)} off its roles."
        )
    return layouts.find(part.collection, folder / part.collection, part.part)


def write(rows: Iterable[Row], path: Path) -> None:
    """Write the manifest, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """Read a manifest. Raises `UserError` when it is missing, lacks a column or has a value that is none."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [_row(line) for line in csv.DictReader(stream)]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run `dvc repro` (stage split) to make it.") from None
    except (KeyError, TypeError, ValueError) as error:  # a column that is not there, a size that is no number
        raise UserError(f"{path} is not a split ({error!r}). Delete it and run `dvc repro`.") from None


def refuse_leaks(training: Iterable[Row], trained: Path, tests: Iterable[Row], tested: Path) -> None:
    """Refuse a test image of one dataset that is in another role in a dataset whose models restore it.

    Two images are one where their decoded pixels are equal. A crop, a resized or a compressed copy is not found.

    Args:
        training: the manifest of the dataset that models are trained on; its images lie under `trained`.
        tests: the manifest of the dataset that they restore, which may be the same; its images lie under `tested`.

    Raises `UserError`, which names both files.
    """
    known = {pixels: path for row in tests if row.role == "test" for pixels, path in row.contents()}
    for row in training:
        for pixels, path in row.contents():
            if row.role != "test" and pixels in known:
                raise UserError(
                    f"{trained / path} ({row.role}) has the same pixels as the test image "
                    f"{tested / known[pixels]}. A test image must not be trained on: remove it from the "
                    f"{row.role} images, or fetch the dataset again."
                )


def _row(line: Mapping[str, str]) -> Row:
    values = {field.name: line[field.name] for field in fields(Row)}
    role = TypeAdapter(Role).validate_python(values.pop("role"))
    height, width = int(values.pop("height")), int(values.pop("width"))
    return Row(**values, role=role, height=height, width=width)


def _check(role: Role, name: str, item: Item, folder: Path, scale: int) -> Row:
    """Decode an item, and refuse what cannot be used."""
    sides: dict[Side, Path | None] = {"hr": item.hr, "lr": item.lr}
    paths = {side: Path(name, path) for side, path in sides.items() if path}
    adjusted = ""
    if len(paths) == 2:
        images = {side: read_rgb(folder / path) for side, path in paths.items()}
        _refuse_size(images["hr"], images["lr"], folder / paths["hr"], scale)
    else:
        ((side, path),) = paths.items()
        pixels, adjusted = read_alone(folder / path)
        images = {side: pixels}
        if adjusted:
            sys.stderr.write(f"{folder / path}: {adjusted}\n")
    height, width = next(iter(images.values())).shape[:2]
    files = {side: path.as_posix() for side, path in paths.items()}
    hashes = {side: sha256(folder / path) for side, path in paths.items()}
    contents = {side: pixel_hash(pixels) for side, pixels in images.items()}
    return Row(
        id=item.id,
        role=role,
        collection=name,
        hr=files.get("hr", ""),
        lr=files.get("lr", ""),
        hr_sha256=hashes.get("hr", ""),
        lr_sha256=hashes.get("lr", ""),
        hr_pixels=contents.get("hr", ""),
        lr_pixels=contents.get("lr", ""),
        height=height,
        width=width,
        adjusted=adjusted,
    )


def _refuse_size(hr: Pixels, lr: Pixels, path: Path, scale: int) -> None:
    """Refuse a pair whose sizes do not belong together; one a few pixels off is told and kept."""
    off = alignment.off(lr.shape, hr.shape, scale)
    if off == 0:
        return
    hr_size, lr_size = hr.shape[1::-1], lr.shape[1::-1]
    found = f"{path}: found HR of {hr_size[0]}x{hr_size[1]} with LR of {lr_size[0]}x{lr_size[1]}"
    if hr_size != lr_size and alignment.belong_together(lr.shape, hr.shape, scale):
        sys.stderr.write(f"{found}: {off} px off; what both show is used\n")
        return
    expected = f"expected HR of {scale * lr_size[0]}x{scale * lr_size[1]} (scale {scale})"
    if hr_size == lr_size:
        raise UserError(f"{found}, {expected}. One size for both is RealSR V1 or V2; fetch RealSR V3.")
    raise UserError(f"{found}, {expected}. Fetch this pair again.")


def _refuse_namesakes(rows: Sequence[Row], folder: Path) -> None:
    """Restored images are files named by id: two test images must not share one."""
    ids = [row.id for row in rows if row.role == "test"]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise UserError(
            f"{folder}: two test images are called {twice[0]}. Take the test images of a dataset from one part "
            "of one collection in params.yaml."
        )
