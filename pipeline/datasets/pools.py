"""The pools of a dataset: what its real LR images tell of their camera, to be put on clean images.

Noise patches (facts/methods.md 1.10) and, for the recipe `kernels`, blur kernels that KernelGAN estimates (1.4).
Both come from the images of role `source`, or where there are none from the LR images of the pairs. Validation
images get noise that training never lays on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.code import code_hash
from pipeline.datasets.images import Pixels
from pipeline.datasets.splits import Row
from pipeline.degradations import noise_pool
from pipeline.degradations.rounding import to_uint8
from pipeline.errors import UserError
from pipeline.files import fingerprint, whole_file
from pipeline.progress import progress
from pipeline.settings import Recipe

NOISE, KERNELS, HELD_OUT = "noise.npy", "kernels.npy", "held_out.npy"

HELD_OUT_SHARE = 5
"""Of so many noise patches the last one is kept for the validation images."""


@dataclass(frozen=True)
class Pools:
    """What real LR images tell; any of the three may be empty.

    Attributes:
        noise: uint8, N x p x p x 3, for training images.
        kernels: float32, M x k x k, each of sum 1.
        held_out: as `noise`, for validation images; no patch is in both.
    """

    noise: Pixels
    kernels: NDArray[np.float32]
    held_out: Pixels

    def write(self, folder: Path) -> None:
        """Fill an empty folder."""
        for name, values in ((NOISE, self.noise), (KERNELS, self.kernels), (HELD_OUT, self.held_out)):
            np.save(folder / name, values)

    @classmethod
    def read(cls, folder: Path) -> "Pools":
        """Raises `UserError` when a file is missing or broken."""
        try:
            return cls(*(np.load(folder / name) for name in (NOISE, KERNELS, HELD_OUT)))
        except (OSError, ValueError) as error:
            raise UserError(f"{folder} holds no pools ({error}). Delete it and run `dvc repro`.") from None


def make(rows: Sequence[Row], raw: Path, recipe: Recipe | None, seed: int, kept: Path) -> Pools:
    """The pools that a recipe asks for; empty where it asks for none.

    Args:
        rows: the manifest of the dataset, whose images lie under `raw`.
        kept: a folder where estimated kernels stay, so that an interruption costs one image at most.

    Raises `UserError` when there is no image to take them from, or no noise patch is found.
    """
    kernels, nothing = np.empty((0, 1, 1), np.float32), np.empty((0, 1, 1, 3), np.uint8)
    if recipe is None or recipe.kind == "second_order":
        return Pools(nothing, kernels, nothing)
    donors = [row for row in rows if row.role == "source"] or [row for row in rows if row.role == "train"]
    noise, held_out = collect_noise((row.read(raw, "lr") for row in donors), len(donors), recipe), nothing
    if any(row.role == "validation" and not (row.hr and row.lr) for row in rows):
        noise, held_out = _divided(noise)
    if recipe.kind == "kernels":
        chosen = _evenly(donors, recipe.kernel_images or len(donors))
        kernels = np.stack([_kernel(row, raw, recipe, seed, kept) for row in chosen])
    return Pools(noise, kernels, held_out)


def collect_noise(photographs: Iterable[Pixels], count: int, recipe: Recipe) -> Pixels:
    """The smooth patches of `count` photographs, N x p x p x 3. Raises `UserError` when there is none."""
    side, variance = recipe.noise_patch or 0, recipe.noise_variance or 0.0
    found = [np.empty((0, side, side, 3), np.uint8)]
    with progress("collect noise", count) as meter:
        for photograph in photographs:
            found.append(noise_pool.collect(photograph, side, variance))
            meter.update()
    pool = np.concatenate(found)
    if not len(pool):
        raise UserError(
            f"no patch of {side} pixels in {count} real LR images has a grey variance under {variance}: {_REMEDY}"
        )
    return pool


_REMEDY = "raise recipe.noise_variance or lower recipe.noise_patch in <preset>.datasets of params.yaml."


def _divided(pool: Pixels) -> tuple[Pixels, Pixels]:
    """The patches that training sees, and those of the validation images. Raises `UserError` for a single patch."""
    if len(pool) < 2:
        raise UserError(
            f"the real LR images have one noise patch; training and validation need one each: {_REMEDY}"
        )
    at = len(pool) - max(1, len(pool) // HELD_OUT_SHARE)
    return pool[:at], pool[at:]


def noisy(lr: Pixels, pool: Pixels, rng: np.random.Generator) -> Pixels:
    """A whole LR image, H x W x 3, with pool noise: patch beside patch, each drawn and centred by itself."""
    size = pool.shape[1]
    result = np.empty_like(lr)
    for top in range(0, lr.shape[0], size):
        for left in range(0, lr.shape[1], size):
            tile = lr[top : top + size, left : left + size]
            patch = noise_pool.draw(pool, size, rng)[: tile.shape[0], : tile.shape[1]]
            levels, noise = (torch.from_numpy(part.copy()).permute(2, 0, 1)[None] / 255 for part in (tile, patch))
            laid = noise_pool.inject(levels, noise)[0].permute(1, 2, 0).numpy()
            result[top : top + size, left : left + size] = to_uint8(laid * 255)
    return result


def _kernel(row: Row, raw: Path, recipe: Recipe, seed: int, kept: Path) -> NDArray[np.float32]:
    """KernelGAN's kernel of one image, estimated once for equal images, settings, CPU threads and code."""
    iterations = recipe.kernel_iterations or 0
    code = code_hash("pipeline.degradations.kernelgan", "pipeline.datasets.images")
    file = kept / f"{fingerprint([row.lr_sha256, seed, iterations, torch.get_num_threads(), code])}.npy"
    if not file.exists():
        from pipeline.degradations import kernelgan

        kernel = kernelgan.estimate(row.read(raw, "lr"), seed, iterations)
        with whole_file(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, kernel)
    found: NDArray[np.float32] = np.load(file)
    return found


def _evenly(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows, spread over all of them."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [rows[place] for place in places]
