"""From a preset's scores on disk to its tables, and from tables to files."""

from pathlib import Path

from pipeline.files import whole_folder
from pipeline.reporting import formats
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.paper import FOLDER, read_paper_table
from pipeline.reporting.results import read_results
from pipeline.reporting.tables import Source, StudyTable, study_table
from pipeline.settings import Settings

FORMATS = {"csv": formats.to_csv, "md": formats.to_markdown, "tex": formats.to_latex}


def source_of(settings: Settings, preset: str) -> Source:
    """Which data the results of `preset` are from."""
    block = settings.preset(preset)
    return Source(preset, block.label, official=block.source != "standin")


def study_tables(root: Path, preset: str, settings: Settings, paper: Path = FOLDER) -> list[StudyTable]:
    """The tables whose dataset is in the study.

    Raises `UserError` when scores or the transcription are missing or broken.
    """
    source = source_of(settings, preset)
    return [
        study_table(layout, read_paper_table(layout.number, paper), read_results(root, layout.dataset), source)
        for layout in LAYOUTS
        if layout.dataset in settings.study.datasets
    ]


def write_tables(tables: list[StudyTable], folder: Path) -> None:
    """Write table_<number>.{csv,md,tex} for every table to `folder`, all or none."""
    with whole_folder(folder) as temporary:
        for table in tables:
            for suffix, write in FORMATS.items():
                text = write(table)
                (temporary / f"table_{table.number}.{suffix}").write_text(text, encoding="utf-8")
