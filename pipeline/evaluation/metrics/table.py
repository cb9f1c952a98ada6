"""The metrics of the study, an entry each. To add one, write a function of two pictures and an entry here.

Importing this is cheap: what a metric computes with is imported when a scorer prepares it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.evaluation.metrics.fidelity import psnr, psnr_y, ssim, ssim_y
from pipeline.settings import JUDGES

if TYPE_CHECKING:
    from torch import Tensor

    from pipeline.evaluation.metrics.dists import Dists
    from pipeline.evaluation.metrics.lpips import Lpips, Net

Measure = Callable[..., float]
"""Of a restored `Picture` and, where the metric is full-reference, its ground truth; NaN where not defined."""


@dataclass(frozen=True)
class Metric:
    """How a metric is computed and printed.

    Attributes:
        name: in params.yaml and as a column.
        title: in tables.
        decimals: printed.
        implementation: whose reading of the metric this is, in words.
        prepare: the measure, of the device and the tensors of each of `weights`.
        weights: names under runs/<preset>/pretrained.
    """

    name: str
    title: str
    higher_is_better: bool
    full_reference: bool
    decimals: int
    implementation: str
    prepare: Callable[..., Measure]
    weights: tuple[str, ...] = ()


def _plain(measure: Measure) -> Callable[[str], Measure]:
    """For a metric that knows no weights and no device."""
    return lambda _device: measure


def _lpips(net: "Net") -> Callable[[str, Mapping[str, "Tensor"]], "Lpips"]:
    def prepare(device: str, tensors: Mapping[str, "Tensor"]) -> "Lpips":
        from pipeline.evaluation.metrics.lpips import Lpips

        return Lpips(net, tensors, device)

    return prepare


def _dists(device: str, features: Mapping[str, "Tensor"], weights: Mapping[str, "Tensor"]) -> "Dists":
    from pipeline.evaluation.metrics.dists import Dists

    return Dists(features, weights, device)


def _niqe(_device: str, tensors: Mapping[str, "Tensor"]) -> Measure:
    from functools import partial

    from pipeline.evaluation.metrics.niqe import niqe, pristine

    return partial(niqe, pristine({name: tensor.numpy() for name, tensor in tensors.items()}))


_SCRIPT = "the authors' script: RGB, border cut"
_LUMA = "as MATLAB and BasicSR: BT.601 luma, border cut"
_LPIPS = "the official package's, version 0.1, on the whole image"

_FULL_REFERENCE = (
    Metric(
        "psnr",
        "PSNR",
        higher_is_better=True,
        full_reference=True,
        decimals=3,
        implementation=_SCRIPT,
        prepare=_plain(psnr),
    ),
    Metric(
        "ssim",
        "SSIM",
        higher_is_better=True,
        full_reference=True,
        decimals=4,
        implementation=_SCRIPT,
        prepare=_plain(ssim),
    ),
    Metric(
        "lpips",
        "LPIPS",
        higher_is_better=False,
        full_reference=True,
        decimals=4,
        implementation=f"{_LPIPS}, AlexNet",
        prepare=_lpips("alex"),
        weights=JUDGES["lpips"],
    ),
    Metric(
        "lpips_vgg",
        "LPIPS-VGG",
        higher_is_better=False,
        full_reference=True,
        decimals=4,
        implementation=f"{_LPIPS}, VGG-16",
        prepare=_lpips("vgg"),
        weights=JUDGES["lpips_vgg"],
    ),
    Metric(
        "dists",
        "DISTS",
        higher_is_better=False,
        full_reference=True,
        decimals=4,
        implementation="this study's, with the published weights, on the whole image",
        prepare=_dists,
        weights=JUDGES["dists"],
    ),
    Metric(
        "psnr_y",
        "PSNR-Y",
        higher_is_better=True,
        full_reference=True,
        decimals=3,
        implementation=_LUMA,
        prepare=_plain(psnr_y),
    ),
    Metric(
        "ssim_y",
        "SSIM-Y",
        higher_is_better=True,
        full_reference=True,
        decimals=4,
        implementation=_LUMA,
        prepare=_plain(ssim_y),
    ),
)
_NO_REFERENCE = (
    Metric(
        "niqe",
        "NIQE",
        higher_is_better=False,
        full_reference=False,
        decimals=3,
        implementation="this study's, after the authors' MATLAB release and with its parameters, border cut",
        prepare=_niqe,
        weights=JUDGES["niqe"],
    ),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*_FULL_REFERENCE, *_NO_REFERENCE)}
