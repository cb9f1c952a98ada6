"""The metrics of the study (facts/methods.md 0.1): `METRICS` says what they are, a `Scorer` computes them.

Images are `Picture`s: 8-bit RGB as read back from a PNG. A metric is NaN where it is not defined.
"""

from pipeline.evaluation.metrics.fidelity import psnr, psnr_y, ssim, ssim_y
from pipeline.evaluation.metrics.picture import Picture
from pipeline.evaluation.metrics.scorer import Scorer
from pipeline.evaluation.metrics.table import METRICS, Metric

__all__ = ["METRICS", "Metric", "Picture", "Scorer", "psnr", "psnr_y", "ssim", "ssim_y"]
