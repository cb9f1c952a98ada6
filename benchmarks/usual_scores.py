"""Scores as they are usually computed: the authors' script, written down from its description, and pyiqa.

The script (facts/methods.md 0.1, datasets.md 7): images in OpenCV's order, float64, border cut, SSIM with a
two-dimensional window, LPIPS by the official package. pyiqa: a metric at a time, set to the same protocol
(facts/ecosystem.md 4.6). Both take one pair at a time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

BORDER, PEAK = 4, 255.0
Image = NDArray[np.uint8]
Plane = NDArray[np.float64]
Scores = list[dict[str, float]]
"""Of every restored image, the values by metric."""


class Truth(NamedTuple):
    """A ground truth and what several methods restored of it."""

    hr: Path
    restored: Sequence[Path]


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


class Script:
    """The authors' script: a pair is read for LPIPS, and again for the rest."""

    can = frozenset({*FORMULAS, "lpips"})

    def __init__(self, names: Sequence[str], read: Callable[[Path], Image], lpips_model: nn.Module) -> None:
        self.names, self.read, self.lpips_model = names, read, lpips_model

    def __call__(self, truths: Sequence[Truth]) -> Scores:
        return [self._values(sr, truth.hr) for truth in truths for sr in truth.restored]

    def _values(self, sr: Path, hr: Path) -> dict[str, float]:
        values = {"lpips": self._lpips(sr, hr)} if "lpips" in self.names else {}
        formulas = [name for name in self.names if name in FORMULAS]
        pair = (self.read(sr), self.read(hr)) if formulas else ()
        return values | {name: FORMULAS[name](*pair) for name in formulas}

    def _lpips(self, sr: Path, hr: Path) -> float:
        import lpips

        images = (lpips.im2tensor(self.read(file)[:, :, ::-1]) for file in (sr, hr))
        with torch.no_grad():
            return float(self.lpips_model(*images).item())


PYIQA: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "psnr": ("psnr", {"crop_border": BORDER}),
    "psnr_y": ("psnr", {"test_y_channel": True, "color_space": "ycbcr", "crop_border": BORDER}),
    "ssim_y": ("ssim", {"test_y_channel": True, "color_space": "ycbcr", "crop_border": BORDER}),
    "lpips": ("lpips", {"pretrained": False}),
    "niqe": ("niqe", {"crop_border": BORDER}),
}
"""The metric and options that are the protocol's. Its RGB SSIM is another (facts/weights.md "Calibration")."""


class OneByOne:
    """pyiqa, whose metrics know nothing of each other: each reads the pair anew."""

    can = frozenset(PYIQA)

    def __init__(
        self, names: Sequence[str], read: Callable[[Path], Tensor], lpips_model: nn.Module, niqe_parameters: Path
    ) -> None:
        """`niqe_parameters` is the .mat file that pyiqa would fetch (facts/weights.md "Formats")."""
        import pyiqa

        given = {"niqe": {"pretrained_model_path": str(niqe_parameters)}}
        with _no_download():
            self.metrics = {
                name: pyiqa.create_metric(PYIQA[name][0], device="cpu", **PYIQA[name][1], **given.get(name, {}))
                for name in names
            }
        if "lpips" in names:
            self.metrics["lpips"].net.load_state_dict(lpips_model.state_dict())
        self.read = read

    def __call__(self, truths: Sequence[Truth]) -> Scores:
        return [self._values(sr, truth.hr) for truth in truths for sr in truth.restored]

    def _values(self, sr: Path, hr: Path) -> dict[str, float]:
        return {name: self._value(name, [sr] if name == "niqe" else [sr, hr]) for name in self.metrics}

    def _value(self, name: str, files: Sequence[Path]) -> float:
        return float(self.metrics[name](*(self.read(file) for file in files)).item())


def _no_download() -> AbstractContextManager[object]:
    """pyiqa always asks torchvision for the trained AlexNet; its weights are loaded afterwards."""
    from torchvision.models import alexnet

    return patch("pyiqa.archs.lpips_arch.models.alexnet", lambda weights: alexnet())
