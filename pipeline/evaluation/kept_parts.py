"""The parts of a masked generator's images on disk: a folder an image, with what is known of it in about.json.

runs/<preset>/parts/<dataset>/<configuration>/<image>/
    lr.png, hr.png              the square that is shown; hr.png only where there is ground truth
    align.png, unif.png, sr.png I_align, I_unif and I_SR, 8 bit
    mask.npy                    S, float32, H x W
    difference.npy              |I_align - I_unif|, mean over the channels, in grey levels, float32, H x W
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.datasets.images import Pixels, read_rgb, write_png
from pipeline.errors import UserError
from pipeline.files import read_json, write_json
from pipeline.settings import Dataset, Settings

SIDE = 256
"""Of the square that is kept, in SR pixels: what a figure of a page's width and seven columns can print."""

Map = NDArray[np.float32]
"""A value a pixel, H x W."""


@dataclass(frozen=True)
class Square:
    """What is kept of an image, in LR pixels, and the size of the whole LR image."""

    top: int
    left: int
    height: int
    width: int
    image_height: int
    image_width: int

    @property
    def whole(self) -> bool:
        """Whether it is the whole image."""
        return (self.height, self.width) == (self.image_height, self.image_width)


@dataclass(frozen=True)
class Numbers:
    """An image's parts in numbers, all of the square that is kept.

    Attributes:
        minimum, mean, maximum, deviation: of the mask.
        above_half: share of pixels where the mask is above 0.5.
        difference_mean, difference_max: of |I_align - I_unif|, mean over the channels, in grey levels (0 to 255).
        mask_effect: by how many grey levels I_SR would change on average if S were its mean everywhere; None for
            the layout `released`.
        out_of_range: share of the values of I_align and I_unif outside [0, 1], which their PNGs clamp.
        residual: the largest difference of I_SR to what its parts make of it, in grey levels: rounding, no more.
    """

    minimum: float
    mean: float
    maximum: float
    deviation: float
    above_half: float
    difference_mean: float
    difference_max: float
    mask_effect: float | None
    out_of_range: float
    residual: float


@dataclass(frozen=True)
class About:
    """What about.json says of an image's parts.

    Attributes:
        dataset, configuration, run, image: what was restored, and by which training.
        layout: `paper`, whose mask is S of Eq. 10; or `released`, whose parts are masked already and add up to
            I_SR, and whose drawn mask is the largest share of its channels (`Parts.drawn_mask`).
        scale: from LR to SR.
        ground_truth: whether there is an HR image.
        square: what is kept of the image.
        numbers: of that square.
    """

    dataset: Dataset
    configuration: str
    run: str
    image: str
    layout: Literal["paper", "released"]
    scale: int
    ground_truth: bool
    square: Square
    numbers: Numbers


@dataclass(frozen=True)
class KeptParts:
    """An image's parts, cut to the square that is shown; all but `lr` (h x w) are H x W, H = scale * h."""

    about: About
    lr: Pixels
    align: Pixels
    unif: Pixels
    sr: Pixels
    hr: Pixels | None
    mask: Map
    difference: Map

    @property
    def pictures(self) -> dict[str, Pixels]:
        """The 8-bit images by the names of their files."""
        truth = {} if self.hr is None else {"hr": self.hr}
        return {"lr": self.lr, "align": self.align, "unif": self.unif, "sr": self.sr, **truth}

    def write(self, folder: Path) -> None:
        """Write the files of an image into `folder`, which the caller has made aside."""
        for name, pixels in self.pictures.items():
            write_png(folder / f"{name}.png", pixels)
        np.save(folder / "mask.npy", self.mask)
        np.save(folder / "difference.npy", self.difference)
        write_json(folder / "about.json", asdict(self.about))

    @classmethod
    def read(cls, folder: Path) -> "KeptParts":
        """What `write` left. Raises `UserError` when a file is missing or damaged."""
        pictures = {name: read_rgb(folder / f"{name}.png") for name in ("lr", "align", "unif", "sr")}
        truth = folder / "hr.png"
        return cls(
            about=read_about(folder),
            hr=read_rgb(truth) if truth.exists() else None,
            mask=_read_map(folder / "mask.npy"),
            difference=_read_map(folder / "difference.npy"),
            **pictures,
        )


def masked(settings: Settings) -> list[str]:
    """The configurations of the study whose generators have two branches and a mask."""
    return [name for name in settings.study.configurations if settings.configuration(name).mask]


def groups(root: Path, settings: Settings) -> Iterator[tuple[Dataset, str, list[Path]]]:
    """Every dataset and configuration with the folders of its images, under `root` (runs/<preset>), by name.

    Raises `UserError` where one has no image: then the parts were made by other settings, or not at all.
    """
    for dataset in settings.study.training_sets:
        for configuration in masked(settings):
            folder = root / "parts" / dataset / configuration
            images = sorted(file.parent for file in folder.glob("*/about.json"))
            if not images:
                raise UserError(f"{folder} has no parts of an image. Run `dvc repro` (stage parts) to make them.")
            yield dataset, configuration, images


def read_about(folder: Path) -> About:
    """about.json of an image. Raises `UserError` when it is missing or of other fields."""
    file = folder / "about.json"
    try:
        values = read_json(file)
        return About(**values | {"square": Square(**values["square"]), "numbers": Numbers(**values["numbers"])})
    except (KeyError, TypeError) as error:
        raise UserError(f"{file} does not say what is known of parts ({error}). Run `dvc repro`.") from None


def shown_images(ids: Sequence[str]) -> list[str]:
    """Which test images are taken apart: the first, the middle (of two, the first) and the last by name."""
    names = sorted(ids)
    return [names[place] for place in sorted({0, (len(names) - 1) // 2, len(names) - 1})]


def _read_map(file: Path) -> Map:
    try:
        values: Map = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{file} cannot be read ({error}). Run `dvc repro` (stage parts) to make it.") from None
    return values
