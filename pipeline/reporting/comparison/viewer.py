"""What the page shows of a dataset: the square by every method, the pixels around it, and every image's scores."""

from dataclasses import dataclass
from math import ceil

from pipeline.datasets.images import Pixels
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.comparison.choice import Window
from pipeline.reporting.comparison.files import links, shown_scores
from pipeline.reporting.comparison.versions import HR, Comparison, Version, read_comparison
from pipeline.reporting.illustrations import ShownFigure
from pipeline.reporting.layout import CRIA, reference
from pipeline.reporting.pictures import data_uri
from pipeline.settings import Dataset, Settings

OVERVIEW = 512
"""Pixels a side that the whole image has on the page at most."""


@dataclass(frozen=True)
class Tile:
    """One version: its pixels in `Viewer.view` as a data URI, and what was measured on its whole image."""

    name: str
    title: str
    values: tuple[str, ...]
    uri: str
    ours: bool


@dataclass(frozen=True)
class Viewer:
    """All versions of one image, places and sizes in HR pixels.

    Attributes:
        subject: what the dataset is, in words that begin a line.
        overview: LR, whole, as a data URI; `thinned`: of its pixels, every how many-th it has a side.
        whole: the place of the whole image.
        before, after: names of the two versions that the divider shows first.
        links: addresses of the figure's files by format.
        scores: the figure of the scores of all images; None where no metric is defined.
    """

    dataset: Dataset
    subject: str
    image: str
    rule: str
    overview: str
    thinned: int
    whole: Window
    view: Window
    square: Window
    tiles: tuple[Tile, ...]
    before: str
    after: str
    links: dict[str, str]
    scores: ShownFigure | None


def viewer(preset: str, dataset: Dataset, settings: Settings) -> Viewer:
    """Of a dataset of `preset`.

    Raises `UserError` when scores, images or the figure of the scores are missing or damaged.
    """
    shown = read_comparison(preset, dataset, settings)
    low = shown.versions[0]
    every = ceil(max(low.image.shape[:2]) / OVERVIEW)
    before, after = _pair(shown)
    return Viewer(
        dataset=dataset,
        subject=shown.source.first_words,
        image=shown.image,
        rule=shown.rule,
        overview=data_uri(low.image[::every, ::every]),
        thinned=every,
        whole=_whole(low.image, low.covers),
        view=shown.view,
        square=shown.square,
        tiles=tuple(_tile(shown, version) for version in shown.versions),
        before=before,
        after=after,
        links=links(f"{dataset}_cuts"),
        scores=shown_scores(preset, dataset, settings),
    )


def _whole(image: Pixels, covers: int) -> Window:
    return Window(0, 0, covers * image.shape[0], covers * image.shape[1])


def _tile(shown: Comparison, version: Version) -> Tile:
    values = tuple(_value(metric, text) for metric, text in version.values.items())
    pixels = shown.view.of(version.image, version.covers)
    return Tile(version.name, version.title, values, data_uri(pixels), ours=version.name == CRIA)


def _value(metric: str, text: str) -> str:
    return f"{METRICS[metric].title} {text}{' dB' if metric == 'psnr' else ''}"


def _pair(shown: Comparison) -> tuple[str, str]:
    """The reference row and Cria-CL; where one is missing, LR or the last method in its place."""
    names = [version.name for version in shown.versions]
    methods = [name for name in names if name != HR]
    before = reference(shown.dataset) if reference(shown.dataset) in names else names[0]
    return before, CRIA if CRIA in names else methods[-1]
