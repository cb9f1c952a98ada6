"""Which photo becomes which file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.upscale.photo import WRITTEN

PICTURES = (*WRITTEN, ".bmp", ".tif", ".tiff", ".webp", ".gif", ".heic", ".heif", ".avif")
"""Ends of names, in a folder, of what is taken for a photo; some are then refused by name rather than left out."""


@dataclass(frozen=True)
class Place:
    """A photo, the file that is made of it, and why it is not, where it is not."""

    source: Path
    target: Path
    refusal: str | None = None


def places(source: Path, target: Path | None, kind: str | None, name: str) -> list[Place]:
    """The photo `source`, or those in the folder `source`, and the files to make of them.

    Args:
        source: a file, or a folder, whose own folders are left alone.
        target: of a file: a file or an existing folder; of a folder: a folder. None: beside `source`, with
            `_<name>` after its name.
        kind: `png` or `jpg`; None: as the target's name ends, else `png`.
        name: of the method.

    Raises `UserError` where there is no photo, or a target that would be `source` itself or of no known kind.
    """
    if source.is_dir():
        return list(_of_folder(source, target or _beside(source, name), kind or "png"))
    if not source.exists():
        raise UserError(f"{source}: there is no such file or folder.")
    place = Place(source, _of_file(source, target, kind, name))
    if place.target.exists() and place.target.samefile(source):
        raise UserError(f"{place.target} is the photo itself. Name another file.")
    return [place]


def _of_folder(source: Path, target: Path, kind: str) -> Iterator[Place]:
    if target.exists() and not target.is_dir():
        raise UserError(f"{target} is a file, and {source} is a folder: name a folder for its photos.")
    if target.exists() and target.samefile(source):
        raise UserError(f"{target} is the folder of the photos itself. Name another.")
    photos = sorted(path for path in source.iterdir() if _is_photo(path))
    if not photos:
        raise UserError(f"{source}: no photo in it (no name that ends with {', '.join(PICTURES)}).")
    taken: dict[Path, Path] = {}
    for photo in photos:
        made = target / f"{photo.stem}.{kind}"
        first = taken.setdefault(made, photo)
        both = f"{photo}: would become {made.name}, as {first.name} does. Rename one of them."
        yield Place(photo, made, None if first == photo else both)


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()


def _of_file(source: Path, target: Path | None, kind: str | None, name: str) -> Path:
    if target is None:
        return _beside(source.with_suffix(""), name, f".{kind or 'png'}")
    if target.is_dir():
        return target / f"{source.stem}.{kind or 'png'}"
    written = WRITTEN.get(target.suffix.lower())
    if not written:
        raise UserError(
            f"{target}: a name that ends with {', '.join(WRITTEN)}, or a folder that exists, is needed."
        )
    if kind and written != WRITTEN[f".{kind}"]:
        raise UserError(f"{target} does not end as --format {kind} says. Leave out one of the two.")
    return target


def _beside(source: Path, name: str, end: str = "") -> Path:
    path = source.resolve() if source.name in ("", "..") else source
    return path.with_name(f"{path.name}_{name}{end}")
