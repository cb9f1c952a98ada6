"""The training and validation pairs of each dataset, made from its raw images and written as a pack."""

from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np

from pipeline.datasets.images import Pixels, read_rgb
from pipeline.datasets.packing import Writer
from pipeline.datasets.splits import Row
from pipeline.degradations import noise_pool
from pipeline.degradations.bicubic import downscale_uint8
from pipeline.degradations.rounding import to_uint8
from pipeline.errors import UserError
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Degradation

CLEAN_UP = 2
"""Impressionism halves its corrupted source photographs: what noise they have is averaged away."""


def write_pack(
    dataset: Dataset, rows: list[Row], raw: Path, degradation: Degradation, seed: int, folder: Path
) -> None:
    """Fill an empty `folder` with the pack of a dataset.

    `rows` is its manifest, `raw` the folder that it speaks of. `seed` decides the noise on validation images that
    have none of their own. Raises `UserError` when nothing is there to train on or no noise patch is found.
    """
    wanted = [row for row in rows if row.role != "test"]
    if all(row.role == "validation" for row in wanted):
        raise UserError(
            f"{dataset} has no training images: it is an evaluation set, take it off study.training_sets."
        )
    writer = Writer(folder, SCALES[dataset])
    if dataset == "ntire2020":
        _unpaired(wanted, raw, degradation, seed, writer)
    else:
        _paired(wanted, raw, degradation, writer)


def _paired(rows: list[Row], raw: Path, degradation: Degradation, writer: Writer) -> None:
    for row in _shown(rows):
        kind = "validation" if row.role == "validation" else "training"
        writer.add(kind, row.id, read_rgb(raw / row.lr), read_rgb(raw / row.hr))
    writer.close(np.empty((0, degradation.noise_patch, degradation.noise_patch, 3), np.uint8))


def _unpaired(rows: list[Row], raw: Path, degradation: Degradation, seed: int, writer: Writer) -> None:
    """Impressionism track 1 (facts/methods.md 1.10): no blur kernel, bicubic LR, noise of the source photographs.

    The noise goes on training crops as they are drawn; a validation image gets its own here.
    """
    sources = [row for row in rows if row.role == "source"]
    noise = _pool(sources, raw, degradation)
    for row in _shown(rows):
        image = read_rgb(raw / (row.lr or row.hr))
        hr = _cropped(
            downscale_uint8(_cropped(image, CLEAN_UP), CLEAN_UP) if row.role == "source" else image, writer.scale
        )
        lr = downscale_uint8(hr, writer.scale)
        if row.role == "validation":
            lr = noisy(lr, noise, np.random.default_rng([seed, crc32(row.id.encode())]))
        writer.add("validation" if row.role == "validation" else "training", row.id, lr, hr)
    writer.close(noise)


def noisy(lr: Pixels, pool: Pixels, rng: np.random.Generator) -> Pixels:
    """A whole LR image with pool noise: patch beside patch, each drawn and centred by itself."""
    size = pool.shape[1]
    result = lr.astype(np.float32) / np.float32(255)
    for top in range(0, lr.shape[0], size):
        for left in range(0, lr.shape[1], size):
            tile = result[top : top + size, left : left + size]
            patch = noise_pool.draw(pool, size, rng)[: tile.shape[0], : tile.shape[1]]
            result[top : top + size, left : left + size] = noise_pool.inject(tile, patch)
    return to_uint8(result * 255)


def _pool(sources: list[Row], raw: Path, degradation: Degradation) -> Pixels:
    found = [
        noise_pool.collect(read_rgb(raw / row.lr), degradation.noise_patch, degradation.noise_variance)
        for row in _shown(sources, "noise")
    ]
    pool = np.concatenate(found)
    if not len(pool):
        raise UserError(
            f"no patch of {degradation.noise_patch} pixels in the {len(sources)} source images of ntire2020 has a "
            f"grey variance under {degradation.noise_variance}: raise <preset>.degradation.noise_variance or lower "
            "<preset>.degradation.noise_patch in params.yaml."
        )
    return pool


def _cropped(image: Pixels, multiple: int) -> Pixels:
    """The top left part whose sides are multiples of `multiple`."""
    height, width = (side - side % multiple for side in image.shape[:2])
    return image[:height, :width]


def _shown(rows: list[Row], label: str = "pack") -> Iterator[Row]:
    with progress(label, len(rows)) as meter:
        for row in rows:
            yield row
            meter.update()
