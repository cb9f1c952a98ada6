"""The noise pool of Impressionism (facts/methods.md 1.10): noise cut from smooth regions, put on clean LR images.

Where a photograph is smooth, what varies is its sensor noise and compression. `collect` finds such patches in the
source photographs; `draw` cuts a crop of one; `inject` lays such crops over synthetic LR images.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def collect(image: NDArray[np.uint8], size: int, largest_variance: float) -> NDArray[np.uint8]:
    """The smooth patches of a photograph: H x W x 3 to N x size x size x 3.

    Patches lie on a grid of stride `size`; kept are those whose grey levels (ITU-R 601, 0 to 255) have a variance
    under `largest_variance` and a mean over 0 (the `df2k` rule of the authors' `collect_noise.py`). Unlike there,
    a last patch that ends exactly at the border counts.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    rows, columns = image.shape[0] // size, image.shape[1] // size
    levels = _grid(grey[..., None], rows, columns, size)
    smooth = (levels.var(axis=(1, 2, 3)) < largest_variance) & (levels.mean(axis=(1, 2, 3)) > 0)
    patches: NDArray[np.uint8] = _grid(image, rows, columns, size)[smooth]
    return patches


def inject(lr: Tensor, noise: Tensor) -> Tensor:
    """Add to each LR image its noise crop, less the crop's mean in each channel, and clamp.

    Args:
        lr: N x 3 x h x w in [0, 1].
        noise: N x 3 x h x w in [0, 1], crops of patches of the pool (`draw`); a crop of zeros adds nothing.
    """
    return (lr + noise - noise.mean(dim=(2, 3), keepdim=True)).clamp(0, 1)


def draw(pool: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random side x side x 3 crop of a random patch of the pool (N x p x p x 3, p at least `side`)."""
    patch: NDArray[np.uint8] = pool[rng.integers(len(pool))]
    top, left = rng.integers(pool.shape[1] - side + 1, size=2)
    return patch[top : top + side, left : left + side]


def _grid(image: NDArray[np.generic], rows: int, columns: int, size: int) -> NDArray[np.generic]:
    """The patches of a grid, row by row: (rows * columns) x size x size x channels."""
    whole = image[: rows * size, : columns * size].reshape(rows, size, columns, size, image.shape[2])
    return whole.swapaxes(1, 2).reshape(rows * columns, size, size, image.shape[2])
