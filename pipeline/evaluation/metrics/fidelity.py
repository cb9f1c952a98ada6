"""PSNR and SSIM by the authors' script (RealSR-CCL `caculate_metric.py`; facts/methods.md 0.1): RGB, border cut.

The same numbers as the script's, to 1e-9, in less time: squared errors of bytes are summed as integers, the
Gaussian window is applied along rows and then along columns, and the statistics of a ground truth are kept.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.metrics.picture import Picture, Plane

PEAK = 255.0
WINDOW, SIGMA = 11, 1.5
STRIP = 32
"""Rows that are computed at once."""
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


class Statistics(NamedTuple):
    """Of one image at every position of the window: height x width (x channels), float64.

    Attributes:
        values: the image itself.
        mean: local mean.
        power: local mean of the squared values.
    """

    values: Plane
    mean: Plane
    power: Plane


def psnr(sr: Picture, hr: Picture) -> float:
    """Peak signal-to-noise ratio over all RGB values, in dB; infinite for identical images, NaN for empty ones."""
    _same_size(sr, hr)
    return _psnr(sr.area, hr.area)


def psnr_y(sr: Picture, hr: Picture) -> float:
    """PSNR of the BT.601 luma, in dB (BasicSR and MATLAB; facts/ecosystem.md 4.6)."""
    _same_size(sr, hr)
    return _psnr(sr.luma, hr.luma)


def ssim(sr: Picture, hr: Picture) -> float:
    """Structural similarity, mean over positions and the three channels; 1 for identical images.

    NaN where no whole window lies in the image.
    """
    _same_size(sr, hr)
    if min(sr.area.shape[:2]) < WINDOW:
        return math.nan
    return _ssim(_of_rgb(sr), _of_rgb(hr))


def ssim_y(sr: Picture, hr: Picture) -> float:
    """SSIM of the BT.601 luma (BasicSR and MATLAB)."""
    _same_size(sr, hr)
    if min(sr.area.shape[:2]) < WINDOW:
        return math.nan
    return _ssim(_of_luma(sr), _of_luma(hr))


def _same_size(sr: Picture, hr: Picture) -> None:
    if sr.pixels.shape != hr.pixels.shape:
        raise ValueError(f"images differ in size: {sr.pixels.shape} and {hr.pixels.shape}")


def _psnr(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    if a.size == 0:
        return math.nan
    error = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size
    return math.inf if error == 0 else 10.0 * math.log10(PEAK**2 / error)


def _of_rgb(picture: Picture) -> Statistics:
    return picture.once("ssim of RGB", lambda: _statistics(picture.area))


def _of_luma(picture: Picture) -> Statistics:
    return picture.once("ssim of luma", lambda: _statistics(picture.luma))


def _statistics(image: NDArray[np.generic]) -> Statistics:
    values = np.asarray(image, np.float64)
    return Statistics(values, _local_mean(values), _local_mean(values * values))


def _ssim(a: Statistics, b: Statistics) -> float:
    """Mean over positions, a strip of rows at a time: what a strip needs stays in the processor's cache."""
    joint = _local_mean(a.values * b.values)
    strips = (slice(first, first + STRIP) for first in range(0, len(joint), STRIP))
    total = sum(_similarity(a.mean[s], b.mean[s], a.power[s] + b.power[s], joint[s]).sum() for s in strips)
    return float(total / joint.size)


def _similarity(mean_a: Plane, mean_b: Plane, power: Plane, joint: Plane) -> Plane:
    """SSIM at every position, of both local means, the sum of the powers, and the local mean of the product."""
    product, squares = mean_a * mean_b, mean_a * mean_a + mean_b * mean_b
    above = (2 * product + C1) * (2 * (joint - product) + C2)
    similarity: Plane = above / ((squares + C1) * (power - squares + C2))
    return similarity


def _local_mean(plane: Plane) -> Plane:
    """Gaussian-weighted mean at every position where the whole window lies in the image ("valid")."""
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA)
    half = WINDOW // 2
    filtered: Plane = cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel)[half:-half, half:-half]
    return filtered
