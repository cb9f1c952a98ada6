"""The plain RRDB generator of ESRGAN, with the keys of its published checkpoints.

Source: facts/methods.md 1.1 (xinntao/ESRGAN `RRDBNet_arch.py`): 16,697,987 parameters at features 64, blocks 23,
growth 32. At scale 1 both interpolations go and every layer and key stays (facts 0.1, CameraSR).
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

RESIDUAL_SCALE = 0.2
"""Both residual scalings of an RRDB."""


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3 x 3 convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU with slope 0.2, as everywhere in ESRGAN."""
    return F.leaky_relu(x, 0.2)


def small_init(module: nn.Module, factor: float = 0.1) -> None:
    """Kaiming-normal weights times `factor` and zero biases in every convolution of `module`."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(factor)
            nn.init.zeros_(layer.get_parameter("bias"))


class DenseBlock(nn.Module):
    """Five 3 x 3 convolutions, each seeing all before it; residual."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for index in range(1, 5):
            self.add_module(f"conv{index}", conv3x3(features + (index - 1) * growth, growth))
        self.conv5 = conv3x3(features + 4 * growth, features)
        small_init(self)

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for index in range(1, 5):
            seen = torch.cat((seen, leaky(self.get_submodule(f"conv{index}")(seen))), dim=1)
        return x.add(self.conv5(seen), alpha=RESIDUAL_SCALE)


class RRDB(nn.Module):
    """Residual in residual dense block: three dense blocks; 719,424 parameters at features 64, growth 32."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.RDB1 = DenseBlock(features, growth)
        self.RDB2 = DenseBlock(features, growth)
        self.RDB3 = DenseBlock(features, growth)

    def forward(self, x: Tensor) -> Tensor:
        return x.add(self.RDB3(self.RDB2(self.RDB1(x))), alpha=RESIDUAL_SCALE)


class Trunk(nn.Module):
    """Everything of the RRDB network but its last convolution: LR image to HR features.

    With `recompute` the backward pass computes each block's activations again in place of keeping them: the same
    gradients for a fourth more time and a small part of the memory (activation checkpointing).
    """

    def __init__(self, features: int, blocks: int, growth: int, scale: int) -> None:
        super().__init__()
        if scale not in (1, 4):
            raise ValueError(f"scale is {scale}; this network is defined at scale 4 and scale 1")
        self.scale = scale
        self.recompute = False
        self.conv_first = conv3x3(3, features)
        self.RRDB_trunk = nn.Sequential(*(RRDB(features, growth) for _ in range(blocks)))
        self.trunk_conv = conv3x3(features, features)
        self.upconv1 = conv3x3(features, features)
        self.upconv2 = conv3x3(features, features)
        self.HRconv = conv3x3(features, features)

    def lr_features(self, lr: Tensor) -> Tensor:
        """Features B x F x h x w of `lr`, after the RRDBs and before any enlargement."""
        x = self.conv_first(lr)
        features: Tensor = x + self.trunk_conv(self._through_blocks(x))
        return features

    def enlarged(self, x: Tensor) -> Tensor:
        """HR features B x F x H x W of LR features, after HRconv and its activation."""
        x = leaky(self.upconv1(self._doubled(x)))
        x = leaky(self.upconv2(self._doubled(x)))
        return leaky(self.HRconv(x))

    def features(self, lr: Tensor) -> Tensor:
        """HR features B x F x H x W of `lr`."""
        return self.enlarged(self.lr_features(lr))

    def _through_blocks(self, x: Tensor) -> Tensor:
        if not (self.recompute and torch.is_grad_enabled()):
            return cast(Tensor, self.RRDB_trunk(x))
        for block in self.RRDB_trunk:
            x = checkpoint(block, x, use_reentrant=False)
        return x

    def _doubled(self, x: Tensor) -> Tensor:
        return x if self.scale == 1 else F.interpolate(x, scale_factor=2, mode="nearest")


class RRDBNet(Trunk):
    """ESRGAN's generator: the trunk and one output convolution."""

    def __init__(self, features: int, blocks: int, growth: int, scale: int) -> None:
        super().__init__(features, blocks, growth, scale)
        self.conv_last = conv3x3(features, 3)

    def forward(self, lr: Tensor) -> Tensor:
        """Super-resolve `lr`, B x 3 x h x w in [0, 1]: B x 3 x H x W around [0, 1], not clamped."""
        image: Tensor = self.conv_last(self.features(lr))
        return image


def build(scale: int, *, features: int, blocks: int, growth: int) -> RRDBNet:
    """ESRGAN's generator with fresh weights."""
    return RRDBNet(features, blocks, growth, scale)
