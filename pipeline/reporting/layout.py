"""Which of the study's results stand in which table, and how datasets and methods are called there.

Rows of the paper come from reports/paper; a row there and a method of the study meet by the method's name.
A further table (I, VI, VII) is one more entry of `LAYOUTS`, with the metrics it shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.settings import SCALES, Dataset

METRICS = ("psnr", "ssim", "lpips", "niqe", "psnr_y", "ssim_y")

DATASETS: Mapping[Dataset, str] = {
    "realsr": "RealSR",
    "ntire2020": "NTIRE2020 track 1",
    "camerasr": "CameraSR",
    "realsr_zero": "RealSR-Zero",
}

METHODS: Mapping[str, str] = {
    "identity": "LR, untouched",
    "bicubic": "Bicubic",
    "plain": "RRDB, weighted sum (plain)",
    "full": "Cria-CL (full)",
}
"""Titles of methods where the paper has no row for them; any other goes by its own name."""


@dataclass(frozen=True)
class Layout:
    """One table: its number in the paper, its dataset, its metric columns, and our rows that it adds on top."""

    number: int
    dataset: Dataset
    own_rows: tuple[str, ...] = ()
    metrics: tuple[str, ...] = METRICS


LAYOUTS = (
    Layout(2, "realsr", own_rows=("bicubic", "plain")),
    Layout(3, "ntire2020", own_rows=("bicubic", "plain")),
    Layout(4, "camerasr", own_rows=("identity", "plain")),
    Layout(5, "ntire2020"),
)


def reference(dataset: Dataset) -> str:
    """The method that a dataset's results are held against: the LR image, brought to the size of HR."""
    return "identity" if SCALES[dataset] == 1 else "bicubic"


def method_title(method: str) -> str:
    """How a method is called outside the rows of the paper."""
    return METHODS.get(method, method)
