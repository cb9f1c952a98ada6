"""Methods without weights: the reference rows of the tables."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

Image = NDArray[np.uint8]
Restore = Callable[[Image], Image]


def identity(scale: int) -> Restore:
    """The LR image as it is: the reference of CameraSR, whose LR and HR images have one size."""
    if scale != 1:
        raise UserError(f"`identity` is a method at scale 1 only, not at scale {scale}; take `bicubic`")
    return np.copy


def bicubic(scale: int) -> Restore:
    """OpenCV's INTER_CUBIC (a = -0.75), 8 bit in and out: the golden 25.559 dB of facts/weights.md at scale 4."""
    if scale == 1:
        raise UserError("`bicubic` leaves an image as it is at scale 1; take `identity`")

    def restore(lr: Image) -> Image:
        size = (lr.shape[1] * scale, lr.shape[0] * scale)
        sr: Image = cv2.resize(lr, size, interpolation=cv2.INTER_CUBIC)
        return sr

    return restore
