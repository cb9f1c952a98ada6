"""A camera model: what a clean picture looks like through a modest lens, sensor and compressor.

    blur -> sub-pixel shift -> antialiased reduction -> shot and read noise -> JPEG

All in gamma-coded 8-bit levels, a common simplification: noise in linear light would differ in the shadows only.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from pipeline.datasets.images import Pixels
from pipeline.degradations.bicubic import downscale
from pipeline.degradations.rounding import to_uint8


@dataclass(frozen=True)
class Camera:
    """One kind of camera; each picture draws its own blur (within 25 % of `blur`, per axis) and shift.

    Attributes:
        scale: whole reduction factor.
        blur: standard deviation of a Gaussian, in pixels of the clean picture; 0 is none.
        shift: largest displacement per axis, in pixels of the clean picture; 0 is none.
        read_noise: standard deviation of what the sensor adds everywhere, in 8-bit levels.
        shot_noise: variance of the photon noise per 8-bit level of brightness.
        jpeg: quality of the JPEG round trip, 1 to 100; None is none.
    """

    scale: int
    blur: float
    shift: float
    read_noise: float
    shot_noise: float
    jpeg: int | None


def photograph(scene: Pixels, camera: Camera, rng: np.random.Generator) -> Pixels:
    """The picture of `scene` (H x W x 3) that `camera` takes: H/scale x W/scale x 3."""
    light = _lens(scene.astype(np.float32), camera, rng)
    light = _reduced(light, camera.scale)
    deviation = np.sqrt(camera.read_noise**2 + camera.shot_noise * np.clip(light, 0, 255))
    exposed = to_uint8(light + deviation * rng.standard_normal(light.shape))
    return exposed if camera.jpeg is None else _jpeg(exposed, camera.jpeg)


def _lens(light: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    sigma_x, sigma_y = camera.blur * rng.uniform(0.75, 1.25, size=2)
    dx, dy = camera.shift * rng.uniform(-1, 1, size=2)
    if camera.blur:
        light = cv2.GaussianBlur(light, (0, 0), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    if camera.shift:
        moved = np.array([[1, 0, dx], [0, 1, dy]])
        size = light.shape[1], light.shape[0]
        light = cv2.warpAffine(light, moved, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return light


def _reduced(light: np.ndarray, scale: int) -> np.ndarray:
    planes = torch.from_numpy(light).permute(2, 0, 1)[None]
    return downscale(planes, scale)[0].permute(1, 2, 0).numpy()


def _jpeg(pixels: Pixels, quality: int) -> Pixels:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR_RGB)
    return np.asarray(decoded, np.uint8)
