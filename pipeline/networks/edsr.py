"""EDSR (Lim et al., CVPRW 2017) at scale 4, loadable from the official checkpoints and from BasicSR's.

Source: facts/methods.md 1.2. conv - residual blocks (conv - ReLU - conv, no normalisation, scaled) - conv, a skip
around them, two pixel shuffles and a last conv; on levels 0 to 255 less the mean colour of DIV2K. Without the mean
shifts 43,089,923 parameters at 256 features and 32 blocks (the paper's), 1,517,571 at 64 and 16 (the baseline).
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pipeline.networks.rrdb import conv3x3

MEAN = (0.4488, 0.4371, 0.4040)
LEVELS = 255.0
SCALE = 4
LARGE = 256
"""Features from which on the residuals are scaled by 0.1: the paper's network; the baseline's are not scaled."""


class Block(nn.Module):
    """conv - ReLU - conv, times a constant, plus identity."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv3x3(features, features), nn.ReLU(), conv3x3(features, features))
        self.residual_scale = 0.1 if features >= LARGE else 1.0

    def forward(self, x: Tensor) -> Tensor:
        return x.add(self.body(x), alpha=self.residual_scale)


class EDSR(nn.Module):
    """LR images B x 3 x h x w in [0, 1] to B x 3 x 4h x 4w around [0, 1]."""

    mean: Tensor

    def __init__(self, features: int, blocks: int) -> None:
        super().__init__()
        self.head = nn.Sequential(conv3x3(3, features))
        self.body = nn.Sequential(*(Block(features) for _ in range(blocks)), conv3x3(features, features))
        doubling = [(conv3x3(features, 4 * features), nn.PixelShuffle(2)) for _ in range(2)]
        upsampler = nn.Sequential(*(layer for pair in doubling for layer in pair))
        self.tail = nn.Sequential(upsampler, conv3x3(features, 3))
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.head((lr - self.mean) * LEVELS)
        x = x + self.body(x)
        sr: Tensor = self.tail(x) / LEVELS + self.mean
        return sr


def build(scale: int, *, features: int, blocks: int) -> EDSR:
    """EDSR with fresh weights. Raises `ValueError` for another scale than 4."""
    if scale != SCALE:
        raise ValueError(f"EDSR is defined at scale {SCALE}, not at {scale}")
    return EDSR(features, blocks)


def edsr_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The weights of an EDSR under the official keys without the mean shifts, which `EDSR` has as constants.

    None when `state` has neither the official keys (`head.0`, `body.i.body.0`, `tail.0.0`, ...) nor BasicSR's
    (`conv_first`, `body.i.conv1`, `conv_after_body`, `upsample.0`, `conv_last`).
    """
    if {"head.0.weight", "body.0.body.0.weight", "tail.1.weight"} <= state.keys():
        return {key: value for key, value in state.items() if not key.startswith(("sub_mean.", "add_mean."))}
    if {"conv_first.weight", "body.0.conv1.weight", "conv_after_body.weight"} <= state.keys():
        return _official(state)
    return None


def build_edsr(state: Mapping[str, Tensor]) -> EDSR:
    """The network of weights with official keys, with these weights; a `RuntimeError` where they do not fit."""
    blocks = len({key for key in state if re.fullmatch(r"body\.\d+\.body\.0\.weight", key)})
    network = EDSR(state["head.0.weight"].shape[0], blocks)
    network.load_state_dict(dict(state), strict=True)
    return network


def _official(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """BasicSR's keys as the official ones."""
    blocks = len({key for key in state if re.fullmatch(r"body\.\d+\.conv1\.weight", key)})
    renamed = {
        r"^conv_first\.": "head.0.",
        r"^body\.(\d+)\.conv1\.": r"body.\1.body.0.",
        r"^body\.(\d+)\.conv2\.": r"body.\1.body.2.",
        r"^conv_after_body\.": f"body.{blocks}.",
        r"^upsample\.": "tail.0.",
        r"^conv_last\.": "tail.1.",
    }
    official = {}
    for key, value in state.items():
        name = key
        for pattern, replacement in renamed.items():
            name = re.sub(pattern, replacement, name)
        official[name] = value
    return official
