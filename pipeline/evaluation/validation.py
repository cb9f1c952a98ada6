"""Scores of a generator in training on the validation pairs, by the protocol of the tables."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from pipeline.datasets.images import Pixels
from pipeline.datasets.packs import Pair
from pipeline.evaluation.metrics import Picture, psnr, ssim
from pipeline.methods.trained import super_resolve


def validation_scores(
    generator: nn.Module, pairs: Sequence[Pair], border: int, show: Callable[[Pixels], None] | None = None
) -> dict[str, float]:
    """Mean PSNR (dB) and SSIM over the pairs, on 8-bit images, RGB, `border` px left out.

    Args:
        show: is given the first restored image (uint8, H x W x 3).
    """
    restored = [super_resolve(generator, pair.lr) for pair in pairs]
    if show is not None:
        show(restored[0])
    images = [(Picture(sr, border), Picture(pair.hr, border)) for sr, pair in zip(restored, pairs, strict=True)]
    return {
        "psnr": float(np.mean([psnr(sr, hr) for sr, hr in images])),
        "ssim": float(np.mean([ssim(sr, hr) for sr, hr in images])),
    }
