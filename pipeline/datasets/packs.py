"""Packs: a dataset's training and validation images in flat, memory-mapped arrays, and the crops cut from them."""

import math
from collections.abc import Callable, Sequence
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
from pipeline.settings import KINDS
from pipeline.streams import Purpose

CONTEXT = 72 / 256
"""HR context on each side of a crop that is degraded, as a share of it: Real-ESRGAN cuts 256 px out of 400."""

TURNS = (-1, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
"""OpenCV's names of 0 to 3 quarter turns."""


@dataclass(frozen=True)
class Pairs:
    """A batch of aligned crops, uint8, N x 3 x height x width.

    Attributes:
        lr: N x 3 x crop/scale x crop/scale; zeros in the places named by `degraded`.
        hr: N x 3 x crop x crop.
        noise: as `lr`, crops of the noise pool to be laid on it (`noise_pool.inject`); zeros lay nothing.
        degraded: the places in the batch whose LR crop is to be made of the HR crop.
        wide: for each of them its HR crop with `context` more pixels on every side, M x 3 x w x w.
        context: in HR pixels, a multiple of the scale.
    """

    lr: torch.Tensor
    hr: torch.Tensor
    noise: torch.Tensor
    degraded: tuple[int, ...]
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
    """An open pack.

    Attributes:
        images: those of the training pairs.
        clean_images, photographs: those of the kinds `clean` and `real`.
        held_out: the validation pairs.
    """

    scale: int
    images: Images
    clean_images: tuple[Spot, ...]
    photographs: tuple[Spot, ...]
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
            pairs, clean, real, held_out = (
                tuple(Spot(**spot) for spot in index[name]) for name in (*KINDS, "validation")
            )
            images = Images(pairs, index["real_share"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder} is not a whole pack ({error}). Delete it and run `dvc repro`.") from None
        return cls(index["scale"], images, clean, real, held_out, lr, hr, noise)

    @property
    def training(self) -> tuple[Spot, ...]:
        """Where the training pairs lie."""
        return self.images.spots

    def pairs(self, part: Slice, crop: int) -> Pairs:
        """The samples of a slice of a batch: random crops of random training images, LR and HR turned as one.

        Args:
            part: which samples.
            crop: side of an HR crop in pixels, a multiple of the scale.

        Raises `UserError` when a training image, or a noise patch, is smaller than the crop.
        """
        side, width = crop // self.scale, self._context(crop)
        self._refuse_crop(self.training, crop)
        self._refuse_noise(crop)
        lr, noise = (np.zeros((part.count, side, side, 3), np.uint8) for _ in range(2))
        hr = np.empty((part.count, crop, crop, 3), np.uint8)
        degraded, wide = [], [np.empty((0, *[crop + 2 * width] * 2, 3), np.uint8)]
        for place in range(part.count):
            rng = part.stream(Purpose.CROP, place)
            spot = self.images.draw(rng)
            around = width if spot.lr is None else 0
            square = draw_square(spot, side + 2 * around // self.scale, rng)
            high = self._hr_crop(spot, square)
            hr[place] = high[around : around + crop, around : around + crop]
            if spot.lr is None:
                degraded.append(place)
                wide.append(high[None])
            else:
                lr[place] = self._lr_crop(spot, square)
            if spot.noisy:
                noise[place] = noise_pool.draw(self.noise, side, part.stream(Purpose.NOISE, place))
        return Pairs(
            _planes(lr), _planes(hr), _planes(noise), tuple(degraded), _planes(np.concatenate(wide)), width
        )

    def clean(self, part: Slice, crop: int) -> torch.Tensor:
        """As many random HR crops of clean images, turned and flipped, with context for a degradation.

        Clean are the images of which `pairs` makes LR images, or the HR images of the pairs where there are none.

        Arguments and errors as of `pairs`. Returns uint8, N x 3 x w x w, w = crop + 2 `context(crop, scale)`.
        """
        side = (crop + 2 * context(crop, self.scale)) // self.scale
        self._refuse_crop(self.clean_images, crop)
        return _drawn(self.clean_images, part, Purpose.CLEAN_CROP, side, self._hr_crop)

    def real(self, part: Slice, crop: int) -> torch.Tensor:
        """As many random LR crops of real photographs, turned and flipped: source photographs as they are, and the
        LR images of real pairs.

        Arguments and errors as of `pairs`. Returns uint8, N x 3 x crop/scale x crop/scale.
        """
        self._refuse_crop(self.photographs, crop)
        return _drawn(self.photographs, part, Purpose.REAL_CROP, crop // self.scale, self._lr_crop)

    def validation(self) -> list[Pair]:
        """The held-out pairs, in order of id."""
        return [Pair(spot.id, self._lr(spot), self._hr(spot)) for spot in self.held_out]

    def _lr_crop(self, spot: Spot, square: Square) -> Pixels:
        return _cut(self._lr(spot), square, 1)

    def _hr_crop(self, spot: Spot, square: Square) -> Pixels:
        return _cut(self._hr(spot), square, self.scale)

    def _context(self, crop: int) -> int:
        """In HR pixels, of the pairs that are degraded as they are drawn; 0 where there are none."""
        return 0 if all(spot.lr is not None for spot in self.training) else context(crop, self.scale)

    def _lr(self, spot: Spot) -> Pixels:
        if spot.lr is None:
            raise ValueError(f"{spot.id} has no LR image: its crops are degraded as they are drawn")
        return _view(self.lr, spot.lr, spot.height, spot.width)

    def _hr(self, spot: Spot) -> Pixels:
        if spot.hr is None:
            raise ValueError(f"{spot.id} has no HR image: it is a photograph without counterpart")
        return _view(self.hr, spot.hr, spot.height * self.scale, spot.width * self.scale)

    def _largest_crop(self, spot: Spot) -> int:
        """The side in HR pixels of the largest crop of an image, which needs context where it is degraded."""
        side = self.scale * min(spot.height, spot.width)
        return side if spot.lr is not None else int((side - 2 * self.scale) / (1 + 2 * CONTEXT))

    def _refuse_crop(self, spots: Sequence[Spot], crop: int) -> None:
        smallest = min(spots, key=self._largest_crop)
        largest = self._largest_crop(smallest)
        if crop > largest:
            around = "" if smallest.lr is not None else " with the context that its degradation needs"
            side, factor = ("HR", self.scale) if smallest.hr is not None else (f"LR (scale {self.scale})", 1)
            raise UserError(
                f"a crop of {crop} pixels{around} is larger than the {side} image {smallest.id} ("
                f"{smallest.width * factor}x{smallest.height * factor}): lower <preset>.trunk.crop and "
                f"<preset>.training.crop in params.yaml to {largest} or less."
            )

    def _refuse_noise(self, crop: int) -> None:
        if len(self.noise) and crop // self.scale > self.noise.shape[1]:
            raise UserError(
                f"a crop of {crop} pixels needs noise patches of at least {crop // self.scale} pixels: raise "
                "recipe.noise_patch in <preset>.datasets of params.yaml, or lower <preset>.trunk.crop and "
                "<preset>.training.crop."
            )


def _view(flat: Pixels, offset: int, height: int, width: int) -> Pixels:
    return flat[offset : offset + height * width * 3].reshape(height, width, 3)


def context(crop: int, scale: int) -> int:
    """How many HR pixels a crop that is degraded has on each side, beside its own; a multiple of the scale."""
    return scale * math.ceil(CONTEXT * crop / scale)


def _drawn(
    spots: Sequence[Spot], part: Slice, purpose: Purpose, side: int, cut: Callable[[Spot, Square], Pixels]
) -> torch.Tensor:
    """Crops of `side` LR pixels, each of a random one of `spots`."""
    crops = []
    for place in range(part.count):
        rng = part.stream(purpose, place)
        spot = spots[int(rng.integers(len(spots)))]
        crops.append(cut(spot, draw_square(spot, side, rng)))
    return _planes(np.stack(crops))


def _cut(image: Pixels, square: Square, factor: int) -> Pixels:
    """A square, in units of `factor` pixels, of an image."""
    top, left, side = (factor * length for length in (square.top, square.left, square.side))
    return _turned(image[top : top + side, left : left + side], square)


def _turned(image: Pixels, square: Square) -> Pixels:
    """One of the eight symmetries of a square. OpenCV turns a crop thirty times faster than a strided copy does."""
    flipped = cv2.flip(image, 1) if square.flip else image
    return np.asarray(cv2.rotate(flipped, TURNS[square.turns]) if square.turns else flipped, np.uint8)


def _planes(images: Pixels) -> torch.Tensor:
    """N x H x W x 3 as N x 3 x H x W, without a copy."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)
