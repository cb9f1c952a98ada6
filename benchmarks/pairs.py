"""Pairs to load: bundled photographs at the size of CameraSR's, as a folder of PNG files and as a pack."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.datasets.images import Pixels, read_rgb, write_png
from pipeline.datasets.packing import Writer
from pipeline.datasets.photographs import PHOTOGRAPHS, load
from pipeline.degradations.bicubic import downscale_uint8

SCALE = 4
HEIGHT, WIDTH = 600, 840
"""Of an HR image, in pixels: City100's (facts/datasets.md 3), with PNG files of about the same length."""


@dataclass(frozen=True)
class Folder:
    """PNG files of one name in HR/ and LR/ under `root`."""

    root: Path

    def hr(self, name: str) -> Path:
        return self.root / "HR" / name

    def lr(self, name: str) -> Path:
        return self.root / "LR" / name

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.root / "HR").iterdir())


def write_folder(root: Path, count: int) -> Folder:
    """`count` pairs. A photograph that is too small is mirrored at its border; one that comes again is turned."""
    folder = Folder(root)
    for number in range(count):
        hr = _photograph(number)
        write_png(folder.hr(f"{number:04}.png"), hr)
        write_png(folder.lr(f"{number:04}.png"), downscale_uint8(hr, SCALE))
    return folder


def write_pack(folder: Folder, goal: Path) -> None:
    """The pack of a folder, as the study's stage `pack` writes it: every image decoded and checked."""
    goal.mkdir(parents=True)
    writer = Writer(goal, SCALE)
    for name in folder.names():
        writer.add("training", name, read_rgb(folder.lr(name)), read_rgb(folder.hr(name)))
    writer.close(np.empty((0, 0, 0, 3), np.uint8))


def decoded(path: Path) -> Pixels:
    """A file as OpenCV decodes it: H x W x 3, BGR, unchecked."""
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _photograph(number: int) -> Pixels:
    names = sorted(PHOTOGRAPHS)
    photo = np.rot90(load(names[number % len(names)]), number // len(names))
    missing = [max(0, side - length) for side, length in zip((HEIGHT, WIDTH), photo.shape[:2], strict=True)]
    mirrored = np.pad(photo, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(mirrored[:HEIGHT, :WIDTH])
