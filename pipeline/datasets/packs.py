"""Packs: a dataset's training and validation pairs in flat, memory-mapped arrays, and the crops cut from them."""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from pipeline.datasets.images import Pixels
from pipeline.datasets.packing import HR, INDEX, LR, NOISE, Spot
from pipeline.datasets.sampling import Images, Slice, Square, draw_square
from pipeline.degradations import noise_pool
from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.streams import Purpose

CONTEXT = 72 / 256
"""HR context on each side of a crop that is degraded, as a share of it: Real-ESRGAN cuts 256 px out of 400."""

TURNS = (-1, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
"""OpenCV's names of 0 to 3 quarter turns."""


@dataclass(frozen=True)
class Crops:
    """A batch of aligned crops, uint8, N x 3 x height x width.

    Attributes:
        lr: N x 3 x crop/scale x crop/scale; zeros in the places named by `clean`.
        hr: N x 3 x crop x crop.
        noise: as `lr`, crops of the noise pool to be laid on it (`noise_pool.inject`); zeros lay nothing.
        clean: the places in the batch of HR crops without LR.
        wide: for each of them its HR crop with `context` more pixels on every side, M x 3 x w x w.
        context: in HR pixels, a multiple of the scale.
    """

    lr: torch.Tensor
    hr: torch.Tensor
    noise: torch.Tensor
    clean: tuple[int, ...]
    wide: torch.Tensor
    context: int


@dataclass(frozen=True)
class Pair:
    """An LR image and its HR image, uint8 H x W x 3."""

    id: str
    lr: Pixels
    hr: Pixels


@dataclass(frozen=True)
class Pack:
    """An open pack. `content` is the hex sha256 of everything in it; `images` are those of `training`."""

    scale: int
    content: str
    images: Images
    held_out: tuple[Spot, ...]
    lr: Pixels
    hr: Pixels
    noise: Pixels

    @classmethod
    def open(cls, folder: Path) -> "Pack":
        """Open a pack, mapping its arrays. Raises `UserError` when it is missing or incomplete."""
        index = read_json(folder / INDEX)
        try:
            lr, hr, noise = (np.load(folder / name, mmap_mode="r") for name in (LR, HR, NOISE))
            spots = {role: tuple(Spot(**spot) for spot in index[role]) for role in ("training", "validation")}
            images = Images(spots["training"], index["real_share"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder} is not a whole pack ({error}). Delete it and run `dvc repro`.") from None
        return cls(index["scale"], index["content"], images, spots["validation"], lr, hr, noise)

    @property
    def training(self) -> tuple[Spot, ...]:
        """Where the training images lie."""
        return self.images.spots

    def crops(self, part: Slice, crop: int) -> Crops:
        """The samples of a slice of a batch: random crops of random training images, LR and HR turned as one.

        Args:
            part: which samples.
            crop: side of an HR crop in pixels, a multiple of the scale.

        Raises `UserError` when a training image, or a noise patch, is smaller than the crop.
        """
        side, context = crop // self.scale, self._context(crop)
        self._refuse_crop(crop)
        lr, noise = (np.zeros((part.count, side, side, 3), np.uint8) for _ in range(2))
        hr = np.empty((part.count, crop, crop, 3), np.uint8)
        clean, wide = [], [np.empty((0, *[crop + 2 * context] * 2, 3), np.uint8)]
        for place in range(part.count):
            rng = part.stream(Purpose.CROP, place)
            spot = self.images.draw(rng)
            around = context if spot.lr is None else 0
            length = side + 2 * around // self.scale
            high, low = self._windows(spot, length, draw_square(spot, length, rng))
            hr[place] = high[around : around + crop, around : around + crop]
            if low is None:
                clean.append(place)
                wide.append(high[None])
            else:
                lr[place] = low
            if spot.noisy:
                noise[place] = noise_pool.draw(self.noise, side, part.stream(Purpose.NOISE, place))
        return Crops(_planes(lr), _planes(hr), _planes(noise), tuple(clean), _planes(np.concatenate(wide)), context)

    def validation(self) -> list[Pair]:
        """The held-out pairs, in order of id."""
        return [Pair(spot.id, self._lr(spot), self._hr(spot)) for spot in self.held_out]

    def _windows(self, spot: Spot, side: int, square: Square) -> tuple[Pixels, Pixels | None]:
        """A square of `side` LR pixels: HR, and LR where there is one."""
        places = (place * self.scale for place in (square.top, square.left, side))
        high = _turned(_window(self._hr(spot), *places), square)
        if spot.lr is None:
            return high, None
        return high, _turned(_window(self._lr(spot), square.top, square.left, side), square)

    def _context(self, crop: int) -> int:
        """In HR pixels, of the crops that are degraded as they are drawn; 0 where there are none."""
        if all(spot.lr is not None for spot in self.training):
            return 0
        return self.scale * math.ceil(CONTEXT * crop / self.scale)

    def _lr(self, spot: Spot) -> Pixels:
        if spot.lr is None:
            raise ValueError(f"{spot.id} has no LR image: its crops are degraded as they are drawn")
        return _view(self.lr, spot.lr, spot.height, spot.width)

    def _hr(self, spot: Spot) -> Pixels:
        return _view(self.hr, spot.hr, spot.height * self.scale, spot.width * self.scale)

    def _largest_crop(self, spot: Spot) -> int:
        """The side in HR pixels of the largest crop of an image, with its context where it is degraded."""
        side = self.scale * min(spot.height, spot.width)
        return side if spot.lr is not None else int((side - 2 * self.scale) / (1 + 2 * CONTEXT))

    def _refuse_crop(self, crop: int) -> None:
        smallest = min(self.training, key=self._largest_crop)
        largest = self._largest_crop(smallest)
        if crop > largest:
            around = "" if smallest.lr is not None else " with the context that its degradation needs"
            raise UserError(
                f"a crop of {crop} pixels{around} is larger than the HR image {smallest.id} ("
                f"{smallest.width * self.scale}x{smallest.height * self.scale}): lower <preset>.trunk.crop and "
                f"<preset>.training.crop in params.yaml to {largest} or less."
            )
        if len(self.noise) and crop // self.scale > self.noise.shape[1]:
            raise UserError(
                f"a crop of {crop} pixels needs noise patches of at least {crop // self.scale} pixels: raise "
                "recipe.noise_patch in <preset>.datasets of params.yaml, or lower <preset>.trunk.crop and "
                "<preset>.training.crop."
            )


def _view(flat: Pixels, offset: int, height: int, width: int) -> Pixels:
    return flat[offset : offset + height * width * 3].reshape(height, width, 3)


def _window(image: Pixels, top: int, left: int, side: int) -> Pixels:
    return image[top : top + side, left : left + side]


def _turned(image: Pixels, square: Square) -> Pixels:
    """One of the eight symmetries of a square. OpenCV turns a crop thirty times faster than a strided copy does."""
    flipped = cv2.flip(image, 1) if square.flip else image
    return np.asarray(cv2.rotate(flipped, TURNS[square.turns]) if square.turns else flipped, np.uint8)


def _planes(images: Pixels) -> torch.Tensor:
    """N x H x W x 3 as N x 3 x H x W, without a copy."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)
