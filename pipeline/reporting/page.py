"""The report: one page that holds everything it shows and opens from disk without a network."""

from pathlib import Path
from typing import get_args

import jinja2

from pipeline.evaluation.metrics import METRICS
from pipeline.files import read_json
from pipeline.paths import figures_folder
from pipeline.reporting import captions, crops
from pipeline.reporting.calibration import calibration_sheet
from pipeline.reporting.efficiency_table import efficiency_sheet
from pipeline.reporting.formats import TEMPLATES
from pipeline.reporting.illustrations import shown_figure
from pipeline.reporting.layout import PAPER_SETS, Group
from pipeline.reporting.pools import pool_sheets
from pipeline.reporting.runs import training_runs
from pipeline.reporting.study import further_methods, source_of, study_tables
from pipeline.reporting.study_sheet import study_sheet
from pipeline.settings import Settings


def page(root: Path, preset: str, settings: Settings) -> str:
    """The HTML of the report on `preset`, whose results lie under `root` (runs/<preset>).

    Raises `UserError` when scores, images or models that it shows are missing or do not belong together.
    """
    datasets = settings.study.datasets
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("index.html.j2").render(
        name=preset,
        sources=[source_of(settings, preset, name) for name in datasets if name in PAPER_SETS],
        preset=settings.preset(preset),
        perceptual=read_json(root / "weights" / "perceptual.json"),
        runs=training_runs(root, datasets),
        sheets=[
            *(study_sheet(table) for group in get_args(Group) for table in study_tables(preset, settings, group)),
            efficiency_sheet(preset),
            calibration_sheet(preset, settings),
        ],
        statistics=[captions.INTERVAL_NOTE, captions.TEST_NOTE, captions.STEP_NOTE],
        samples=[
            crops.crop_row(root, name, source_of(settings, preset, name).subject, further_methods(settings))
            for name in datasets
        ],
        pools=[
            sheet
            for name in settings.study.training_sets
            for sheet in pool_sheets(root, name, source_of(settings, preset, name).subject)
        ],
        figure=shown_figure(figures_folder(preset, "ablations"), preset, settings),
        rule=crops.RULE,
        border=settings.protocol.border,
        metrics=[METRICS[name] for name in settings.protocol.metrics],
    )
