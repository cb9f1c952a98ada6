"""The metrics of the study, by the authors' protocol (RealSR-CCL `caculate_metric.py`; facts/methods.md 0.1).

Images are uint8 arrays of shape (height, width, 3), RGB, as read back from a PNG: scoring a generator's
float output gives other numbers than the published ones. `border` pixels are cut from every edge of both
images first. A metric is NaN where an image is too small for it to be defined.

To add a metric, write a function and add one entry to `METRICS`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Plane = NDArray[np.float64]

PEAK = 255.0
WINDOW, SIGMA = 11, 1.5
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
BT601 = np.array([65.481, 128.553, 24.966]) / PEAK  # R, G, B weights of MATLAB's rgb2ycbcr; luma is 16..235


@dataclass(frozen=True)
class Metric:
    """How a metric is computed and printed.

    `function` takes (sr, hr, border) where `full_reference`, else (sr, border), and returns a float. It is
    None for a metric that the study so far only quotes from the paper.
    """

    name: str
    title: str
    higher_is_better: bool
    full_reference: bool
    decimals: int
    function: Callable[..., float] | None = None


def psnr(sr: Image, hr: Image, border: int) -> float:
    """Peak signal-to-noise ratio over all RGB values, in dB; infinite for identical images."""
    return _psnr(*_scored_areas(sr, hr, border))


def ssim(sr: Image, hr: Image, border: int) -> float:
    """Structural similarity, mean over positions and the three channels; 1 for identical images."""
    return _ssim(*_scored_areas(sr, hr, border))


def psnr_y(sr: Image, hr: Image, border: int) -> float:
    """PSNR of the BT.601 luma, in dB (BasicSR and MATLAB; facts/ecosystem.md 4.6)."""
    return _psnr(*(luma(area) for area in _scored_areas(sr, hr, border)))


def ssim_y(sr: Image, hr: Image, border: int) -> float:
    """SSIM of the BT.601 luma (BasicSR and MATLAB)."""
    return _ssim(*(luma(area) for area in _scored_areas(sr, hr, border)))


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", "PSNR", higher_is_better=True, full_reference=True, decimals=3, function=psnr),
        Metric("ssim", "SSIM", higher_is_better=True, full_reference=True, decimals=4, function=ssim),
        Metric("lpips", "LPIPS", higher_is_better=False, full_reference=True, decimals=4),
        Metric("niqe", "NIQE", higher_is_better=False, full_reference=False, decimals=3),
        Metric("psnr_y", "PSNR-Y", higher_is_better=True, full_reference=True, decimals=3, function=psnr_y),
        Metric("ssim_y", "SSIM-Y", higher_is_better=True, full_reference=True, decimals=4, function=ssim_y),
    )
}


def measure(metric: Metric, sr: Image, hr: Image | None, border: int) -> float:
    """The value of one metric; NaN where it is not defined (no `hr`, or the image is too small)."""
    if metric.function is None:
        raise ValueError(f"{metric.name} is only quoted from the paper; it has no function")
    if not metric.full_reference:
        return metric.function(sr, border)
    return math.nan if hr is None else metric.function(sr, hr, border)


def luma(image: NDArray[np.generic]) -> Plane:
    """BT.601 luma of an RGB image in 0..255: float64, 16..235, not rounded (as BasicSR computes it)."""
    plane: Plane = image.astype(np.float64) @ BT601 + 16.0
    return plane


def _scored_areas(sr: Image, hr: Image, border: int) -> tuple[Plane, Plane]:
    """Both images without their borders, as float64."""
    if sr.dtype != np.uint8 or hr.dtype != np.uint8:
        raise TypeError(f"metrics are defined on 8-bit images, not on {sr.dtype} and {hr.dtype}")
    if sr.shape != hr.shape:
        raise ValueError(f"images differ in size: {sr.shape} and {hr.shape}")
    height, width = sr.shape[:2]
    # Explicit ends: `border:-border` would be empty at border 0 and wrap round in tiny images.
    area = (slice(border, max(border, height - border)), slice(border, max(border, width - border)))
    return sr[area].astype(np.float64), hr[area].astype(np.float64)


def _psnr(a: Plane, b: Plane) -> float:
    if a.size == 0:
        return math.nan
    error = float(np.mean((a - b) ** 2))
    return math.inf if error == 0 else 10.0 * math.log10(PEAK**2 / error)


def _ssim(a: Plane, b: Plane) -> float:
    if min(a.shape[:2]) < WINDOW:
        return math.nan
    mean_a, mean_b = _local_mean(a), _local_mean(b)
    variances = _local_mean(a * a) - mean_a**2 + _local_mean(b * b) - mean_b**2
    covariance = _local_mean(a * b) - mean_a * mean_b
    similarity = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    similarity /= (mean_a**2 + mean_b**2 + C1) * (variances + C2)
    return float(similarity.mean())


def _local_mean(plane: Plane) -> Plane:
    """Gaussian-weighted mean at every position where the whole window lies in the image ("valid")."""
    kernel = cv2.getGaussianKernel(WINDOW, SIGMA)
    half = WINDOW // 2
    filtered: Plane = cv2.sepFilter2D(plane, cv2.CV_64F, kernel, kernel)[half:-half, half:-half]
    return filtered
