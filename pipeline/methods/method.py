"""What every method is to those that run it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Method(Protocol):
    """A row of a comparison table: from LR images of one size to their SR images.

    All are uint8, height x width x 3, RGB; an SR image is `scale` times as high and wide as its LR image.
    """

    def __call__(self, images: Sequence[Image]) -> list[Image]:
        """Restore images of one size, each as if it were alone."""

    @property
    def scale(self) -> int:
        """How many times as high and wide an SR image is as its LR image."""

    @property
    def network(self) -> Mapping[str, str | int]:
        """Of the network behind it: its `architecture` and number of `parameters`; empty without one."""

    @property
    def how(self) -> Mapping[str, str | int | bool]:
        """How the images of the last call were made, as far as that may change from call to call."""

    def group(self, height: int, width: int) -> int:
        """How many LR images of this size are worth handing over at once."""
