"""Contact sheets: what a pool of noise patches or of blur kernels looks like, as one picture and its caption."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels
from pipeline.degradations.rounding import to_uint8

SHOWN = 64
AMPLIFICATION = 8
"""Of noise: a standard deviation of 3 grey levels cannot be seen on a screen, one of 24 can."""

_VIEW = 64
"""Side in pixels of what is shown of a patch: noise hardly compresses, and a report should stay small."""
_NOISE_A_ROW, _KERNELS_A_ROW = 8, 8
"""Narrow enough to be seen pixel by pixel: a browser that shrinks a sheet averages the noise away."""
_GAP = 6
_SEAM = 2
_PAPER = 255
_MID_GREY = 128
_KERNEL_SIDE = 120
_MARK = np.array([255, 96, 0], np.uint8)


def noise_sheet(patches: NDArray[np.uint8]) -> Pixels:
    """The middle of at most `SHOWN` patches, as it is and, on its right, less the patch's mean and amplified.

    Args:
        patches: N x p x p x 3, RGB, N at least 1.

    Returns:
        H x W x 3, RGB. What is amplified is what `noise_pool.inject` lays on an image (the patch less its mean in
        each channel), on mid-grey and clamped.
    """
    chosen = patches[_evenly(len(patches))]
    means = chosen.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    first = (chosen.shape[1] - min(_VIEW, chosen.shape[1])) // 2
    shown = chosen[:, first : first + _VIEW, first : first + _VIEW]
    seam = np.full((*shown.shape[:2], _SEAM, 3), _PAPER, np.uint8)
    amplified = to_uint8(_MID_GREY + AMPLIFICATION * (shown - means))
    return _sheet(np.concatenate([shown, seam, amplified], axis=2), _NOISE_A_ROW)


def noise_caption(patches: NDArray[np.uint8]) -> str:
    """What `noise_sheet` shows, and the standard deviation of the grey levels over the whole pool."""
    return (
        f"{_share(len(patches))} noise patches of the pool, evenly chosen, {patches.shape[1]} × {patches.shape[2]} "
        f"pixels each{_part(patches.shape[1])}. Left: the patch as it is. Right: less its mean in each channel, "
        f"{AMPLIFICATION} times as strong, on mid-grey; what has a shape there is picture, not noise. Standard "
        f"deviation of a patch's grey levels (0 to 255): {_spread(_grey_deviations(patches))}."
    )


def kernel_sheet(kernels: NDArray[np.float32]) -> Pixels:
    """At most `SHOWN` kernels, each from black (0 or less) to white (its own maximum), with a cross at its centre.

    Args:
        kernels: N x k x k, N at least 1, each with a positive maximum.

    Returns:
        H x W x 3, RGB. A kernel's values are squares of `_enlargement(k)` pixels.
    """
    chosen = kernels[_evenly(len(kernels))]
    levels = to_uint8(255 * chosen / chosen.max(axis=(1, 2), keepdims=True))
    scale = _enlargement(kernels.shape[1])
    cells = np.repeat(levels.repeat(scale, axis=1).repeat(scale, axis=2)[..., None], 3, axis=3)
    # The centre of an even side lies between two pixels, so the cross is as wide as both; half seen through.
    middle = slice((cells.shape[1] - 1) // 2, cells.shape[1] // 2 + 1)
    cross = np.zeros(cells.shape[1:3], np.bool_)
    cross[middle] = cross[:, middle] = True
    cells[:, cross] = cells[:, cross] // 2 + _MARK // 2
    return _sheet(cells, _KERNELS_A_ROW)


def kernel_caption(kernels: NDArray[np.float32]) -> str:
    """What `kernel_sheet` shows, and how wide the kernels of the whole pool are."""
    side = kernels.shape[1]
    return (
        f"{_share(len(kernels))} blur kernels of the pool, evenly chosen, {side} × {side} values each, enlarged "
        f"{_enlargement(side)} times. Each goes from black (0 or less) to white (its own maximum); the cross marks "
        "its centre. Standard deviation of a kernel about its centre of mass, in pixels: "
        f"{_spread(_widths(kernels))}."
    )


def _evenly(count: int) -> NDArray[np.intp]:
    """Places of at most `SHOWN` entries, evenly through `count`, the first and the last among them."""
    return np.linspace(0, count - 1, min(SHOWN, count)).round().astype(np.intp)


def _part(side: int) -> str:
    return f", of which the middle {_VIEW} × {_VIEW} are shown" if side > _VIEW else ""


def _share(count: int) -> str:
    return f"{min(SHOWN, count)} of the {count}"


def _spread(values: NDArray[np.float64]) -> str:
    return f"median {np.median(values):.2f}, from {values.min():.2f} to {values.max():.2f}"


def _grey_deviations(patches: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of each patch, in the grey levels (ITU-R 601) by which the pool was collected."""
    return np.array([cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).std() for patch in patches])


def _widths(kernels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of each kernel as a mass on the grid: the root of its variance, the mean of the two axes."""
    mass = kernels.astype(np.float64).clip(0)
    mass /= mass.sum(axis=(1, 2), keepdims=True)
    places = np.arange(kernels.shape[1])
    along = np.stack([mass.sum(axis=2), mass.sum(axis=1)])
    variances = along @ places**2 - (along @ places) ** 2
    widths: NDArray[np.float64] = np.sqrt(variances.mean(axis=0).clip(0))
    return widths


def _enlargement(side: int) -> int:
    return max(1, _KERNEL_SIDE // side)


def _sheet(cells: Pixels, a_row: int) -> Pixels:
    """N x h x w x 3 cells in rows of at most `a_row`, on white."""
    count, height, width, channels = cells.shape
    columns = min(a_row, count)
    rows = -(-count // columns)
    height, width = height + _GAP, width + _GAP
    framed = np.full((rows * columns, height, width, channels), _PAPER, np.uint8)
    framed[:count, _GAP:, _GAP:] = cells
    sheet = framed.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, channels)
    return np.pad(sheet, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_PAPER)
