"""How restored images were made: on which device, by which releases, and, by a network, in which tiles and batches.

A GPU that runs out of memory goes on with smaller batches and tiles, and an interrupted restoration may go on
elsewhere. So every image says in its PNG how it was made, and restored.json how all of them were.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.datasets.images import Pixels, png_text, write_png
from pipeline.files import whole_file

KEYWORD = "made"
"""Of the PNG's text chunk, which holds JSON."""


def write_restored(path: Path, sr: Pixels, made: Mapping[str, Any]) -> None:
    """Write a restored image (uint8, H x W x 3), whole or not at all, with how it was made."""
    with whole_file(path) as temporary:
        write_png(temporary, sr, {KEYWORD: json.dumps(made, sort_keys=True)})


def ways(folder: Path) -> list[dict[str, Any]]:
    """How the images in `folder` were made: an entry for each way, with the sorted names of its `images`."""
    images: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.png")):
        images.setdefault(png_text(file, KEYWORD) or "{}", []).append(file.stem)
    return [{**json.loads(way), "images": names} for way, names in sorted(images.items())]


def remark(made: Sequence[Mapping[str, Any]]) -> str | None:
    """What a reader of the scores has to know of `made`, entries of `ways`; None where there is nothing.

    Images in smaller tiles than asked for differ from whole ones, and two devices may give different bits. The size
    of a batch is recorded, and decides about rounding alone.
    """
    count = sum(len(way["images"]) for way in made)
    short: Counter[int] = Counter()
    for way in made:
        if way.get("short_of_memory"):
            short[way["tile"]] += len(way["images"])
    said = [
        f"{images} of {count} images were restored in tiles of {tile} px, as the GPU was short of memory"
        for tile, images in sorted(short.items())
    ]
    devices = sorted({way["device_name"] for way in made if way.get("device_name")})
    return "; ".join(said + ([f"restored on {' and '.join(devices)}"] if len(devices) > 1 else [])) or None
