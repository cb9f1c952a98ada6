"""Packs: a dataset's training and validation pairs in flat, memory-mapped arrays, and the crops cut from them.

A crop is a function of (seed, iteration, k) alone, k being its place in the global batch, so that a run does not
depend on how many processes share a batch or on when it was resumed.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from pipeline.datasets.images import Pixels
from pipeline.datasets.packing import HR, INDEX, LR, NOISE, Spot
from pipeline.degradations import noise_pool
from pipeline.errors import UserError
from pipeline.files import read_json

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
    """An open pack. `content` is the hex sha256 of everything in it."""

    scale: int
    content: str
    training: tuple[Spot, ...]
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
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} is not a whole pack ({error}). Delete it and run `dvc repro`.") from None
        spots = {role: tuple(Spot(**spot) for spot in index[role]) for role in ("training", "validation")}
        return cls(index["scale"], index["content"], spots["training"], spots["validation"], lr, hr, noise)

    def crops(self, seed: int, iteration: int, first: int, count: int, crop: int) -> Crops:
        """Samples k = first .. first + count - 1 of an iteration's batch.

        Each is a random crop of a random training image, LR and HR flipped or turned as one.

        Args:
            seed: of the run.
            iteration: of the training, from 0.
            first: place of the first sample in the global batch.
            count: how many samples.
            crop: side of an HR crop in pixels, a multiple of the scale.

        Raises `UserError` when a training image, or a noise patch, is smaller than the crop.
        """
        side, context = crop // self.scale, self._context(crop)
        self._refuse_crop(crop)
        lr, noise = (np.zeros((count, side, side, 3), np.uint8) for _ in range(2))
        hr = np.empty((count, crop, crop, 3), np.uint8)
        clean, wide = [], [np.empty((0, *[crop + 2 * context] * 2, 3), np.uint8)]
        for place in range(count):
            rng = np.random.default_rng([seed, iteration, first + place])
            spot = self.training[rng.integers(len(self.training))]
            around = context if spot.lr is None else 0
            high, low = self._windows(spot, side + 2 * around // self.scale, rng)
            hr[place] = high[around : around + crop, around : around + crop]
            if low is None:
                clean.append(place)
                wide.append(high[None])
            else:
                lr[place] = low
            if spot.noisy:
                noise[place] = noise_pool.draw(self.noise, side, rng)
        return Crops(_planes(lr), _planes(hr), _planes(noise), tuple(clean), _planes(np.concatenate(wide)), context)

    def validation(self) -> list[Pair]:
        """The held-out pairs, in order of id."""
        return [Pair(spot.id, self._lr(spot), self._hr(spot)) for spot in self.held_out]

    def _windows(self, spot: Spot, side: int, rng: np.random.Generator) -> tuple[Pixels, Pixels | None]:
        """A random square of `side` LR pixels: HR, and LR where there is one, turned as one."""
        top, left = rng.integers([spot.height - side + 1, spot.width - side + 1])
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        places = (place * self.scale for place in (top, left, side))
        high = _turned(_window(self._hr(spot), *places), turns, flip)
        return high, None if spot.lr is None else _turned(_window(self._lr(spot), top, left, side), turns, flip)

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


def _turned(image: Pixels, turns: int, flip: bool) -> Pixels:
    """One of the eight symmetries of a square. OpenCV turns a crop thirty times faster than a strided copy does."""
    flipped = cv2.flip(image, 1) if flip else image
    return np.asarray(cv2.rotate(flipped, TURNS[turns]) if turns else flipped, np.uint8)


def _planes(images: Pixels) -> torch.Tensor:
    """N x H x W x 3 as N x 3 x H x W, without a copy."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)
