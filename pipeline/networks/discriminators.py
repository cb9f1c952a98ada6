"""Discriminators: images B x 3 x H x W in [0, 1] to logits B x 1 x h x w; positive means 'real'.

Sources: facts/methods.md 1.10 and 2.3 (PatchGAN: the sister paper's training configuration), 1.1 (VGG-128: ESRGAN
and Impressionism track 1), 1.8 (U-Net with spectral norm: Real-ESRGAN).
"""

from abc import ABC, abstractmethod
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.networks.batch_norm import BatchNorm
from pipeline.networks.grid import PIXELS, Grid, receptive_fields
from pipeline.networks.rrdb import leaky
from pipeline.settings import VGG128_CROP, Discriminator


class LogitMap(nn.Module, ABC):
    """A discriminator: images to a map of logits."""

    @property
    @abstractmethod
    def grid(self) -> Grid:
        """Where the logits lie in the image."""


def build_discriminator(chosen: Discriminator) -> LogitMap:
    """The discriminator of a preset, with fresh weights from torch's global random state."""
    match chosen:
        case Discriminator(kind="patchgan", features=features, layers=int(layers)):
            return PatchGAN(features, layers)
        case Discriminator(kind="vgg128", features=features):
            return VGG128(features)
        case _:
            return UNet(chosen.features)


class PatchGAN(LogitMap):
    """Judges overlapping patches. 2,765,633 parameters at features 64, layers 3.

    At that size the logit map is 14 x 14 and the field 70 px for a 128 px crop.
    """

    def __init__(self, features: int, layers: int) -> None:
        super().__init__()
        widths = [features * min(2**index, 8) for index in range(layers + 1)]
        body: list[nn.Module] = [nn.Conv2d(3, features, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for index in range(1, layers + 1):
            stride = 1 if index == layers else 2
            body += [
                nn.Conv2d(widths[index - 1], widths[index], 4, stride=stride, padding=1, bias=False),
                BatchNorm(widths[index]),
                nn.LeakyReLU(0.2),
            ]
        self.model = nn.Sequential(*body, nn.Conv2d(widths[-1], 1, 4, padding=1))

    @property
    def grid(self) -> Grid:
        """The centres of the patches: 11.5, 19.5, 27.5, ... px with three layers."""
        return receptive_fields(self.model)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.model(image)
        return logits


class VGG128(LogitMap):
    """One logit, B x 1 x 1 x 1, for a whole crop of 128 px. 14,499,401 parameters at features 64."""

    def __init__(self, features: int) -> None:
        super().__init__()
        widths = [features * factor for factor in (1, 2, 4, 8, 8)]
        body: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.LeakyReLU(0.2)]
        body += _normalised(features, features, 4, 2)
        for inputs, outputs in pairwise(widths):
            body += _normalised(inputs, outputs, 3, 1) + _normalised(outputs, outputs, 4, 2)
        side = VGG128_CROP // 2 ** len(widths)
        self.model = nn.Sequential(
            *body,
            nn.Flatten(),
            nn.Linear(widths[-1] * side**2, 100),
            nn.LeakyReLU(0.2),
            nn.Linear(100, 1),
            nn.Unflatten(1, (1, 1, 1)),
        )

    @property
    def grid(self) -> Grid:
        """The one logit stands in the middle of the crop."""
        return Grid(step=VGG128_CROP, first=(VGG128_CROP - 1) / 2)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.model(image)
        return logits


class UNet(LogitMap):
    """A logit for each pixel, B x 1 x H x W (H, W multiples of 8), spectral norm inside.

    4,376,897 parameters at features 64.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, features, 3, padding=1)
        self.down = nn.ModuleList(_spectral(2**k * features, 2 ** (k + 1) * features, 4, 2) for k in range(3))
        self.up = nn.ModuleList(_spectral(2 ** (k + 1) * features, 2**k * features, 3, 1) for k in (2, 1, 0))
        self.end = nn.ModuleList(_spectral(features, features, 3, 1) for _ in range(2))
        self.last = nn.Conv2d(features, 1, 3, padding=1)

    @property
    def grid(self) -> Grid:
        """A logit for each pixel."""
        return PIXELS

    def forward(self, image: Tensor) -> Tensor:
        x = leaky(self.first(image))
        passed = []
        for convolution in self.down:
            passed.append(x)
            x = leaky(convolution(x))
        for convolution in self.up:
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = leaky(convolution(x)) + passed.pop()
        for convolution in self.end:
            x = leaky(convolution(x))
        logits: Tensor = self.last(x)
        return logits


def _normalised(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1, bias=False)
    return [convolution, BatchNorm(outputs), nn.LeakyReLU(0.2)]


def _spectral(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1, bias=False))
