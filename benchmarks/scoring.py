"""Scores of restored images: as the stage `score` computes them, and as they are computed one by one.

The numbers are the same, to the rounding that each way has; the test of this topic holds them against each other.
"""

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

BORDER, PEAK = 4, 255.0
Image = NDArray[np.uint8]
Plane = NDArray[np.float64]


# What follows is the authors' script, written down from its description (facts/methods.md 0.1, datasets.md 7):
# RGB images in OpenCV's order, float64, border cut, SSIM with a two-dimensional window.


def cropped(image: Image) -> Plane:
    """Without the border, as float64."""
    return image[BORDER:-BORDER, BORDER:-BORDER].astype(np.float64)


def grey(image: Image) -> Plane:
    """BT.601 luma without the border."""
    luma: Plane = cropped(image) @ np.array([24.966, 128.553, 65.481]) / 255 + 16
    return luma


def psnr(a: Plane, b: Plane) -> float:
    error = np.mean((a - b) ** 2)
    return math.inf if error == 0 else 20 * math.log10(PEAK / math.sqrt(error))


def ssim(a: Plane, b: Plane) -> float:
    line = cv2.getGaussianKernel(11, 1.5)

    def local(plane: Plane) -> Plane:
        mean: Plane = cv2.filter2D(plane, -1, np.outer(line, line))[5:-5, 5:-5]
        return mean

    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mean_a, mean_b = local(a), local(b)
    covariance = local(a * b) - mean_a * mean_b
    variances = local(a**2) - mean_a**2 + local(b**2) - mean_b**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return float(np.mean(luminance * (2 * covariance + c2) / (variances + c2)))


FORMULAS: Mapping[str, Callable[[Image, Image], float]] = {
    "psnr": lambda a, b: psnr(cropped(a), cropped(b)),
    "ssim": lambda a, b: ssim(cropped(a), cropped(b)),
    "psnr_y": lambda a, b: psnr(grey(a), grey(b)),
    "ssim_y": lambda a, b: ssim(grey(a), grey(b)),
}
