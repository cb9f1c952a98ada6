"""NIQE: how far an image's statistics lie from those of pristine photographs (Mittal et al. 2013), no reference.

After the authors' MATLAB release, `niqe_modelparameters.mat`: grey by rgb2gray, rounded, blocks of 96 px at two
scales. Its values are met within 1 %, where pyiqa's are within 5.1 % (facts/weights.md "Calibration"). The
difference lies in flat areas, where rounding errors of the local mean decide about the sign of a coefficient: as in
MATLAB's imfilter, the window is applied along rows and along columns in float64.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.metrics.picture import YIQ, Picture, Plane, luma

BLOCK = 96
WINDOW, SIGMA = 7, 7 / 6
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""To the neighbours whose products are looked at: right, below, and both diagonals."""


@dataclass(frozen=True)
class Pristine:
    """The Gaussian fitted to the 36 features of blocks of pristine photographs: 36, and 36 x 36, float64."""

    mean: Plane
    covariance: Plane


def pristine(tensors: Mapping[str, NDArray[np.float64]]) -> Pristine:
    """From the weights `niqe`: `mu_pris_param` (1 x 36) and `cov_pris_param` (facts/weights.md "Formats")."""
    return Pristine(tensors["mu_pris_param"].ravel(), tensors["cov_pris_param"])


def niqe(model: Pristine, picture: Picture) -> float:
    """NIQE without the border; NaN where fewer than two blocks have all features."""
    return niqe_of_grey(model, np.round(luma(picture.area, YIQ)))


def niqe_of_grey(model: Pristine, grey: Plane) -> float:
    """NIQE of a grey image, float64, 0..255, whole numbers: what `niqe` computes of an RGB image's grey."""
    rows, columns = (side // BLOCK for side in grey.shape)
    if rows * columns < 2:
        return math.nan
    grey = np.ascontiguousarray(grey[: rows * BLOCK, : columns * BLOCK])
    features = np.hstack([_features(_blocks(_normalised(scale), rows, columns)) for scale in (grey, _half(grey))])
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        return math.nan
    distance = model.mean - np.nanmean(features, axis=0)
    inverse = np.linalg.pinv((model.covariance + np.cov(whole, rowvar=False)) / 2)
    return math.sqrt(distance @ inverse @ distance)


def _half(grey: Plane) -> Plane:
    """Reduced to half its sides as MATLAB's imresize does, not rounded."""
    import torch

    from pipeline.degradations.bicubic import downscale

    halved: Plane = downscale(torch.from_numpy(grey)[None, None], 2)[0, 0].numpy()
    return halved


def _normalised(grey: Plane) -> Plane:
    """Every pixel less its local mean, over its local deviation plus one (Eq. 1)."""
    mean = _local_mean(grey)
    deviation = np.sqrt(np.abs(_local_mean(grey * grey) - mean * mean))
    normalised: Plane = (grey - mean) / (deviation + 1)
    return normalised


def _local_mean(grey: Plane) -> Plane:
    window = cv2.getGaussianKernel(WINDOW, SIGMA)
    mean: Plane = cv2.sepFilter2D(grey, cv2.CV_64F, window, window, borderType=cv2.BORDER_REPLICATE)
    return mean


def _blocks(plane: Plane, rows: int, columns: int) -> Plane:
    """blocks x height x width of a plane that they fill."""
    height, width = plane.shape[0] // rows, plane.shape[1] // columns
    return plane.reshape(rows, height, columns, width).swapaxes(1, 2).reshape(-1, height, width)


def _features(blocks: Plane) -> Plane:
    """blocks x 18: the shape of each block's coefficients, and of their products with four neighbours (Eq. 8)."""
    alpha, left, right = _asymmetric_gaussian(blocks)
    features = [alpha, (left + right) / 2]
    for shift in SHIFTS:
        alpha, left, right = _asymmetric_gaussian(blocks * np.roll(blocks, shift, (1, 2)))
        features += [alpha, (right - left) * _ratio(2 / alpha, 1 / alpha), left, right]
    return np.stack(features, axis=1)


def _asymmetric_gaussian(blocks: Plane) -> tuple[Plane, Plane, Plane]:
    """Shape and both widths of the asymmetric generalised Gaussian that fits each block (Eqs. 4 to 7).

    NaN widths for a block whose coefficients do not lie on both sides of zero.
    """
    values = blocks.reshape(len(blocks), -1)
    negative = np.minimum(values, 0)
    square, square_left = (np.einsum("ij,ij->i", part, part) for part in (values, negative))
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.sqrt(square_left / np.count_nonzero(values < 0, axis=1))
        right = np.sqrt((square - square_left) / np.count_nonzero(values > 0, axis=1))
        skew, peak = left / right, np.abs(values).mean(axis=1) ** 2 / (square / values.shape[1])
        alpha = _shape(peak * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2)
    width = np.sqrt(_ratio(1 / alpha, 3 / alpha))
    return alpha, left * width, right * width


def _shape(ratio: Plane) -> Plane:
    """The shape from 0.2 to 10, in steps of 0.001, whose moments have the ratio that is nearest; 0.2 for NaN."""
    shapes, ratios = _shapes()
    after = np.clip(np.searchsorted(ratios, ratio), 1, len(ratios) - 1)
    nearest = after - (ratio - ratios[after - 1] <= ratios[after] - ratio)
    return shapes[np.where(np.isnan(ratio), 0, nearest)]


@cache
def _shapes() -> tuple[Plane, Plane]:
    """Shapes, and the ratio of their moments, which grows with them."""
    shapes = np.arange(0.2, 10.001, 0.001)
    return shapes, _ratio(2 / shapes, 1 / shapes) * _ratio(2 / shapes, 3 / shapes)


def _ratio(above: Plane, below: Plane) -> Plane:
    """Of two values of the gamma function."""
    from scipy.special import gamma

    ratio: Plane = gamma(above) / gamma(below)
    return ratio
