"""Scores of a generator in training on the validation pairs, by the protocol of the tables."""

from collections.abc import Sequence

import numpy as np

from pipeline.datasets.packs import Pair
from pipeline.evaluation.metrics import Picture, psnr, ssim
from pipeline.methods.trained import super_resolve
from pipeline.networks import Generator


def validation_scores(generator: Generator, pairs: Sequence[Pair], border: int) -> dict[str, float]:
    """Mean PSNR (dB) and SSIM over the pairs, on 8-bit images, RGB, `border` px left out."""
    images = [(Picture(super_resolve(generator, pair.lr), border), Picture(pair.hr, border)) for pair in pairs]
    return {
        "psnr": float(np.mean([psnr(sr, hr) for sr, hr in images])),
        "ssim": float(np.mean([ssim(sr, hr) for sr, hr in images])),
    }
