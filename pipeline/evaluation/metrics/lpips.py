"""LPIPS v0.1 (Zhang et al. 2018) by the official package `lpips`, on the whole 8-bit image scaled to [-1, 1].

The package's forward pass in two halves, so that the features of a ground truth are computed once for all methods.
"""

import math
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Literal

import lpips
import torch
from torch import Tensor

from pipeline.evaluation.metrics.picture import Picture

Net = Literal["alex", "vgg"]
SMALLEST: Mapping[Net, int] = {"alex": 31, "vgg": 16}
"""Side in pixels from which every pooling of the network has something left to pool."""


class Lpips:
    """LPIPS with one network, its weights and heads given: nothing is downloaded."""

    def __init__(self, net: Net, tensors: Mapping[str, Tensor], device: str) -> None:
        """Of the weights `alexnet_lpips` or `vgg16_lpips`: `features.K.{weight,bias}`, `lin{0..4}.model.1.weight`.

        Raises `KeyError` or `RuntimeError` when a tensor is missing or has another shape.
        """
        # On `meta` nothing is drawn at random: every parameter is replaced, or the strict load fails.
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")  # torchvision's, about arguments that only lpips gives
            model = lpips.LPIPS(net=net, pretrained=False, pnet_rand=True, verbose=False)
        scaling = {f"scaling_layer.{name}": value for name, value in model.scaling_layer.state_dict().items()}
        named = {key: tensors[_published(key)] for key in model.state_dict() if key not in scaling}
        model.load_state_dict(scaling | named, strict=True, assign=True)
        self.model = model.requires_grad_(False).to(device, memory_format=torch.channels_last)
        self.smallest, self.device = SMALLEST[net], device

    def __call__(self, sr: Picture, hr: Picture) -> float:
        """The distance, 0 for identical images; NaN where the image is too small for the network."""
        if min(sr.pixels.shape[:2]) < self.smallest:
            return math.nan
        with torch.inference_mode():
            target = hr.once(self, partial(self.features, hr))
            layers = zip(self.model.lins, self.features(sr), target, strict=True)
            return float(sum(head((a - b).square_()).mean() for head, a, b in layers))

    def features(self, picture: Picture) -> list[Tensor]:
        """Normalised features of the five layers, 1 x C x H x W."""
        scaled = self.model.scaling_layer(minus_one_to_one(picture).to(self.device))
        return [lpips.normalize_tensor(layer) for layer in self.model.net(scaled)]


def minus_one_to_one(picture: Picture) -> Tensor:
    """All pixels as 1 x 3 x H x W, float32 in [-1, 1], the range that the package expects."""
    return torch.tensor(picture.pixels).permute(2, 0, 1)[None].float() / 127.5 - 1


def _published(key: str) -> str:
    """The name under which the weights have the package's `net.slice1.0.weight`, `lin0...` or `lins.0...`."""
    part, rest = key.split(".", 1)
    if part == "net":
        return f"features.{rest.split('.', 1)[1]}"
    return f"lin{rest}" if part == "lins" else key
