"""Methods without weights: the reference rows of the tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.errors import UserError
from pipeline.methods.method import Image, Method


@dataclass(frozen=True)
class OneByOne:
    """A method that is a function of one image."""

    function: Callable[[Image], Image]
    scale: int

    def __call__(self, images: Sequence[Image]) -> list[Image]:
        """Restore each."""
        return [self.function(image) for image in images]

    def group(self, height: int, width: int) -> int:
        """One: more would not be faster."""
        return 1

    @property
    def network(self) -> Mapping[str, str | int]:
        """None."""
        return {}

    @property
    def how(self) -> Mapping[str, str | int | bool]:
        """There is one way."""
        return {}


def identity(scale: int) -> Method:
    """The LR image as it is: the reference of CameraSR, whose LR and HR images have one size."""
    if scale != 1:
        raise UserError(f"`identity` is a method at scale 1 only, not at scale {scale}; take `bicubic`")
    return OneByOne(np.copy, scale)


def bicubic(scale: int) -> Method:
    """OpenCV's INTER_CUBIC (a = -0.75), 8 bit in and out: the golden 25.559 dB of facts/weights.md at scale 4."""
    return _interpolation("bicubic", cv2.INTER_CUBIC, scale)


def bicubic_matlab(scale: int) -> Method:
    """MATLAB's imresize (a = -0.5), 8 bit in and out: the golden 25.047 dB of facts/weights.md on `calibration`.

    The two bicubics differ by more than rounding: on `calibration` OpenCV's has 0.08 dB more.
    """
    _refuse_scale_1("bicubic_matlab", scale)

    def enlarged(lr: Image) -> Image:
        from pipeline.degradations.bicubic import resize_uint8  # imports torch, which the other methods do not need

        return resize_uint8(lr, (lr.shape[0] * scale, lr.shape[1] * scale))

    return OneByOne(enlarged, scale)


def lanczos(scale: int) -> Method:
    """OpenCV's INTER_LANCZOS4, eight taps an axis, 8 bit in and out."""
    return _interpolation("lanczos", cv2.INTER_LANCZOS4, scale)


def _interpolation(name: str, kind: int, scale: int) -> Method:
    _refuse_scale_1(name, scale)

    def enlarged(lr: Image) -> Image:
        sr: Image = cv2.resize(lr, (lr.shape[1] * scale, lr.shape[0] * scale), interpolation=kind)
        return sr

    return OneByOne(enlarged, scale)


def _refuse_scale_1(name: str, scale: int) -> None:
    if scale == 1:
        raise UserError(f"`{name}` leaves an image as it is at scale 1; take `identity`")


METHODS: Mapping[str, Callable[[int], Method]] = {
    "identity": identity,
    "bicubic": bicubic,
    "bicubic_matlab": bicubic_matlab,
    "lanczos": lanczos,
}
"""By name, for a scale."""
