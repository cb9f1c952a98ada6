"""Real-ESRGAN's second-order degradation in numbers: the published table, and what one sample draws from it.

facts/methods.md 1.8 has the table; how a range is drawn where the table is silent is the published code's.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.degradations.blur_kernels import Bell, Sinc

Range = tuple[float, float]
Mode = Literal["area", "bilinear", "bicubic"]

SIZES = range(7, 22, 2)
"""Sides of blur kernels, in pixels."""

MODES: tuple[Mode, ...] = ("area", "bilinear", "bicubic")
KERNELS = {
    "iso": 0.45,
    "aniso": 0.25,
    "generalised_iso": 0.12,
    "generalised_aniso": 0.03,
    "plateau_iso": 0.12,
    "plateau_aniso": 0.03,
}
"""How likely each kind of kernel is where it is no sinc."""

GENERALISED_BETA: Range = (0.5, 4)
PLATEAU_BETA: Range = (1, 2)
SINC = 0.1
"""Probability that a pass blurs with a sinc kernel."""

WIDE = 13
"""From this size on a pass's sinc kernel may cut off from pi/5 on; below it, and at the end, from pi/3 on."""

GREY = 0.4
QUALITY: Range = (30, 95)
FINAL_SINC = 0.8
JPEG_FIRST = 0.5


@dataclass(frozen=True)
class Pass:
    """What differs between the two passes.

    Attributes:
        blur: probability of blurring.
        sigma: standard deviation of kernels, in pixels.
        resize: probabilities of enlarging, of reducing and of neither.
        factor: smallest and largest resize factor, of the image (first pass) or of the LR size (second).
        gaussian: probability that noise is Gaussian; else it is Poisson noise.
        gaussian_sigma: its standard deviation, in 8-bit levels.
        poisson_scale: what Poisson noise is multiplied with.
    """

    blur: float
    sigma: Range
    resize: tuple[float, float, float]
    factor: Range
    gaussian: float
    gaussian_sigma: Range
    poisson_scale: Range


FIRST = Pass(1.0, (0.2, 3), (0.2, 0.7, 0.1), (0.15, 1.5), 0.5, (1, 30), (0.05, 3))
SECOND = Pass(0.8, (0.2, 1.5), (0.3, 0.4, 0.3), (0.3, 1.2), 0.5, (1, 25), (0.05, 2.5))


@dataclass(frozen=True)
class Noise:
    """`strength` is in 8-bit levels (gaussian) or a factor (poisson); `seed` is of the random field itself."""

    kind: Literal["gaussian", "poisson"]
    strength: float
    grey: bool
    seed: int


@dataclass(frozen=True)
class DrawnPass:
    """What one sample does in one pass: blur (or not), resize by `factor`, add noise, compress."""

    blur: Bell | Sinc | None
    factor: float
    mode: Mode
    noise: Noise
    quality: float


@dataclass(frozen=True)
class Drawn:
    """What one sample goes through. Its last step, resizing to the LR size and then `sinc`, comes after the second
    pass's JPEG if `jpeg_first`, else before."""

    first: DrawnPass
    second: DrawnPass
    mode: Mode
    sinc: Sinc | None
    jpeg_first: bool


def draw(rng: np.random.Generator) -> Drawn:
    """The degradation of a sample."""
    return Drawn(
        first=_pass(FIRST, rng),
        second=_pass(SECOND, rng),
        mode=_mode(rng),
        sinc=_sinc(rng, _size(rng), math.pi / 3) if rng.random() < FINAL_SINC else None,
        jpeg_first=rng.random() < JPEG_FIRST,
    )


def _pass(table: Pass, rng: np.random.Generator) -> DrawnPass:
    return DrawnPass(
        blur=_blur(table, rng) if rng.random() < table.blur else None,
        factor=_factor(table, rng),
        mode=_mode(rng),
        noise=_noise(table, rng),
        quality=rng.uniform(*QUALITY),
    )


def _blur(table: Pass, rng: np.random.Generator) -> Bell | Sinc:
    size = _size(rng)
    if rng.random() < SINC:
        return _sinc(rng, size, math.pi / 3 if size < WIDE else math.pi / 5)
    shape, _, axes = rng.choice(list(KERNELS), p=list(KERNELS.values())).rpartition("_")
    sigma = rng.uniform(*table.sigma)
    across, rotation = (
        (sigma, 0.0) if axes == "iso" else (rng.uniform(*table.sigma), rng.uniform(-math.pi, math.pi))
    )
    if shape == "plateau":
        return Bell("plateau", size, (sigma, across), rotation, _beta(PLATEAU_BETA, rng))
    beta = _beta(GENERALISED_BETA, rng) if shape == "generalised" else 1.0
    return Bell("gaussian", size, (sigma, across), rotation, beta)


def _size(rng: np.random.Generator) -> int:
    return int(rng.choice(SIZES))


def _sinc(rng: np.random.Generator, size: int, lowest: float) -> Sinc:
    return Sinc(size, rng.uniform(lowest, math.pi))


def _beta(limits: Range, rng: np.random.Generator) -> float:
    """Under 1 as often as over it, however far each side reaches; half of a plateau's, which start at 1, are 1."""
    return rng.uniform(limits[0], 1) if rng.random() < 0.5 else rng.uniform(1, limits[1])


def _factor(table: Pass, rng: np.random.Generator) -> float:
    smallest, largest = table.factor
    return float(rng.choice([rng.uniform(1, largest), rng.uniform(smallest, 1), 1.0], p=table.resize))


def _mode(rng: np.random.Generator) -> Mode:
    return MODES[rng.integers(len(MODES))]


def _noise(table: Pass, rng: np.random.Generator) -> Noise:
    grey, seed = rng.random() < GREY, int(rng.integers(2**63))
    if rng.random() < table.gaussian:
        return Noise("gaussian", rng.uniform(*table.gaussian_sigma), grey, seed)
    return Noise("poisson", rng.uniform(*table.poisson_scale), grey, seed)
