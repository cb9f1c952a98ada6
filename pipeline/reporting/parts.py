"""The parts of the trained generators' images, from disk to figures and to the page with words about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.style
import numpy as np
from PIL import Image

from pipeline.errors import UserError
from pipeline.evaluation.kept_parts import SIDE, About, KeptParts, groups, read_about
from pipeline.files import whole_folder
from pipeline.paths import data_root
from pipeline.reporting.captions import Source, shown_seed
from pipeline.reporting.figures import STYLE
from pipeline.reporting.illustrations import NO_DATES
from pipeline.reporting.parts_figure import amplification, parts_figure, percent
from pipeline.reporting.pictures import data_uri
from pipeline.reporting.study import method_titles, source_of
from pipeline.settings import Settings

NEARLY_CONSTANT = 0.02
"""Standard deviation of a mask over an image below which no pattern can be seen: a fiftieth of the colour bar."""

MARKED = {"paper": "the spatial mask S", "released": "the largest share of the channel mask"}
COMPOSED = {
    "paper": "I_SR = S · I_align + (1 − S) · I_unif (Eq. 10)",
    "released": "I_SR = out1 + out2, which are masked already",
}
BRANCHES = {"paper": ("I_align", "I_unif"), "released": ("out1", "out2")}


@dataclass(frozen=True)
class ShownParts:
    """A figure as the page shows it.

    Attributes:
        title: dataset and configuration.
        run: the training that made it.
        paragraphs: what is seen, and its numbers.
        alternative: the figure in words, for those who cannot see it.
        uri: the figure as a data URI.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        links: addresses relative to the page, by format.
    """

    title: str
    run: str
    paragraphs: tuple[str, ...]
    alternative: str
    uri: str
    width: int
    height: int
    links: Mapping[str, str]


def draw_parts(preset: str, settings: Settings, folder: Path) -> None:
    """Write `folder`/<dataset>_<configuration>.svg and .png of all parts of `preset`, all or none.

    Raises `UserError` when parts are missing or damaged.
    """
    with whole_folder(folder) as temporary, matplotlib.style.context(["default", STYLE]):
        for dataset, configuration, images in groups(data_root(preset), settings):
            figure = parts_figure([KeptParts.read(image) for image in images])
            for suffix, metadata in NO_DATES.items():
                figure.savefig(temporary / f"{dataset}_{configuration}.{suffix}", metadata=metadata)


def shown_parts(preset: str, settings: Settings, folder: Path) -> list[ShownParts]:
    """What `draw_parts` has left in `folder`, with what is to be said of it; none without a masked configuration.

    Raises `UserError` when a figure or the numbers behind it are missing.
    """
    return [
        _shown(
            folder / f"{dataset}_{configuration}.png",
            [read_about(image) for image in images],
            source_of(settings, preset, dataset),
            method_titles(settings, preset, dataset)[configuration],
            settings.preset(preset).seeds[0],
        )
        for dataset, configuration, images in groups(data_root(preset), settings)
    ]


def what_is_seen(abouts: Sequence[About]) -> str:
    """The columns of the figure in words, and what of which images they show."""
    first, layout = abouts[0], abouts[0].layout
    align, unif = BRANCHES[layout]
    factor = amplification(abouts)
    names = ", ".join(about.image for about in abouts)
    whole = all(about.square.whole for about in abouts)
    part = "shown whole" if whole else f"the central square of each, {SIDE} SR pixels or fewer a side"
    truth = "; HR" if first.ground_truth else ""
    complement = "; its complement 1 − S weighs I_unif" if layout == "paper" else ""
    return (
        f"A row a test image, the first, middle and last by name ({names}; {part}). Columns: LR"
        f"{', enlarged pixel by pixel' if first.scale > 1 else ''}; {align} and {unif}; {MARKED[layout]}, its "
        f"colour bar from 0 to 1{complement}; |{align} − {unif}|, mean over the channels, {factor} times as strong "
        f"(white: {255 / factor:.3g} grey levels of 255); {COMPOSED[layout]}{truth}. Below: the mask's histograms."
    )


def mask_words(abouts: Sequence[About]) -> str:
    """What the numbers say of the mask: where it is nearly constant, this first."""
    numbers = [about.numbers for about in abouts]
    subject = "S" if abouts[0].layout == "paper" else "The drawn mask"
    spread = max(n.deviation for n in numbers)
    shares = dict.fromkeys(percent(choice(n.above_half for n in numbers)) for choice in (min, max))
    values = (
        f"means of {min(n.mean for n in numbers):.3f} to {max(n.mean for n in numbers):.3f}, all values between "
        f"{min(n.minimum for n in numbers):.3f} and {max(n.maximum for n in numbers):.3f}, a standard deviation "
        f"within an image of at most {spread:.3f}, above 0.5 at {' to '.join(shares)} of an image's pixels"
    )
    if spread < NEARLY_CONSTANT:
        return f"{subject} is nearly constant here, and no pattern should be read into it: {values}."
    return f"{subject} has {values}."


def difference_words(abouts: Sequence[About]) -> str:
    """How far the branches are apart, and what the mask's choice between them is worth."""
    numbers = [about.numbers for about in abouts]
    align, unif = BRANCHES[abouts[0].layout]
    apart = (
        f"{align} and {unif} differ by {_mean([n.difference_mean for n in numbers]):.2f} grey levels on average, "
        f"{max(n.difference_max for n in numbers):.2f} at most"
    )
    effects = [n.mask_effect for n in numbers if n.mask_effect is not None]
    if effects:
        apart += f"; were S its mean everywhere, I_SR would change by {_mean(effects):.2g} grey levels on average"
    clamped = max(n.out_of_range for n in numbers)
    more = f" Their values outside the 8 bits ({percent(clamped)} of an image at most) are drawn clamped."
    return f"{apart}.{more if clamped else ''}"


def _shown(file: Path, abouts: Sequence[About], source: Source, configuration: str, seed: int) -> ShownParts:
    _refuse_a_mixture(abouts, file)
    uri, width, height = _webp(file)
    return ShownParts(
        title=f"{source.first_words}, {configuration}",
        run=abouts[0].run,
        paragraphs=(
            what_is_seen(abouts),
            f"{mask_words(abouts)} {difference_words(abouts)}",
            f"{shown_seed(seed)} Preset {source.preset}; data: {source.label}.",
        ),
        alternative=(
            f"Grid of pictures, a row for each of {len(abouts)} test images of {source.subject}: LR, both "
            "branches, the mask, the difference of the branches, SR and HR. Below, a histogram of the mask. "
            f"{mask_words(abouts)}"
        ),
        uri=uri,
        width=width,
        height=height,
        links={suffix.upper(): f"figures/{file.parent.name}/{file.stem}.{suffix}" for suffix in NO_DATES},
    )


def _refuse_a_mixture(abouts: Sequence[About], file: Path) -> None:
    runs = sorted({about.run for about in abouts})
    if len(runs) > 1:
        raise UserError(
            f"{file} shows parts of several runs ({', '.join(runs)}). Run `dvc repro` to make them anew."
        )


def _webp(file: Path) -> tuple[str, int, int]:
    """A PNG as lossless WebP: the data URI, width and height."""
    if not file.exists():
        raise UserError(f"{file} is missing. Run `dvc repro` (stage illustrate_parts) to draw it.")
    with Image.open(file) as image:  # matplotlib's have an alpha channel, all opaque
        pixels = np.asarray(image.convert("RGB"))
    return data_uri(pixels), pixels.shape[1], pixels.shape[0]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
