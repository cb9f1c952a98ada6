"""DISTS (Ding et al. 2020, arXiv 2004.07728): structure and texture of VGG-16 features, weighted as published.

Own lines: the official package and pyiqa both download VGG-16 before they take any weights (facts/weights.md).
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.evaluation.metrics.picture import Picture
from pipeline.networks.vgg import CONVOLUTIONS, IMAGENET_MEAN, IMAGENET_STD, layer_indices

STABLE = 1e-6
"""Added above and below in both terms."""
ROOT_FLOOR = 1e-12
"""Added under the root of the L2 pooling."""


class Layer(NamedTuple):
    """A layer's features 1 x C x H x W, with their mean and variance over positions, C each."""

    values: Tensor
    mean: Tensor
    variance: Tensor


class Dists:
    """DISTS with its weights given: nothing is downloaded."""

    def __init__(self, features: Mapping[str, Tensor], weights: Mapping[str, Tensor], device: str) -> None:
        """Of VGG-16's `features.K.{weight,bias}` and the published `alpha` and `beta`, 1 x 1475 x 1 x 1.

        The 1475 are the image's own three channels and those of conv1_2, 2_2, 3_3, 4_3 and 5_3.
        """
        indices = layer_indices("vgg16")
        names = [
            [f"conv{block}_{n + 1}" for n in range(count)] for block, count in enumerate(CONVOLUTIONS["vgg16"], 1)
        ]
        self.blocks = [[_convolution(features, indices[name], device) for name in block] for block in names]
        total = weights["alpha"].sum() + weights["beta"].sum()
        widths = [3, *(block[-1][0].shape[0] for block in self.blocks)]
        self.alpha, self.beta = (
            torch.split((weights[name].flatten() / total).to(device), widths) for name in ("alpha", "beta")
        )
        self.mean, self.deviation = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD)
        )
        self.device = device

    def __call__(self, sr: Picture, hr: Picture) -> float:
        """The distance of the whole images, 0 for identical ones; defined from one pixel on."""
        with torch.inference_mode():
            target = hr.once(self, partial(self.layers, hr))
            pairs = zip(self.alpha, self.beta, self.layers(sr), target, strict=True)
            return 1.0 - float(sum(_similarity(*pair) for pair in pairs))

    def layers(self, picture: Picture) -> list[Layer]:
        """The image in [0, 1], and the last features of every block after their ReLU."""
        image = torch.tensor(picture.pixels).to(self.device).permute(2, 0, 1)[None].float() / 255
        x, found = (image - self.mean) / self.deviation, [_layer(image)]
        for number, block in enumerate(self.blocks):
            x = _l2_pooled(x) if number else x
            for weight, bias in block:
                x = F.relu_(F.conv2d(x, weight, bias, padding=1))
            found.append(_layer(x))
        return found


def _convolution(features: Mapping[str, Tensor], index: int, device: str) -> tuple[Tensor, Tensor]:
    weight = features[f"features.{index}.weight"].to(device, memory_format=torch.channels_last)
    return weight, features[f"features.{index}.bias"].to(device)


def _l2_pooled(x: Tensor) -> Tensor:
    """Half the sides: the root of the mean square under a 3 x 3 Hann window."""
    line = torch.tensor([0.25, 0.5, 0.25], device=x.device)
    window = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return (F.conv2d(x.square(), window, stride=2, padding=1, groups=x.shape[1]) + ROOT_FLOOR).sqrt()


def _layer(values: Tensor) -> Layer:
    variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
    return Layer(values, mean, variance)


def _similarity(alpha: Tensor, beta: Tensor, a: Layer, b: Layer) -> Tensor:
    """The weighted texture (means) and structure (covariance) terms of one layer (Eqs. 5 and 6)."""
    covariance = (a.values * b.values).mean(dim=(0, 2, 3)) - a.mean * b.mean
    texture = (2 * a.mean * b.mean + STABLE) / (a.mean**2 + b.mean**2 + STABLE)
    structure = (2 * covariance + STABLE) / (a.variance + b.variance + STABLE)
    return (alpha * texture).sum() + (beta * structure).sum()
