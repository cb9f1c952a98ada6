"""The Cria-CL generator of the paper's text (section III, Eq. 10).

Reading (facts/methods.md 2.5): RRDB trunk with one shared upsampler; two sub-branches of residual blocks and an
output convolution give I_align and I_unif; the mask network F_beta sees I_LR, or beside it the features after the
RRDBs (`mask_input`; facts 2.2 row 14): a convolution, residual blocks, upsampling and a softmax over two channels
give S and 1 - S; I_SR = S * I_align + (1 - S) * I_unif.
17,367,368 parameters at features 64, blocks 23, growth 32 (the paper's 14.8 M is reached by no such network).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import Trunk, conv3x3
from pipeline.settings import MaskInput


class ResidualBlock(nn.Module):
    """conv - ReLU - conv plus identity (ResNet, the paper's [51]).

    The last convolution starts at zero, so that a fresh block is the identity: a branch over a trained trunk
    starts with the trunk's own image and every configuration starts level.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(features, features)
        self.conv2 = conv3x3(features, features)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return x.add(self.conv2(F.relu(self.conv1(x))))


class Branch(nn.Sequential):
    """HR features to an image: residual blocks and an output convolution (key `output`)."""

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        for index in range(blocks):
            self.add_module(f"block{index + 1}", ResidualBlock(features))
        self.output = conv3x3(features, 3)


class MaskNet(nn.Module):
    """F_beta: B x `inputs` x h x w, the LR image first, to the spatial mask S, B x 1 x H x W in (0, 1)."""

    def __init__(self, inputs: int, features: int, blocks: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv3x3(inputs, features)
        self.blocks = nn.Sequential(*(ResidualBlock(features) for _ in range(blocks)))
        self.output = conv3x3(features, 2)

    def forward(self, seen: Tensor) -> Tensor:
        x = self.blocks(self.head(seen))
        if self.scale != 1:
            x = F.interpolate(x, scale_factor=self.scale, mode="bilinear", align_corners=False)
        logits: Tensor = self.output(x)
        return logits.softmax(dim=1)[:, :1]


class CriaNet(Trunk):
    """Trunk, two branches and, when `masked`, the mask network; otherwise I_SR is the branches' mean.

    The features that a mask network sees are not detached: F_alpha and F_beta are optimised jointly.
    """

    def __init__(
        self,
        features: int,
        blocks: int,
        growth: int,
        scale: int,
        branch_blocks: int,
        *,
        masked: bool,
        mask_input: MaskInput = "lr",
    ) -> None:
        super().__init__(features, blocks, growth, scale)
        self.branch_align = Branch(features, branch_blocks)
        self.branch_unif = Branch(features, branch_blocks)
        self.mask_input = mask_input
        seen = 3 if mask_input == "lr" else 3 + features
        self.mask_net = MaskNet(seen, features, branch_blocks, scale) if masked else None

    def forward(self, lr: Tensor) -> Tensor:
        """I_SR of `lr`, B x 3 x h x w in [0, 1]: B x 3 x H x W around [0, 1], not clamped."""
        return self.parts(lr).sr

    def parts(self, lr: Tensor) -> Parts:
        """I_SR with the images of both branches and, where there is one, the mask."""
        lr_features = self.lr_features(lr)
        features = self.enlarged(lr_features)
        align, unif = self.branch_align(features), self.branch_unif(features)
        if self.mask_net is None:
            return Parts((align + unif) / 2, align, unif)
        mask = self.mask_net(lr if self.mask_input == "lr" else torch.cat((lr, lr_features), dim=1))
        return Parts(mask * align + (1 - mask) * unif, align, unif, mask)


def start_from(network: nn.Module, trained: nn.Module) -> None:
    """Start `network` from a trained plain RRDB: the trunk as it is, every output convolution from conv_last.

    `ReleasedNet` has a conv_last of its own, in front of its branches; fresh ones hand its image through.
    Source: the sister paper's recipe starts from an L1-trained RRDB (facts/methods.md 2.3); the paper is silent.
    """
    state = trained.state_dict()
    if isinstance(network, CriaNet):
        last = {kind: state.pop(f"conv_last.{kind}") for kind in ("weight", "bias")}
        for branch in ("branch_align", "branch_unif"):
            state |= {f"{branch}.output.{kind}": value for kind, value in last.items()}
    network.load_state_dict(network.state_dict() | state, strict=True)


def build(
    scale: int,
    *,
    features: int,
    blocks: int,
    growth: int,
    branch_blocks: int,
    masked: bool,
    mask_input: MaskInput = "lr",
) -> CriaNet:
    """The network of the paper's text with fresh weights."""
    return CriaNet(features, blocks, growth, scale, branch_blocks, masked=masked, mask_input=mask_input)
