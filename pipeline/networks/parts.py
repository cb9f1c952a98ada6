"""The parts of an image that a generator with branches gives: the comparative terms and the figures need them."""

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


class Parts(NamedTuple):
    """The image and its parts; images are B x 3 x H x W around [0, 1] (not clamped).

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


@runtime_checkable
class Branched(Protocol):
    """A network whose image has parts."""

    def parts(self, lr: Tensor) -> Parts:
        """Super-resolve `lr`, B x 3 x h x w in [0, 1], and keep what the image is made of."""
