"""Writing packs: images appended to flat arrays, one at a time, so that no dataset has to fit into memory.

A pack offers three kinds of training images (`settings.Kind`), and the validation pairs. An image that serves
several of them is stored once.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.datasets.alignment import common
from pipeline.datasets.images import Pixels

INDEX, HR, LR, NOISE = "index.json", "hr.npy", "lr.npy", "noise.npy"
"""The files of a pack."""


@dataclass(frozen=True)
class Spot:
    """Where an image or a pair lies.

    Attributes:
        lr, hr: offsets into lr.npy and hr.npy; `lr` is None where training makes the LR crop of the HR crop, `hr`
            where a photograph is read unpaired.
        height, width: of its LR image.
        noisy: whether training lays noise of the pool on its LR crops: on those of clean images with an LR image.
    """

    id: str
    lr: int | None
    hr: int | None
    height: int
    width: int
    noisy: bool = False

    @property
    def real(self) -> bool:
        """Whether its LR image is a photograph, rather than made of a clean image."""
        return self.lr is not None and not self.noisy

    @property
    def alone(self) -> "Spot":
        """Its HR image without the LR image."""
        return replace(self, lr=None, noisy=False)


class Writer:
    """Fills a folder with a pack: `add` every pair, `add_clean` every HR image without LR, `add_real` every real
    photograph without HR, then `close`."""

    def __init__(self, folder: Path, scale: int) -> None:
        self.folder, self.scale = folder, scale
        self.spots: dict[str, list[Spot]] = {"training": [], "validation": []}
        self.photographs: list[Spot] = []
        self.arrays = {name: FlatArray(folder / name) for name in (LR, HR)}

    def add(self, kind: str, id_: str, lr: Pixels, hr: Pixels, *, noisy: bool = False) -> None:
        """Append a pair to the `training` or `validation` pairs, cut to what LR and HR both show."""
        height, width = common(lr.shape, hr.shape, self.scale)
        lr_offset = self.arrays[LR].append(lr[:height, :width])
        hr_offset = self.arrays[HR].append(hr[: height * self.scale, : width * self.scale])
        self.spots[kind].append(Spot(id_, lr_offset, hr_offset, height, width, noisy))

    def add_clean(self, id_: str, hr: Pixels) -> None:
        """Append a training HR image whose LR crops are made as they are drawn; `scale` divides its sides."""
        height, width = (side // self.scale for side in hr.shape[:2])
        self.spots["training"].append(Spot(id_, None, self.arrays[HR].append(hr), height, width))

    def add_real(self, id_: str, lr: Pixels) -> None:
        """Append a real photograph without counterpart, of any size, at LR."""
        height, width = lr.shape[:2]
        self.photographs.append(Spot(id_, self.arrays[LR].append(lr), None, height, width))

    def close(self, noise: Pixels, real_share: float | None = None) -> None:
        """Write the noise pool (N x p x p x 3, N may be 0) and the index, which holds how images are drawn
        (`sampling.Images`) and the content hash of each kind of which there are images."""
        np.save(self.folder / NOISE, noise)
        for array in self.arrays.values():
            array.close()
        pairs = self.spots["training"]
        images = {
            "pairs": pairs,
            "clean": [spot.alone for spot in pairs if not spot.real] or [spot.alone for spot in pairs],
            "real": [replace(spot, hr=None) for spot in pairs if spot.real] + self.photographs,
        }
        laid = [real_share, sha256(repr(noise.shape).encode() + noise.tobytes()).hexdigest()]
        hashes = {
            kind: self._content(spots, laid if kind == "pairs" else []) for kind, spots in images.items() if spots
        }
        listed = images | {"validation": self.spots["validation"]}
        index = {
            "scale": self.scale,
            "real_share": real_share,
            "hashes": hashes,
            **{name: [vars(spot) for spot in spots] for name, spots in listed.items()},
        }
        (self.folder / INDEX).write_text(json.dumps(index, sort_keys=True) + "\n", encoding="utf-8")

    def _content(self, spots: Sequence[Spot], more: Sequence[Any]) -> str:
        """Hex sha256 of these training images and of the validation pairs, by which every training is measured.

        It says what the images are and not where they lie, so that other images change nothing.
        """
        images = [[self._described(spot) for spot in listed] for listed in (spots, self.spots["validation"])]
        return sha256(json.dumps([self.scale, images, more], sort_keys=True).encode()).hexdigest()

    def _described(self, spot: Spot) -> dict[str, Any]:
        """The spot with digests of its pixels in place of offsets."""
        offsets = {LR: spot.lr, HR: spot.hr}
        lr, hr = (None if at is None else self.arrays[name].digests[at] for name, at in offsets.items())
        return asdict(spot) | {"lr": lr, "hr": hr}


class FlatArray:
    """A .npy file of uint8 that grows: numpy leaves room in its header for the final length."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("wb")
        self.length = 0
        self.digests: dict[int, str] = {}
        """Hex sha256 of each image's values, by its offset."""
        self._header()

    def append(self, pixels: Pixels) -> int:
        """Append an image; returns its offset."""
        offset, data = self.length, pixels.tobytes()
        self.stream.write(data)
        self.digests[offset] = sha256(data).hexdigest()
        self.length += len(data)
        return offset

    def close(self) -> None:
        """Finish the file."""
        self.stream.seek(0)
        self._header()
        self.stream.close()

    def _header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.stream, header)
