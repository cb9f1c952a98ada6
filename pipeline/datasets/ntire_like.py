"""NTIRE2020-like images made of CameraSR's HR photographs, laid out as track 1 has them.

The official images cannot be had without a download; these show the same task on real photographs. As in the
challenge, source photographs are real ones with the noise of their camera, targets are other photographs, and a
validation pair is an HR image with a bicubic reduction that carries noise of the source domain (Impressionism's
pipeline, facts/methods.md 1.10). Photographs 021 to 055 are sources, 056 to 100 targets, and 001 to 020, CameraSR's
test images, the validation pairs.
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
LAST_VALID, LAST_SOURCE = 20, 55


def write(recipe: Recipe, seed: int, photographs: Path, folder: Path) -> None:
    """Fill an empty `folder` from `photographs`, a folder with CameraSR.

    `seed` decides which noise lies on which validation image. Raises `UserError` when images are missing, or no
    noise patch is found.
    """
    files = {int(item.id): photographs / item.hr for item in layouts.find("camerasr", photographs) if item.hr}
    sources = [file for number, file in files.items() if LAST_VALID < number <= LAST_SOURCE]
    for number, file in files.items():
        if number > LAST_VALID:
            place = "track1-train-source" if number <= LAST_SOURCE else "train-target"
            _copy(file, folder / place / f"{number:04}.png")
    noise = collect_noise(sources, recipe)
    for number, file in files.items():
        if number <= LAST_VALID:
            hr = read_rgb(file)
            rng = streams.generator(seed, Purpose.TEST_NOISE, number)
            write_png(
                folder / "track1-valid-input" / f"{number:04}.png", noisy(downscale_uint8(hr, SCALE), noise, rng)
            )
            _copy(file, folder / "track1-valid-gt" / f"{number:04}.png")


def _copy(file: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, goal)
