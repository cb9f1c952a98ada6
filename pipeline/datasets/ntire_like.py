"""NTIRE2020-like images made of CameraSR's HR photographs, laid out as track 1 has them.

The official images cannot be had without a download; these show the same task on real photographs. As in the
challenge, source photographs are real ones with the noise of their camera, targets are other photographs, and a
validation pair is an HR image with a bicubic reduction that carries noise of the source domain (Impressionism's
pipeline, facts/methods.md 1.10). Training never lays the noise of a validation pair on its images: it is cut from
photographs of its own, which are no sources.

    001 to 020   track1-valid-gt, and with noise track1-valid-input: the validation pairs, of CameraSR's test images
    021 to 045   track1-train-source
    046 to 055   track1-valid-noise: what the validation pairs' noise is cut from
    056 to 100   train-target
"""

import shutil
from pathlib import Path

from pipeline import streams
from pipeline.datasets import layouts
from pipeline.datasets.images import read_rgb, write_png
from pipeline.datasets.pools import collect_noise, noisy
from pipeline.degradations.bicubic import downscale_uint8
from pipeline.settings import Recipe
from pipeline.streams import Purpose

SCALE = 4
LAST_VALID, LAST_SOURCE, LAST_NOISE = 20, 45, 55


def write(recipe: Recipe, seed: int, photographs: Path, folder: Path) -> None:
    """Fill an empty `folder` from `photographs`, a folder with CameraSR.

    `seed` decides which noise lies on which validation image. Raises `UserError` when images are missing, or no
    noise patch is found.
    """
    files = {int(item.id): photographs / item.hr for item in layouts.find("camerasr", photographs) if item.hr}
    for number, file in files.items():
        _copy(file, folder / _place(number) / f"{number:04}.png")
    donors = [file for number, file in files.items() if LAST_SOURCE < number <= LAST_NOISE]
    noise = collect_noise(map(read_rgb, donors), len(donors), recipe)
    for number, file in files.items():
        if number <= LAST_VALID:
            hr = read_rgb(file)
            rng = streams.generator(seed, Purpose.TEST_NOISE, number)
            write_png(
                folder / "track1-valid-input" / f"{number:04}.png", noisy(downscale_uint8(hr, SCALE), noise, rng)
            )


def _place(number: int) -> str:
    """The folder of a photograph."""
    if number <= LAST_VALID:
        return "track1-valid-gt"
    if number <= LAST_SOURCE:
        return "track1-train-source"
    return "track1-valid-noise" if number <= LAST_NOISE else "train-target"


def _copy(file: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, goal)
