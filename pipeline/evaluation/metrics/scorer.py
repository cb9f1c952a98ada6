"""All metrics of a protocol on one pair of pictures; weights are loaded once."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UserError
from pipeline.evaluation.metrics.picture import Picture
from pipeline.evaluation.metrics.table import METRICS, Measure, Metric

if TYPE_CHECKING:
    from torch import Tensor


class Scorer:
    """Measures pictures one pair at a time, so that no value depends on what else is scored."""

    def __init__(self, names: Sequence[str], pretrained: Path, device: str = "cpu") -> None:
        """Prepare the metrics of those names.

        Args:
            pretrained: runs/<preset>/pretrained, where `<name>/weights.safetensors` lie.
            device: `cpu` or `cuda`, for the metrics that are networks.

        Raises `UserError` when weights are missing or not what their name says.
        """
        self._measures = {name: _prepared(METRICS[name], pretrained, device) for name in names}

    def __call__(self, sr: Picture, hr: Picture | None) -> dict[str, float]:
        """Every metric of a restored picture; NaN where it is not defined (no `hr`, or the image is too small)."""
        return {name: self._value(name, sr, hr) for name in self._measures}

    def _value(self, name: str, sr: Picture, hr: Picture | None) -> float:
        if not METRICS[name].full_reference:
            return self._measures[name](sr)
        return math.nan if hr is None else self._measures[name](sr, hr)


def _prepared(metric: Metric, pretrained: Path, device: str) -> Measure:
    files = [pretrained / name / "weights.safetensors" for name in metric.weights]
    tensors = [_tensors(file, metric) for file in files]
    try:
        return metric.prepare(device, *tensors)
    except (KeyError, RuntimeError) as error:  # a tensor that is not there, or of another shape
        reason = " ".join(str(error).split())
        raise UserError(
            f"{' or '.join(map(str, files))} does not hold what {metric.title} needs ({reason}). "
            "Delete it and run `dvc repro weights`."
        ) from None


def _tensors(file: Path, metric: Metric) -> "dict[str, Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(file)
    except FileNotFoundError:
        raise UserError(
            f"{file} is missing: {metric.title} needs it. Run `dvc repro weights`, or take {metric.name} out of "
            "protocol.metrics in params.yaml."
        ) from None
    except SafetensorError as error:
        raise UserError(f"{file} cannot be read ({error}). Delete it and run `dvc repro weights`.") from None
    return tensors
