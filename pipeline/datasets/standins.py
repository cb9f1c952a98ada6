"""Stand-ins: small collections with the layout, the naming and the kind of degradation of the official ones.

Every collection is made of the photographs that ship inside packages, seen through a camera model. The pool of
photographs is divided once, by role: no photograph (so no crop of one) is on both sides of the line between
training and test in any of them, nor in two of source, target and validation. `standin.csv` in its folder records
where each file comes from.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import streams
from pipeline.datasets import crops, photographs
from pipeline.datasets.camera import Camera, photograph
from pipeline.datasets.images import Pixels, write_png
from pipeline.errors import UserError
from pipeline.settings import Composition, Part, Role
from pipeline.streams import Purpose

RECORD = "standin.csv"
COLUMNS = ("file", "photograph", "left", "top", "side", "role")

# Source has the large photographs with smooth skies: the noise pool needs them.
SOURCE = ("rocket", "hubble_deep_field", "retina")
TARGET = ("astronaut", "motorcycle_left", "ihc")
PHOTOGRAPHS: Mapping[Role, Sequence[str]] = {
    "train": SOURCE + TARGET,
    "source": SOURCE,
    "target": TARGET,
    "validation": ("flower",),
    "test": ("chelsea", "china", "coffee"),
}

# RealSR: the same scene through a shorter lens. CameraSR: brought back to the size of its HR, hence the strong
# blur. NTIRE2020 track 1: processing and noise, no blur. RealSR-Zero: an early phone. Bicubic: no camera at all.
REALSR = Camera(scale=4, blur=1.2, shift=0.5, read_noise=1.2, shot_noise=0.01, jpeg=97)
CAMERASR = Camera(scale=1, blur=1.6, shift=0.2, read_noise=1.5, shot_noise=0.02, jpeg=95)
NTIRE_SOURCE = Camera(scale=1, blur=0.0, shift=0.0, read_noise=4.0, shot_noise=0.02, jpeg=95)
NTIRE_INPUT = Camera(scale=4, blur=0.0, shift=0.0, read_noise=4.0, shot_noise=0.02, jpeg=95)
BICUBIC = Camera(scale=4, blur=0.0, shift=0.0, read_noise=0.0, shot_noise=0.0, jpeg=None)
ZERO = Camera(scale=2, blur=1.8, shift=0.0, read_noise=5.0, shot_noise=0.05, jpeg=60)


@dataclass(frozen=True)
class View:
    """A part of a photograph in a role."""

    photograph: str
    box: crops.Box
    role: Role

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
        return photograph(self.view.pixels(), self.camera, streams.generator(seed, Purpose.STANDIN, self.file))


def write(composition: Composition, collection: str, seed: int, folder: Path) -> None:
    """Write the stand-in of one of a dataset's collections and its record into an empty `folder`.

    Raises `UserError` when there is no stand-in for the collection, or a photograph is missing or too small for
    what `composition` asks.
    """
    frames = list(plan(composition, collection))
    for frame in frames:
        write_png(folder / frame.file, frame.pixels(seed))
    with (folder / RECORD).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for frame in frames:
            box = frame.view.box
            writer.writerow([frame.file, frame.view.photograph, box.left, box.top, box.side, frame.view.role])


def plan(composition: Composition, collection: str) -> Iterator[Frame]:
    """The files of a stand-in: for each part the views of its roles, in the order in which the split cuts them."""
    if collection not in {name for name, _ in FRAMES}:
        known = ", ".join(dict.fromkeys(name for name, _ in FRAMES))
        raise UserError(f"params.yaml: there is no stand-in for the collection {collection}; there are {known}")
    for part in composition.parts:
        if part.collection == collection:
            magnified, frames = FRAMES[collection, part.part]
            for number, view in enumerate(_views(part, magnified * (composition.standin or 0)), 1):
                yield from frames(number, view)


def views(role: Role, side: int, count: int) -> list[View]:
    """`count` views of side x side, taken from the role's photographs in turn."""
    names = PHOTOGRAPHS[role]
    each = -(-count // len(names))
    boxes = {name: crops.choose(photographs.load(name), side, each) for name in names} if count else {}
    return [View(names[i % len(names)], boxes[names[i % len(names)]][i // len(names)], role) for i in range(count)]


def _views(part: Part, side: int) -> Iterator[View]:
    for role, count in part.roles.items():
        if count != "rest":
            yield from views(role, side, count)


def _realsr(folder: str) -> Callable[[int, View], Iterator[Frame]]:
    def frames(number: int, view: View) -> Iterator[Frame]:
        stem = f"RealSR(V3)/Canon/{folder}/4/Canon_{number:03}"
        yield Frame(f"{stem}_HR.png", view)
        yield Frame(f"{stem}_LR4.png", view, REALSR)

    return frames


def _camerasr(number: int, view: View) -> Iterator[Frame]:
    stem = f"City100/City100_iPhoneX/{number:03}"
    yield Frame(f"{stem}H.PNG", view)
    yield Frame(f"{stem}L.PNG", view, CAMERASR)


def _ntire_source(number: int, view: View) -> Iterator[Frame]:
    yield Frame(f"track1-train-source/Flickr2K_{number:06}.png", view, NTIRE_SOURCE)


def _ntire_target(number: int, view: View) -> Iterator[Frame]:
    yield Frame(f"train-target/{number:04}.png", view)


def _ntire_valid(number: int, view: View) -> Iterator[Frame]:
    yield Frame(f"track1-valid-input/{800 + number:04}.png", view, NTIRE_INPUT)
    yield Frame(f"track1-valid-gt/{800 + number:04}.png", view)


def _realsr_zero(number: int, view: View) -> Iterator[Frame]:
    # The archive's inner names are not known (facts/datasets.md 4); these are ours.
    yield Frame(f"realsr-zero/{number:03}.png", view, ZERO)


def _camerasr_bicubic(number: int, view: View) -> Iterator[Frame]:
    yield Frame(f"HR/{number:03}.png", view)
    yield Frame(f"LR_bicubic_X4/{number:03}.png", view, BICUBIC)


def _div2k(number: int, view: View) -> Iterator[Frame]:
    yield Frame(f"DIV2K_train_HR/{number:04}.png", view)


FRAMES: Mapping[tuple[str, str], tuple[int, Callable[[int, View], Iterator[Frame]]]] = {
    ("realsr", "train"): (1, _realsr("Train")),
    ("realsr", "test"): (1, _realsr("Test")),
    ("camerasr", "iphonex"): (1, _camerasr),
    # A source photograph is halved to become an HR image, so it is taken at twice the size.
    ("ntire2020", "source"): (2, _ntire_source),
    ("ntire2020", "target"): (1, _ntire_target),
    ("ntire2020", "valid"): (1, _ntire_valid),
    ("realsr_zero", "all"): (ZERO.scale, _realsr_zero),
    ("camerasr_bicubic", "test"): (1, _camerasr_bicubic),
    ("div2k", "train"): (1, _div2k),
}
"""For each part of a collection how many times the stand-in's side a view has, and the files that it becomes."""
