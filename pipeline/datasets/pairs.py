"""The training and validation images of a dataset as a pack: real pairs and photographs as they are, clean images
with their LR.

Recipes: facts/methods.md 1.10 (Impressionism, both tracks) and 1.8 (Real-ESRGAN's second order).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline import streams
from pipeline.datasets.images import Pixels
from pipeline.datasets.packing import Writer
from pipeline.datasets.pools import Pools, noisy
from pipeline.datasets.splits import Row
from pipeline.degradations import kernels, second_order
from pipeline.degradations.bicubic import downscale_uint8
from pipeline.degradations.rounding import to_uint8
from pipeline.errors import UserError
from pipeline.progress import progress
from pipeline.settings import Recipe
from pipeline.streams import Purpose

CLEAN_UP = 2
"""Impressionism halves its corrupted source photographs: what noise they have is averaged away."""


@dataclass(frozen=True)
class Degrade:
    """How a dataset's clean images get LR images. Every choice is a function of the seed and the image's id."""

    recipe: Recipe
    pools: Pools
    scale: int
    seed: int

    def lr(self, hr: Pixels, id_: str) -> Pixels:
        """The LR image without the pool's noise, which training lays on crop by crop."""
        if self.recipe.kind == "second_order":
            stream = self._stream(Purpose.VALIDATION_DEGRADATION, id_)
            return _pixels(second_order.degrade(_tensor(hr), self.scale, [stream]))
        if self.recipe.kind == "kernels":
            pool = self.pools.kernels
            kernel = pool[self._stream(Purpose.KERNEL, id_).integers(len(pool))]
            return _pixels(kernels.apply(_tensor(hr), torch.from_numpy(kernel)[None], self.scale))
        return downscale_uint8(hr, self.scale)

    def whole(self, hr: Pixels, id_: str) -> Pixels:
        """The LR image of a validation image, with noise that training never sees."""
        lr, pool = self.lr(hr, id_), self.pools.held_out
        return noisy(lr, pool, self._stream(Purpose.VALIDATION_NOISE, id_)) if len(pool) else lr

    def _stream(self, purpose: Purpose, id_: str) -> np.random.Generator:
        return streams.generator(self.seed, purpose, id_)


def write_pack(
    dataset: str,
    rows: Sequence[Row],
    raw: Path,
    degrade: Degrade | None,
    scale: int,
    folder: Path,
    *,
    real_share: float | None = None,
) -> None:
    """Fill an empty `folder` with the pack of a dataset.

    Args:
        rows: its manifest, whose images lie under `raw`.
        degrade: for its clean images; None where it has none.
        real_share: of its real pairs among training crops; None where every image is equally likely.

    Raises `UserError` when nothing is there to train on or to validate with, or of the two kinds of images that
    `real_share` is about one is not there.
    """
    wanted = [row for row in rows if row.role != "test"]
    held_out = [row for row in wanted if row.role == "validation"]
    if not held_out or len(held_out) == len(wanted):
        raise UserError(
            f"{dataset} has {len(wanted) - len(held_out)} images to train on and {len(held_out)} for validation; "
            "it needs both. Give it such roles in <preset>.datasets of params.yaml, or take it off "
            "study.training_sets."
        )
    if real_share is not None and len({row.role == "train" for row in wanted if row.role != "validation"}) < 2:
        raise UserError(
            f"{dataset} has a real_share, but not both real pairs (role train) and clean images (role source or "
            f"target) to train on. Leave <preset>.datasets.{dataset}.real_share out of params.yaml."
        )
    writer = Writer(folder, scale)
    with progress(f"pack {dataset}", len(wanted)) as meter:
        for row in wanted:
            _add(writer, row, raw, degrade)
            meter.update()
    writer.close(degrade.pools.noise if degrade else np.empty((0, 1, 1, 3), np.uint8), real_share)


def _add(writer: Writer, row: Row, raw: Path, degrade: Degrade | None) -> None:
    if row.hr and row.lr:
        kind = "validation" if row.role == "validation" else "training"
        writer.add(kind, row.id, row.read(raw, "lr"), row.read(raw, "hr"))
        return
    if degrade is None:
        raise UserError(
            f"{row.hr or row.lr} has no counterpart, and its dataset in params.yaml no `recipe` to make one."
        )
    hr = row.read(raw, "hr" if row.hr else "lr")
    if row.role == "source":
        writer.add_real(row.id, hr)
        hr = downscale_uint8(_cropped(hr, CLEAN_UP), CLEAN_UP)
    hr = _cropped(hr, degrade.scale)
    if row.role == "validation":
        writer.add("validation", row.id, degrade.whole(hr, row.id), hr)
    elif degrade.recipe.kind == "second_order":
        writer.add_clean(row.id, hr)
    else:
        writer.add("training", row.id, degrade.lr(hr, row.id), hr, noisy=True)


def _cropped(image: Pixels, multiple: int) -> Pixels:
    """The top left part whose sides are multiples of `multiple`."""
    height, width = (side - side % multiple for side in image.shape[:2])
    return image[:height, :width]


def _tensor(image: Pixels) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def _pixels(images: torch.Tensor) -> Pixels:
    return to_uint8(images[0].permute(1, 2, 0).numpy() * 255)
