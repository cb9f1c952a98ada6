"""VGG features before the activation, for the perceptual criteria.

Source: ESRGAN takes VGG-19 conv5_4 before ReLU of an ImageNet-normalised image (facts/methods.md 1.1); layer
indices and weight keys are torchvision's (`features.K`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import UserError

Variant = Literal["vgg16", "vgg19"]
CONVOLUTIONS: Mapping[Variant, Sequence[int]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions in each of the five blocks."""
WIDTHS = (64, 128, 256, 512, 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def layer_indices(variant: Variant) -> dict[str, int]:
    """torchvision's index in `features` of each convolution: conv1_2 -> 2, VGG-19 conv5_4 -> 34."""
    indices, position = {}, 0
    for block, count in enumerate(CONVOLUTIONS[variant], start=1):
        for number in range(1, count + 1):
            indices[f"conv{block}_{number}"] = position
            position += 2  # the convolution and its ReLU
        position += 1  # the pooling
    return indices


class VGGFeatures(nn.Module):
    """Frozen VGG up to the deepest layer asked for; gradients flow to the image, never to the weights."""

    mean: Tensor
    std: Tensor

    def __init__(self, variant: Variant, layers: Sequence[str], weights: Mapping[str, Tensor]) -> None:
        """`weights` has torchvision's keys `features.K.weight` and `features.K.bias`.

        Raises `UserError` for a layer that the variant does not have.
        """
        super().__init__()
        indices = layer_indices(variant)
        unknown = [layer for layer in layers if layer not in indices]
        if unknown:
            raise UserError(
                f"params.yaml: perceptual: {variant} has no layer {', '.join(unknown)}; it has {', '.join(indices)}"
            )
        deepest = max(indices[layer] for layer in layers)
        self.convolutions = nn.ModuleDict()
        for layer, index in indices.items():
            if index <= deepest:
                weight, bias = weights[f"features.{index}.weight"], weights[f"features.{index}.bias"]
                conv = nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1)
                conv.load_state_dict({"weight": weight, "bias": bias})
                self.convolutions[layer] = conv
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Pre-activation features of the named layers of `image`, B x 3 x H x W in [0, 1], no deeper than asked."""
        x = (image - self.mean) / self.std
        found: dict[str, Tensor] = {}
        block = "1"
        for layer, conv in self.convolutions.items():
            if layer[4] != block:
                x, block = F.max_pool2d(x, 2), layer[4]
            x = conv(x)
            if layer in layers:
                found[layer] = x
                if len(found) == len(layers):
                    break
            x = F.relu(x)
        return found

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        features: dict[str, Tensor] = super().__call__(image, layers)
        return features
