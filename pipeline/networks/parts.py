"""What a generator gives: the image and the parts that the comparative terms and the figures need."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Parts(NamedTuple):
    """Output of a generator; images are B x 3 x H x W around [0, 1] (not clamped), the mask B x 1 x H x W.

    Attributes:
        sr: the super-resolved image I_SR (Eq. 10).
        align: I_align, the branch of the alignment term; None for the plain RRDB.
        unif: I_unif, the branch of the uniformity term; None for the plain RRDB.
        mask: the spatial mask S in (0, 1), its complement being 1 - S; None without spatial view.
    """

    sr: Tensor
    align: Tensor | None = None
    unif: Tensor | None = None
    mask: Tensor | None = None


class Generator(nn.Module, ABC):
    """A network from an LR image, B x 3 x h x w in [0, 1], to `Parts` with H, W = scale * (h, w)."""

    @abstractmethod
    def forward(self, lr: Tensor) -> Parts:
        """Super-resolve `lr`."""

    def __call__(self, lr: Tensor) -> Parts:
        parts: Parts = super().__call__(lr)
        return parts
