"""From a preset's scores on disk to its tables, and from tables to files."""

from dataclasses import replace
from pathlib import Path

from pipeline.files import whole_folder
from pipeline.paths import results_root
from pipeline.reporting import formats
from pipeline.reporting.layout import LAYOUTS, Group, Layout
from pipeline.reporting.paper import FOLDER, read_paper_table
from pipeline.reporting.results import read_image_scores
from pipeline.reporting.tables import Source, StudyTable, study_table
from pipeline.settings import Settings

FORMATS = {"csv": formats.to_csv, "md": formats.to_markdown, "tex": formats.to_latex}


def source_of(settings: Settings, preset: str) -> Source:
    """Which data the results of `preset` are from."""
    block = settings.preset(preset)
    return Source(preset, block.label, official=block.source != "standin")


def study_tables(preset: str, settings: Settings, group: Group, paper: Path = FOLDER) -> list[StudyTable]:
    """The tables of a group whose dataset is in the study.

    Raises `UserError` when scores or the transcription are missing or broken.
    """
    source = source_of(settings, preset)
    return [
        study_table(
            layout, read_paper_table(layout.number, paper), read_image_scores(roots, layout.dataset), source
        )
        for layout, roots in _layouts(preset, settings, group)
    ]


def _layouts(preset: str, settings: Settings, group: Group) -> list[tuple[Layout, list[Path]]]:
    """The tables of a group, and where their results lie. The rows and the data of an ablation are params."""
    if group == "comparison":
        chosen = [
            layout for layout in LAYOUTS if layout.group == group and layout.dataset in settings.study.datasets
        ]
        return [(layout, [results_root(preset)]) for layout in chosen]
    ablation = settings.ablation
    rows = {5: ablation.table_5, 6: ablation.table_6}
    roots = [results_root(preset, seed) for seed in ablation.seeds]
    return [
        (replace(layout, dataset=ablation.data, first_rows=tuple(rows[layout.number])), roots)
        for layout in LAYOUTS
        if layout.group == group
    ]


def write_tables(tables: list[StudyTable], folder: Path) -> None:
    """Write table_<number>.{csv,md,tex} for every table to `folder`, all or none."""
    with whole_folder(folder) as temporary:
        for table in tables:
            for suffix, write in FORMATS.items():
                text = write(table)
                (temporary / f"table_{table.number}.{suffix}").write_text(text, encoding="utf-8")
