"""Packs: a dataset's training and validation pairs in flat, memory-mapped arrays, and the crops cut from them.

A crop is a function of (seed, iteration, k) alone, k being its place in the global batch, so that a run does not
depend on how many processes share a batch or on when it was resumed.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels
from pipeline.datasets.packing import HR, INDEX, LR, NOISE, Spot
from pipeline.degradations import noise_pool
from pipeline.errors import UserError
from pipeline.files import read_json

Floats = NDArray[np.float32]


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

    def crops(
        self, seed: int, iteration: int, first: int, count: int, crop: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Samples k = first .. first + count - 1 of an iteration's batch.

        Args:
            seed: of the run.
            iteration: of the training, from 0.
            first: place of the first sample in the global batch.
            count: how many samples.
            crop: side of an HR crop in pixels, a multiple of the scale.

        Returns:
            LR (count x 3 x crop/scale x crop/scale) and HR (count x 3 x crop x crop), float32 in [0, 1]: a random
            crop of a random training pair, flipped or turned as one, with noise on the LR where there is a pool.
            Raises `UserError` when a training image, or a noise patch, is smaller than the crop.
        """
        self._refuse_crop(crop)
        samples = [
            self._sample(np.random.default_rng([seed, iteration, k]), crop) for k in range(first, first + count)
        ]
        lr, hr = (np.stack(side).transpose(0, 3, 1, 2) for side in zip(*samples, strict=True))
        return torch.from_numpy(np.ascontiguousarray(lr)), torch.from_numpy(np.ascontiguousarray(hr))

    def validation(self) -> list[Pair]:
        """The held-out pairs, in order of id."""
        return [Pair(spot.id, self._lr(spot), self._hr(spot)) for spot in self.held_out]

    def _sample(self, rng: np.random.Generator, crop: int) -> tuple[Floats, Floats]:
        """An aligned LR and HR crop, H x W x 3."""
        side = crop // self.scale
        spot = self.training[rng.integers(len(self.training))]
        top, left = rng.integers([spot.height - side + 1, spot.width - side + 1])
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        lr = _turned(_window(self._lr(spot), top, left, side), turns, flip)
        hr = _turned(_window(self._hr(spot), top * self.scale, left * self.scale, crop), turns, flip)
        if len(self.noise):
            lr = noise_pool.inject(lr, noise_pool.draw(self.noise, side, rng))
        return lr, hr

    def _lr(self, spot: Spot) -> Pixels:
        return _view(self.lr, spot.lr, spot.height, spot.width)

    def _hr(self, spot: Spot) -> Pixels:
        return _view(self.hr, spot.hr, spot.height * self.scale, spot.width * self.scale)

    def _refuse_crop(self, crop: int) -> None:
        smallest = min(self.training, key=lambda spot: min(spot.height, spot.width))
        side = self.scale * min(smallest.height, smallest.width)
        if crop > side:
            raise UserError(
                f"a crop of {crop} pixels is larger than the HR image {smallest.id} ({smallest.width * self.scale}x"
                f"{smallest.height * self.scale}): lower <preset>.trunk.crop or <preset>.training.crop in "
                f"params.yaml to {side} or less, or raise <preset>.datasets.*.size."
            )
        if len(self.noise) and crop // self.scale > self.noise.shape[1]:
            raise UserError(
                f"a crop of {crop} pixels needs noise patches of at least {crop // self.scale} pixels: raise "
                "<preset>.degradation.noise_patch in params.yaml, or lower <preset>.trunk.crop and "
                "<preset>.training.crop."
            )


def _view(flat: Pixels, offset: int, height: int, width: int) -> Pixels:
    return flat[offset : offset + height * width * 3].reshape(height, width, 3)


def _window(image: Pixels, top: int, left: int, side: int) -> Floats:
    return image[top : top + side, left : left + side].astype(np.float32) / np.float32(255)


def _turned(image: Floats, turns: int, flip: bool) -> Floats:
    """One of the eight symmetries of a square."""
    return np.rot90(image[:, ::-1] if flip else image, turns)
