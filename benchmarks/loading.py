"""Random aligned crops: from a pack, and from PNG files as the field's training code takes them."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from benchmarks.pairs import SCALE, Folder, decoded, write_folder, write_pack
from benchmarks.rounds import Result, in_turns, machine
from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice

Sides = tuple[torch.Tensor, torch.Tensor]
PNG, PNG_WORKER = "PNG folder, in process", "PNG folder, 1 worker"
LONGER = 50
"""A round takes so many times more batches from a pack, or it would be over too soon to be timed."""


@dataclass(frozen=True)
class Setup:
    """What the rates depend on. `batches` are timed in a round from PNG files; `crop` is the side of an HR crop."""

    images: int = 20
    batches: int = 4
    batch: int = 16
    crop: int = 128


class PngPairs(Dataset[Sides]):
    """The usual dataset of training code for super-resolution (facts/performance.md "Loading").

    A sample is a whole HR and a whole LR file decoded by OpenCV, of which one aligned crop is kept, flipped and
    turned: LR and HR, 3 x h x w, float32 in [0, 1], RGB. Only the crop is converted, which favours it: BasicSR
    converts the whole image.
    """

    def __init__(self, folder: Folder, setup: Setup) -> None:
        self.folder, self.names, self.crop = folder, folder.names(), setup.crop
        self.length = (setup.batches + 1) * setup.batch  # one more: the first waits for its worker to start

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sides:
        name, side = self.names[index % len(self.names)], self.crop // SCALE
        hr, lr = decoded(self.folder.hr(name)), decoded(self.folder.lr(name))
        top, left = (random.randrange(length - side + 1) for length in lr.shape[:2])
        flips = [random.random() < 0.5 for _ in range(3)]
        return (
            _tensor(lr[top : top + side, left : left + side], flips),
            _tensor(hr[SCALE * top :, SCALE * left :][: self.crop, : self.crop], flips),
        )


def measure(setup: Setup, rounds: int) -> Result:
    """Samples a second of each way, with the files in the page cache, as from a training's second epoch on."""
    with TemporaryDirectory(prefix="benchmark-") as root:
        folder = write_folder(Path(root), setup.images)
        write_pack(folder, Path(root, "pack"))
        pack, pairs = Pack.open(Path(root, "pack")), PngPairs(folder, setup)
        ways: dict[str, Callable[[], float]] = {
            PNG: lambda: _rate(_from_png(pairs, setup, 0), setup.batches, setup),
            PNG_WORKER: lambda: _rate(_from_png(pairs, setup, 1), setup.batches, setup),
            "pack, float32": lambda: _rate(_floats(pack, setup), LONGER * setup.batches, setup),
            "pack, uint8 (as trained on)": lambda: _rate(_from_pack(pack, setup), LONGER * setup.batches, setup),
        }
        rates = in_turns(ways, rounds)
    return Result("loader", "samples/s", asdict(setup), machine(), rates, (PNG, PNG_WORKER))


def _rate(batches: Iterator[Sides], timed: int, setup: Setup) -> float:
    """Samples a second over `timed` batches after the first."""
    next(batches)
    start = time.perf_counter()
    for _ in islice(batches, timed):
        pass
    return timed * setup.batch / (time.perf_counter() - start)


def _from_png(pairs: PngPairs, setup: Setup, workers: int) -> Iterator[Sides]:
    loader: DataLoader[Sides] = DataLoader(pairs, setup.batch, shuffle=True, num_workers=workers)
    return ((lr, hr) for lr, hr in loader)


def _from_pack(pack: Pack, setup: Setup) -> Iterator[Sides]:
    """uint8: training converts on its device."""
    for iteration in count():
        crops = pack.pairs(Slice(0, "training", iteration, 0, setup.batch), setup.crop)
        yield crops.lr, crops.hr


def _floats(pack: Pack, setup: Setup) -> Iterator[Sides]:
    """What the PNG folder gives: contiguous planes, float32 in [0, 1]."""
    return ((_planes(lr), _planes(hr)) for lr, hr in _from_pack(pack, setup))


def _planes(images: torch.Tensor) -> torch.Tensor:
    return images.contiguous().float().div_(255)


def _tensor(crop: NDArray[np.uint8], flips: list[bool]) -> torch.Tensor:
    """Of a BGR crop: flipped by `flips` (columns, rows, transposed), 3 x h x w."""
    image = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).astype(np.float32) / 255
    image = image[:: -1 if flips[1] else 1, :: -1 if flips[0] else 1]
    planes = image.transpose((2, 1, 0) if flips[2] else (2, 0, 1))
    return torch.from_numpy(np.ascontiguousarray(planes))
