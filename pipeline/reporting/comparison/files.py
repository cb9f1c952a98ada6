"""From a preset's results on disk to the figures of its datasets, and from their files to the page."""

from collections.abc import Iterator

import matplotlib.style
from matplotlib.figure import Figure

from pipeline.files import whole_folder
from pipeline.paths import data_root, figures_folder
from pipeline.reporting.captions import shown_seed
from pipeline.reporting.comparison.cuts import DOTS, cuts
from pipeline.reporting.comparison.scores import Strips, distributions, strips
from pipeline.reporting.comparison.versions import ordered, read_comparison
from pipeline.reporting.figures import STYLE
from pipeline.reporting.illustrations import NO_DATES, ShownFigure, figure_uri
from pipeline.reporting.results import read_scores
from pipeline.reporting.study import compared, source_of
from pipeline.settings import Dataset, Settings

GROUP = "comparison"


def write_figures(preset: str, settings: Settings) -> None:
    """Write the figures of every dataset to reports/<preset>/figures/comparison, all or none.

    <dataset>_cuts and <dataset>_scores, each as SVG and PNG; the latter only where some metric is defined.

    Raises `UserError` when scores or images are missing or damaged.
    """
    folder = figures_folder(preset, GROUP)
    with whole_folder(folder) as temporary, matplotlib.style.context(["default", STYLE]):
        for dataset in settings.study.datasets:
            for name, figure in _figures(preset, dataset, settings):
                for suffix, metadata in NO_DATES.items():
                    dpi = max(DOTS, figure.dpi)
                    figure.savefig(temporary / f"{name}.{suffix}", metadata=metadata, dpi=dpi)


def dataset_strips(preset: str, dataset: Dataset, settings: Settings) -> Strips:
    """The scores of a dataset's methods in their order; of those that were trained here the preset's first seed."""
    seed = settings.preset(preset).seeds[0]
    scores = read_scores(data_root(preset), dataset, seed)
    return strips(scores, ordered(scores, compared(settings, preset, dataset)), seed)


def shown_scores(preset: str, dataset: Dataset, settings: Settings) -> ShownFigure | None:
    """The figure of scores that `write_figures` left, for the page; None where no metric is defined.

    Raises `UserError` when its file is missing.
    """
    shown, source = dataset_strips(preset, dataset, settings), source_of(settings, preset, dataset)
    if not shown.values:
        return None
    names = f"{dataset}_scores"
    return ShownFigure(
        title=f"Scores, {source.subject}.",
        caption=(
            f"Every test image (n = {shown.images}) by every method, a dot an image, the median marked. The tables "
            f"give means over the seeds. {shown_seed(shown.seed)} Preset {source.preset}; data: {source.label}."
        ),
        alternative=f"Strip plots of {shown.images} test images' scores, a row a method. Medians. {shown.medians}",
        uri=figure_uri(figures_folder(preset, GROUP) / f"{names}.svg", f"dvc repro illustrate@{preset}"),
        links=links(names),
    )


def links(name: str) -> dict[str, str]:
    """Addresses of a figure's files relative to the page, by format."""
    return {suffix.upper(): f"figures/{GROUP}/{name}.{suffix}" for suffix in NO_DATES}


def _figures(preset: str, dataset: Dataset, settings: Settings) -> Iterator[tuple[str, Figure]]:
    yield f"{dataset}_cuts", cuts(read_comparison(preset, dataset, settings))
    shown = dataset_strips(preset, dataset, settings)
    if shown.values:
        yield f"{dataset}_scores", distributions(shown, source_of(settings, preset, dataset))
