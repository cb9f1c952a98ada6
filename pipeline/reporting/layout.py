"""Which of the study's results stand in which table, and how datasets are called there.

Rows of the paper come from reports/paper; a row there and a method of the study meet by the method's name. Table
VII is about networks, not about images: `efficiency_table.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.settings import SCALES, Dataset

Group = Literal["comparison", "ablations"]

METRICS = ("psnr", "ssim", "lpips", "lpips_vgg", "dists", "niqe", "psnr_y", "ssim_y")

ABLATION_METRICS = ("psnr", "ssim", "lpips")
"""The paper's three; for each a row of an ablation is held against the row above, where it is measured."""

BLIND_METRICS = ("niqe", "mos")
"""Of a set without ground truth. They do not compare with the paper's: it names no implementation of NIQE, and the
raters were others."""

DATASETS: Mapping[str, str] = {
    "realsr": "RealSR",
    "ntire2020": "NTIRE2020 track 1",
    "camerasr": "CameraSR",
    "realsr_zero": "RealSR-Zero",
    "calibration": "CameraSR reduced by bicubic (calibration)",
}

CRIA = "full"
"""The paper's method: what every other row is tested against."""


@dataclass(frozen=True)
class Layout:
    """One table.

    Attributes:
        number: in the paper.
        dataset: whose scores it shows.
        group: `comparison` tables hold each row against Cria-CL, `ablations` also against the row above.
        metrics: its columns.
        references: methods that every other row of an ablation is held against, beside the row above.
    """

    number: int
    dataset: Dataset
    group: Group = "comparison"
    metrics: tuple[str, ...] = METRICS
    references: tuple[str, ...] = ()


LAYOUTS = (
    Layout(1, "realsr_zero", metrics=BLIND_METRICS),
    Layout(2, "realsr"),
    Layout(3, "ntire2020"),
    Layout(4, "camerasr"),
    Layout(5, "ntire2020", "ablations", metrics=ABLATION_METRICS, references=("plain", "wsum")),
    Layout(6, "ntire2020", "ablations", metrics=ABLATION_METRICS, references=(CRIA,)),
)

PAPER_SETS = frozenset(layout.dataset for layout in LAYOUTS)
"""The datasets that the paper has."""


def reference(dataset: Dataset) -> str:
    """The method that a dataset's results are held against: the LR image, brought to the size of HR."""
    return "identity" if SCALES[dataset] == 1 else "bicubic"
