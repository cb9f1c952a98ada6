"""The report: one page that holds everything it shows and opens from disk without a network."""

from collections import Counter
from collections.abc import Iterable

from markupsafe import Markup

from pipeline.evaluation.metrics import METRICS
from pipeline.files import read_json
from pipeline.pages import templates
from pipeline.paths import data_root, figures_folder
from pipeline.reporting import captions
from pipeline.reporting.comparison.viewer import viewer
from pipeline.reporting.formats import TEMPLATES
from pipeline.reporting.grid import APART
from pipeline.reporting.illustrations import shown_figure
from pipeline.reporting.layout import PAPER_SETS
from pipeline.reporting.parts import shown_parts
from pipeline.reporting.pools import pool_sheets
from pipeline.reporting.provenance import Circumstances, provenance, shown_tables
from pipeline.reporting.runs import TrainingRun
from pipeline.reporting.study import source_of
from pipeline.settings import Settings


def page(preset: str, settings: Settings, made: Circumstances) -> str:
    """The HTML of the report on `preset`.

    Raises `UserError` when scores, images or models that it shows are missing or do not belong together.
    """
    root, datasets = data_root(preset), settings.study.datasets
    titles = {name: source_of(settings, preset, name).subject for name in datasets}
    origin = provenance(preset, settings, titles)
    return (
        templates(TEMPLATES)
        .get_template("index.html.j2")
        .render(
            name=preset,
            style=_verbatim("index.css", "viewer.css"),
            script=_verbatim("index.js", "viewer.js"),
            sources=[source_of(settings, preset, name) for name in datasets if name in PAPER_SETS],
            preset=settings.preset(preset),
            perceptual=read_json(root / "weights" / "perceptual.json"),
            origin=origin,
            made=made,
            environments=environments(origin.runs.values()),
            tables=shown_tables(preset, settings, origin),
            apart=APART,
            statistics=[captions.SEED_NOTE, captions.INTERVAL_NOTE, captions.TEST_NOTE, captions.STEP_NOTE],
            viewers=[viewer(preset, name, settings) for name in datasets],
            pools=[
                sheet for name in settings.study.training_sets for sheet in pool_sheets(root, name, titles[name])
            ],
            parts=shown_parts(preset, settings, figures_folder(preset, "parts")),
            figure=shown_figure(figures_folder(preset, "ablations"), preset, settings),
            border=settings.protocol.border,
            metrics=[METRICS[name] for name in settings.protocol.metrics],
        )
    )


def environments(runs: Iterable[TrainingRun]) -> list[tuple[str, str, int]]:
    """The different circumstances of trainings: device, threads and versions in words, and how many had them."""
    counts = Counter((run.device, run.surroundings) for run in runs)
    return [(device, surroundings, count) for (device, surroundings), count in sorted(counts.items())]


def _verbatim(*names: str) -> Markup:
    """Styles or scripts of ours as they are, joined: escaped, they would be others."""
    return Markup("".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names))
