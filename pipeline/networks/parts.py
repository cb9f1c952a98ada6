"""What a generator gives: the image and the parts that the comparative terms and the figures need."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Parts(NamedTuple):
    """Output of a generator; images are B x 3 x H x W around [0, 1] (not clamped).

    Attributes:
        sr: the super-resolved image I_SR (Eq. 10).
        align: I_align, the branch of the alignment term; None for the plain RRDB.
        unif: I_unif, the branch of the uniformity term; None for the plain RRDB.
        mask: the spatial mask S in (0, 1), B x 1 x H x W, its complement being 1 - S; None without spatial view.
        channel_mask: the `released` layout's mask, B x features x H x W, a softmax over the features; else None.

    In the `released` layout `align` and `unif` are parts of I_SR that are masked already, and `mask` is None.
    """

    sr: Tensor
    align: Tensor | None = None
    unif: Tensor | None = None
    mask: Tensor | None = None
    channel_mask: Tensor | None = None

    @property
    def drawn_mask(self) -> Tensor | None:
        """What a figure can show as a mask, B x 1 x H x W in (0, 1].

        S where there is one. A channel mask averages to 1 / features at every pixel, a picture of nothing; drawn is
        the largest of its shares: 1 / features where no channel is preferred, 1 where one takes all.
        """
        return self.mask if self.channel_mask is None else self.channel_mask.amax(dim=1, keepdim=True)


class Generator(nn.Module, ABC):
    """A network from an LR image, B x 3 x h x w in [0, 1], to `Parts` with H, W = scale * (h, w)."""

    @abstractmethod
    def forward(self, lr: Tensor) -> Parts:
        """Super-resolve `lr`."""

    def __call__(self, lr: Tensor) -> Parts:
        parts: Parts = super().__call__(lr)
        return parts
