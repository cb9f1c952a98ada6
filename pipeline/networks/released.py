"""The network of the authors' checkpoint, key for key (facts/methods.md 2.1: RealSR-CCL `ccl_RRDB.py`).

The RRDB goes all the way to an image, `mid_out`; two branches and the mask network read that image at HR and give
features; masks multiply features, and one convolution each turns them into images:

    out1 = tail_conv1(M * branch1(mid_out))     out2 = tail_conv2((1 - M) * branch2(mid_out))     I_SR = out1 + out2

M is a softmax over the feature channels, so that its mean over them is 1 / features at every pixel: a choice among
channels, not a spatial mask S. 17,286,473 parameters at features 64, blocks 23, growth 32, branch_blocks 3 (the
paper's 14.8 M is no integer number of blocks of it).

Trained with comparative terms, this layout keeps a mismatch of the authors' code (facts 2.2 row 7): the terms read
out1 and out2 as if they were full images I_align and I_unif, yet these are parts that only together are an image.
As they are masked already, `Parts.mask` is None and the terms are not weighted by a mask a second time.
"""

import torch
from torch import Tensor, nn

from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import Trunk, conv3x3


class SkipBlock(nn.Module):
    """conv - LReLU - conv - LReLU plus a 1 x 1 convolution of the input (keys `block.0`, `block.2`, `conv`).

    The second convolution starts at zero, so that a fresh block is its 1 x 1 convolution.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        last = conv3x3(outputs, outputs)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.get_parameter("bias"))
        self.block = nn.Sequential(conv3x3(inputs, outputs), nn.LeakyReLU(0.2), last, nn.LeakyReLU(0.2))
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.conv(x) + self.block(x)
        return features


def skip_blocks(features: int, blocks: int) -> list[nn.Module]:
    """The blocks of a head: the first reads an image, the others features."""
    return [SkipBlock(3 if index == 0 else features, features) for index in range(blocks)]


class ReleasedNet(Trunk):
    """The authors' layout; without the mask network both masks are 1/2, as in the network of the paper's text.

    A fresh network gives I_SR = mid_out, so that it starts level with the trained trunk: a branch hands the colours
    through a matrix with orthonormal columns, its tail convolution is that matrix's transpose, and the mask starts
    even. out1 and out2 then are 1 / features and 1 - 1 / features of the image (half each without a mask).
    """

    def __init__(
        self, features: int, blocks: int, growth: int, scale: int, branch_blocks: int, *, masked: bool
    ) -> None:
        super().__init__(features, blocks, growth, scale)
        self.conv_last = conv3x3(features, 3)
        self.branch1 = nn.Sequential(*skip_blocks(features, branch_blocks))
        self.branch2 = nn.Sequential(*skip_blocks(features, branch_blocks))
        self.sm = nn.Sequential(*skip_blocks(features, branch_blocks), nn.Softmax(dim=1)) if masked else None
        self.tail_conv1 = conv3x3(features, 3)
        self.tail_conv2 = conv3x3(features, 3)
        _hand_through(self.branch1, self.tail_conv1)
        _hand_through(self.branch2, self.tail_conv2)
        if self.sm is not None:
            _clear(self.sm[-2].get_submodule("conv"))

    def forward(self, lr: Tensor) -> Tensor:
        """I_SR of `lr`, B x 3 x h x w in [0, 1]: B x 3 x H x W around [0, 1], not clamped."""
        return self.parts(lr).sr

    def parts(self, lr: Tensor) -> Parts:
        """`align` is out1 and `unif` is out2: masked parts whose sum is `sr`, not full images."""
        mid_out = self.conv_last(self.features(lr))
        first, second = self.branch1(mid_out), self.branch2(mid_out)
        if self.sm is None:
            out1, out2 = self.tail_conv1(first / 2), self.tail_conv2(second / 2)
            return Parts(out1 + out2, out1, out2)
        mask = self.sm(mid_out)
        out1, out2 = self.tail_conv1(mask * first), self.tail_conv2((1 - mask) * second)
        return Parts(out1 + out2, out1, out2, channel_mask=mask)


@torch.no_grad()
def _hand_through(branch: nn.Sequential, tail: nn.Conv2d) -> None:
    """Make tail(branch(image)) the image, as long as the blocks' second convolutions are zero."""
    for index, block in enumerate(branch):
        skip = block.get_submodule("conv")
        _clear(skip)
        weight = skip.get_parameter("weight")
        nn.init.orthogonal_(weight) if index == 0 else nn.init.dirac_(weight)
    _clear(tail)
    tail.weight[:, :, 1, 1] = branch[0].get_submodule("conv").get_parameter("weight")[:, :, 0, 0].T


@torch.no_grad()
def _clear(convolution: nn.Module) -> None:
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)


def build(scale: int, *, features: int, blocks: int, growth: int, branch_blocks: int, masked: bool) -> ReleasedNet:
    """The network of the authors' checkpoint with fresh weights."""
    return ReleasedNet(features, blocks, growth, scale, branch_blocks, masked=masked)
