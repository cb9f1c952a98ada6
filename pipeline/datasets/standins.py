"""Stand-ins: small sets with the layout, the naming and the kind of degradation of the official ones.

Every set is made of the photographs that ship inside packages, seen through a camera model. The pool of photographs
is divided once, by role: no photograph (so no crop of one) is on both sides of the line between training and test
in any set, nor in two of source, target and validation. `standin.csv` in the set's folder records where each
file comes from.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from pipeline.datasets import crops, photographs
from pipeline.datasets.camera import Camera, photograph
from pipeline.datasets.images import Pixels, write_png
from pipeline.settings import Dataset, DatasetSize

RECORD = "standin.csv"
COLUMNS = ("file", "photograph", "left", "top", "side", "role")

# Source has the large photographs with smooth skies: the noise pool needs them.
SOURCE = ("rocket", "hubble_deep_field", "retina")
TARGET = ("astronaut", "motorcycle_left", "ihc")
VALIDATION = ("flower",)
TEST = ("chelsea", "china", "coffee")

# RealSR: the same scene through a shorter lens. CameraSR: brought back to the size of its HR, hence the strong
# blur. NTIRE2020 track 1: processing and noise, no blur. RealSR-Zero: an early phone.
REALSR = Camera(scale=4, blur=1.2, shift=0.5, read_noise=1.2, shot_noise=0.01, jpeg=97)
CAMERASR = Camera(scale=1, blur=1.6, shift=0.2, read_noise=1.5, shot_noise=0.02, jpeg=95)
NTIRE_SOURCE = Camera(scale=1, blur=0.0, shift=0.0, read_noise=4.0, shot_noise=0.02, jpeg=95)
NTIRE_INPUT = Camera(scale=4, blur=0.0, shift=0.0, read_noise=4.0, shot_noise=0.02, jpeg=95)
ZERO = Camera(scale=2, blur=1.8, shift=0.0, read_noise=5.0, shot_noise=0.05, jpeg=60)


@dataclass(frozen=True)
class View:
    """A part of a photograph in a role."""

    photograph: str
    box: crops.Box
    role: str

    def pixels(self) -> Pixels:
        """The clean picture."""
        return self.box.cut(photographs.load(self.photograph))


@dataclass(frozen=True)
class Frame:
    """A file of a stand-in: a view, clean or through a camera."""

    file: str
    view: View
    camera: Camera | None = None

    def pixels(self, seed: int) -> Pixels:
        """The file's pixels: a function of the seed and the frame alone, not of its neighbours."""
        if self.camera is None:
            return self.view.pixels()
        rng = np.random.default_rng([seed, crc32(self.file.encode())])
        return photograph(self.view.pixels(), self.camera, rng)


def write(dataset: Dataset, sizes: DatasetSize, seed: int, folder: Path) -> None:
    """Write the stand-in of a dataset and its record into an empty `folder`.

    Raises `UserError` when a photograph is missing or too small for what `sizes` asks.
    """
    frames = list(PLANS[dataset](sizes))
    for frame in frames:
        write_png(folder / frame.file, frame.pixels(seed))
    with (folder / RECORD).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for frame in frames:
            box = frame.view.box
            writer.writerow([frame.file, frame.view.photograph, box.left, box.top, box.side, frame.view.role])


def views(role: str, names: Sequence[str], side: int, count: int) -> list[View]:
    """`count` views of side x side, taken from the photographs in turn."""
    each = -(-count // len(names))
    boxes = {name: crops.choose(photographs.load(name), side, each) for name in names} if count else {}
    return [View(names[i % len(names)], boxes[names[i % len(names)]][i // len(names)], role) for i in range(count)]


def _training(sizes: DatasetSize) -> list[View]:
    """The views of a paired training folder: the held-out ones last, as the split takes them."""
    train = views("train", SOURCE + TARGET, sizes.size, sizes.train)
    return train + views("validation", VALIDATION, sizes.size, sizes.validation)


def _realsr(sizes: DatasetSize) -> Iterator[Frame]:
    folders = {"Train": _training(sizes), "Test": views("test", TEST, sizes.size, sizes.test)}
    for folder, found in folders.items():
        for number, view in enumerate(found, 1):
            stem = f"RealSR(V3)/Canon/{folder}/4/Canon_{number:03}"
            yield Frame(f"{stem}_HR.png", view)
            yield Frame(f"{stem}_LR4.png", view, REALSR)


def _camerasr(sizes: DatasetSize) -> Iterator[Frame]:
    found = views("test", TEST, sizes.size, sizes.test) + _training(sizes)
    for number, view in enumerate(found, 1):
        stem = f"City100/City100_iPhoneX/{number:03}"
        yield Frame(f"{stem}H.PNG", view)
        yield Frame(f"{stem}L.PNG", view, CAMERASR)


def _ntire2020(sizes: DatasetSize) -> Iterator[Frame]:
    # A source photograph is halved to become an HR image, so it is taken at twice the size.
    for number, view in enumerate(views("source", SOURCE, 2 * sizes.size, sizes.train), 1):
        yield Frame(f"track1-train-source/Flickr2K_{number:06}.png", view, NTIRE_SOURCE)
    targets = views("target", TARGET, sizes.size, sizes.target)
    targets += views("validation", VALIDATION, sizes.size, sizes.validation)
    for number, view in enumerate(targets, 1):
        yield Frame(f"train-target/{number:04}.png", view)
    for number, view in enumerate(views("test", TEST, sizes.size, sizes.test), 801):
        yield Frame(f"track1-valid-input/{number:04}.png", view, NTIRE_INPUT)
        yield Frame(f"track1-valid-gt/{number:04}.png", view)


def _realsr_zero(sizes: DatasetSize) -> Iterator[Frame]:
    # The archive's inner names are not known (facts/datasets.md 4); these are ours.
    for number, view in enumerate(views("test", TEST, ZERO.scale * sizes.size, sizes.test), 1):
        yield Frame(f"realsr-zero/{number:03}.png", view, ZERO)


PLANS = {"realsr": _realsr, "ntire2020": _ntire2020, "camerasr": _camerasr, "realsr_zero": _realsr_zero}
