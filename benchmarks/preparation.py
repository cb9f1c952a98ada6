"""What training reads, made of a folder of PNG files: a pack, and the field's usual sub-images."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from benchmarks.pairs import SCALE, Folder, decoded, write_folder, write_pack
from benchmarks.rounds import Result, in_turns, machine

SUB_IMAGES = "sub-images"
SIDE, STEP, COMPRESSION = 480, 240, 3
"""BasicSR's usual HR sub-images, in pixels, and the effort of their PNG compression."""


@dataclass(frozen=True)
class Setup:
    """What the rates depend on: how many pairs of 600x840 (HR) are prepared in a round."""

    images: int = 5


def measure(setup: Setup, rounds: int) -> Result:
    """Pairs a second of each way, in one process, from files in the page cache."""
    with TemporaryDirectory(prefix="benchmark-") as root:
        folder = write_folder(Path(root, "folder"), setup.images)
        ways = {SUB_IMAGES: _cut, "pack": write_pack}
        timed = {name: _timed(way, folder, setup.images) for name, way in ways.items()}
        rates = in_turns(timed, rounds)
    return Result("prepared as", "pairs/s", asdict(setup), machine(), rates, (SUB_IMAGES,))


def _timed(way: Callable[[Folder, Path], None], folder: Folder, images: int) -> Callable[[], float]:
    def rate() -> float:
        with TemporaryDirectory(prefix="benchmark-") as goal:
            start = time.perf_counter()
            way(folder, Path(goal, "prepared"))
            return images / (time.perf_counter() - start)

    return rate


def _cut(folder: Folder, goal: Path) -> None:
    """Overlapping sub-images of both sides, each a PNG file. An LMDB of them would be a further step."""
    for path, side, step in _files(folder):
        image = decoded(path)
        into = goal / path.parent.name
        into.mkdir(parents=True, exist_ok=True)
        for top in _starts(image.shape[0], side, step):
            for left in _starts(image.shape[1], side, step):
                part = image[top : top + side, left : left + side]
                name = into / f"{path.stem}_{top}_{left}.png"
                cv2.imwrite(str(name), part, [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])


def _files(folder: Folder) -> Iterator[tuple[Path, int, int]]:
    """Every file with the side and step of its sub-images."""
    for name in folder.names():
        yield folder.hr(name), SIDE, STEP
        yield folder.lr(name), SIDE // SCALE, STEP // SCALE


def _starts(length: int, side: int, step: int) -> list[int]:
    """Every `step` pixels, and one that ends at the border."""
    return sorted({*range(0, length - side + 1, step), length - side})
