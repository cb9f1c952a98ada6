"""CameraSR's test photographs reduced to a quarter by MATLAB's bicubic: pairs whose scores are known beforehand.

No set of the paper. The published weights of the rivals, run on these pairs, gave the golden results of
facts/weights.md; so the study's own restoring and scoring can be held against numbers that it did not make.
HR images are photographs 001 to 020 as they are, LR images their antialiased reduction, rounded to 8 bits.
"""

import shutil
from pathlib import Path

from pipeline.datasets import layouts
from pipeline.datasets.images import read_rgb, write_png
from pipeline.degradations.bicubic import downscale_uint8

SCALE = 4
COUNT = 20


def write(photographs: Path, folder: Path) -> None:
    """Fill an empty `folder` from `photographs`, a folder with CameraSR. Raises `UserError` where images lack."""
    (folder / "HR").mkdir()
    for item in layouts.find("camerasr", photographs)[:COUNT]:
        if item.hr:
            shutil.copyfile(photographs / item.hr, folder / "HR" / f"{item.id}.png")
            lr = downscale_uint8(read_rgb(photographs / item.hr), SCALE)
            write_png(folder / "LR_bicubic_X4" / f"{item.id}.png", lr)
