"""How the files of each dataset lie in its official layout, and which of them belong together.

Files are found by the end of their path, whatever the folders above are called: `RealSR(V3)`, `RealSRV3` and
`RealSR_V3` are one dataset, and the case of names does not matter. Sources: facts/datasets.md 1 to 4.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import UserError
from pipeline.settings import Dataset

Side = Literal["hr", "lr"]


@dataclass(frozen=True)
class Place:
    """Where the HR or the LR images of one part of a dataset are.

    Attributes:
        part: the official division, for example `train`; the split cuts it into roles.
        side: whether these are HR or LR images.
        pattern: the end of their path; the group `id` pairs HR with LR.
        example: what a path looks like, for messages.
    """

    part: str
    side: Side
    pattern: str
    example: str


@dataclass(frozen=True)
class Item:
    """A pair, or an image without counterpart; paths are relative to the dataset's folder."""

    part: str
    id: str
    hr: Path | None
    lr: Path | None


_IMAGE = r"\.(png|jpe?g|bmp|tiff?)"

LAYOUTS: Mapping[Dataset, tuple[Place, ...]] = {
    "realsr": (
        Place("train", "hr", r"Canon/Train/4/(?P<id>Canon_\d+)_HR\.png", "Canon/Train/4/Canon_001_HR.png"),
        Place("train", "lr", r"Canon/Train/4/(?P<id>Canon_\d+)_LR4\.png", "Canon/Train/4/Canon_001_LR4.png"),
        Place("test", "hr", r"Canon/Test/4/(?P<id>Canon_\d+)_HR\.png", "Canon/Test/4/Canon_001_HR.png"),
        Place("test", "lr", r"Canon/Test/4/(?P<id>Canon_\d+)_LR4\.png", "Canon/Test/4/Canon_001_LR4.png"),
    ),
    "camerasr": (
        Place("iphonex", "hr", r"City100_iPhoneX/(?P<id>\d+)H\.png", "City100_iPhoneX/001H.PNG"),
        Place("iphonex", "lr", r"City100_iPhoneX/(?P<id>\d+)L\.png", "City100_iPhoneX/001L.PNG"),
    ),
    "ntire2020": (
        Place("source", "lr", r"track1-train-source/(?P<id>\w+)\.png", "track1-train-source/Flickr2K_000001.png"),
        Place("target", "hr", r"train-target/(?P<id>\w+)\.png", "train-target/0001.png"),
        Place("valid", "lr", r"track1-valid-input/(?P<id>\w+)\.png", "track1-valid-input/0801.png"),
        Place("valid", "hr", r"track1-valid-gt/(?P<id>\w+)\.png", "track1-valid-gt/0801.png"),
    ),
    "realsr_zero": (Place("all", "lr", rf"(?P<id>[^/]+){_IMAGE}", "realsr-zero/001.png"),),
}
"""Every place of every dataset. RealSR-Zero's inner names are not published: every image counts."""


def find(dataset: Dataset, folder: Path) -> list[Item]:
    """The items of a dataset, sorted by part and id.

    Raises `UserError` when `folder` is missing, a place is empty, an image of a pair lacks its counterpart, or two
    files claim one place (two copies of the set side by side).
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is missing: run `dvc repro` (stage fetch) to make it.")
    places = LAYOUTS[dataset]
    found: dict[tuple[str, str], dict[Side, Path]] = {}
    for path in _files(folder):
        for place in places:
            match = re.search(rf"(^|/){place.pattern}$", path.as_posix(), re.IGNORECASE)
            if match:
                sides = found.setdefault((place.part, match["id"]), {})
                if place.side in sides:
                    raise UserError(f"{folder}: {sides[place.side]} and {path} have one id; remove one of them.")
                sides[place.side] = path
    for place in places:
        if not any(part == place.part and place.side in sides for (part, _), sides in found.items()):
            raise UserError(f"{folder}: no {place.side.upper()} image of {dataset} such as .../{place.example}")
    items = [Item(part, id_, sides.get("hr"), sides.get("lr")) for (part, id_), sides in sorted(found.items())]
    _refuse_halves(items, places, folder)
    return items


def _files(folder: Path) -> Iterator[Path]:
    """Every file, relative and sorted, but for what archives and desktops leave behind."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part == "__MACOSX" or part.startswith(".") for part in relative.parts):
            yield relative


def _refuse_halves(items: list[Item], places: tuple[Place, ...], folder: Path) -> None:
    paired = {p.part for p in places if p.side == "hr"} & {p.part for p in places if p.side == "lr"}
    halves = [item for item in items if item.part in paired and not (item.hr and item.lr)]
    if halves:
        lines = [f"{item.hr or item.lr}: its {'HR' if item.lr else 'LR'} counterpart is missing" for item in halves]
        raise UserError("\n".join([f"{folder}: fetch the dataset again, these have no pair:", *lines]))
