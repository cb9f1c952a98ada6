"""Writing packs: pairs appended to flat arrays, one at a time, so that no dataset has to fit into memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    """Where a pair lies.

    Attributes:
        lr, hr: offsets into lr.npy and hr.npy; `lr` is None where training makes the LR crop of the HR crop.
        height, width: of its LR image.
        noisy: whether training lays noise of the pool on its LR crops: on those of clean images with an LR image.
    """

    id: str
    lr: int | None
    hr: int
    height: int
    width: int
    noisy: bool = False

    @property
    def real(self) -> bool:
        """Whether it is a pair of photographs, rather than a clean image whose LR is made."""
        return self.lr is not None and not self.noisy


class Writer:
    """Fills a folder with a pack: `add` every pair, `add_clean` every HR image without LR, then `close`."""

    def __init__(self, folder: Path, scale: int) -> None:
        self.folder, self.scale = folder, scale
        self.spots: dict[str, list[Spot]] = {"training": [], "validation": []}
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

    def close(self, noise: Pixels, real_share: float | None = None) -> None:
        """Write the noise pool (N x p x p x 3, N may be 0) and the index, which holds how images are drawn
        (`sampling.Images`)."""
        np.save(self.folder / NOISE, noise)
        digests = {name: array.close() for name, array in self.arrays.items()}
        digests[NOISE] = sha256(repr(noise.shape).encode() + noise.tobytes()).hexdigest()
        index: dict[str, Any] = {
            "scale": self.scale,
            "real_share": real_share,
            **{kind: [vars(spot) for spot in spots] for kind, spots in self.spots.items()},
        }
        index["content"] = _content(index, digests)
        (self.folder / INDEX).write_text(json.dumps(index, sort_keys=True) + "\n", encoding="utf-8")


class FlatArray:
    """A .npy file of uint8 that grows: numpy leaves room in its header for the final length."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("wb")
        self.length = 0
        self.hash = sha256()
        self._header()

    def append(self, pixels: Pixels) -> int:
        """Append an image; returns its offset."""
        offset, data = self.length, pixels.tobytes()
        self.stream.write(data)
        self.hash.update(data)
        self.length += len(data)
        return offset

    def close(self) -> str:
        """Finish the file; returns the hex sha256 of its values."""
        self.stream.seek(0)
        self._header()
        self.stream.close()
        return self.hash.hexdigest()

    def _header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self.stream, header)


def _content(index: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    return sha256(json.dumps([index, digests], sort_keys=True).encode()).hexdigest()
