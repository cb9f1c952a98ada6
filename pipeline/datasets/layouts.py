"""How the files of a collection lie in its official layout, and which of them belong together.

Files are found by the end of their path, whatever the folders above are called: `RealSR(V3)`, `RealSRV3` and
`RealSR_V3` are one collection, and the case of names does not matter. The patterns are in `registry.yaml`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.registry import Part, Side, collection, is_litter
from pipeline.errors import UserError


@dataclass(frozen=True)
class Item:
    """A pair, or an image without counterpart; paths are relative to the collection's folder."""

    part: str
    id: str
    hr: Path | None
    lr: Path | None


def find(name: str, folder: Path, only: str | None = None) -> list[Item]:
    """The items of the collection `name` in `folder`, or of one part of it, sorted by part and id.

    Raises `UserError` when `folder` is missing, a side of a part is empty, an image of a pair lacks its other half,
    or two files claim one place (two copies of the collection side by side).
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is missing: run `dvc repro` (stage fetch) to make it.")
    parts = {part: places for part, places in collection(name).parts.items() if only in (None, part)}
    found: dict[tuple[str, str], dict[Side, Path]] = {}
    for path in files(folder):
        for part, side, id_ in claims(parts, path):
            sides = found.setdefault((part, id_), {})
            if side in sides:
                raise UserError(f"{folder}: {sides[side]} and {path} have one id; remove one of them.")
            sides[side] = path
    _refuse_gaps(name, parts, {(part, side) for (part, _), sides in found.items() for side in sides}, folder)
    items = [Item(part, id_, sides.get("hr"), sides.get("lr")) for (part, id_), sides in sorted(found.items())]
    _refuse_halves(items, parts, folder)
    return items


def claims(parts: Mapping[str, Part], path: Path) -> Iterator[tuple[str, Side, str]]:
    """Part, side and id of every place that a relative path is at; one at most, as the patterns are today."""
    for name, part in parts.items():
        for side, place in part.places.items():
            id_ = place.match(path.as_posix())
            if id_ is not None:
                yield name, side, id_


def files(folder: Path) -> Iterator[Path]:
    """Every file, relative and sorted, but for what archives and desktops leave behind."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not is_litter(relative.as_posix()):
            yield relative


def _refuse_gaps(name: str, parts: Mapping[str, Part], filled: set[tuple[str, Side]], folder: Path) -> None:
    for part_name, part in parts.items():
        for side, place in part.places.items():
            if (part_name, side) not in filled:
                raise UserError(f"{folder}: no {side.upper()} image of {name} such as .../{place.example}")


def _refuse_halves(items: list[Item], parts: Mapping[str, Part], folder: Path) -> None:
    paired = {name for name, part in parts.items() if part.hr and part.lr}
    halves = [item for item in items if item.part in paired and not (item.hr and item.lr)]
    if halves:
        lines = [f"{item.hr or item.lr}: its {'HR' if item.lr else 'LR'} counterpart is missing" for item in halves]
        raise UserError("\n".join([f"{folder}: fetch the dataset again, these have no pair:", *lines]))
