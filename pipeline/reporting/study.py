"""From a preset's scores on disk to its tables."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.datasets.registry import collection
from pipeline.methods.rows import rows
from pipeline.paths import data_root
from pipeline.reporting.captions import Source
from pipeline.reporting.layout import DATASETS, LAYOUTS, PAPER_SETS, Group, Layout
from pipeline.reporting.opinions import opinions
from pipeline.reporting.paper import FOLDER, read_paper_table
from pipeline.reporting.results import read_image_scores, read_remarks
from pipeline.reporting.tables import StudyTable, study_table
from pipeline.settings import SCALES, Dataset, Settings

ANCHORS = 6
"""The number of the table about anchors: it shows the partitions."""


def source_of(settings: Settings, preset: str, dataset: Dataset) -> Source:
    """Which data the results of `preset` on `dataset` are from."""
    block = settings.preset(preset)
    composition = block.dataset(dataset)
    official, place = composition.official(dataset), DATASETS[dataset]
    if composition.standin:
        return Source(preset, f"stand-in for {place}", block.label, official)
    no_place = official or dataset not in PAPER_SETS
    subject = place if no_place else f"{_titles(composition.tested)} in the place of {place}"
    others = [name for name in composition.collections if name not in composition.tested]
    training = f"; training images also of {_titles(others)}" if others else ""
    return Source(preset, subject, f"{_titles(composition.tested)}{training}", official)


def _titles(names: Sequence[str]) -> str:
    return " and ".join(collection(name).title for name in names)


def study_tables(preset: str, settings: Settings, group: Group, paper: Path = FOLDER) -> list[StudyTable]:
    """The tables of a group whose dataset is in the study.

    Raises `UserError` when scores or the transcription are missing or broken.
    """
    root = data_root(preset)
    return [
        study_table(
            layout,
            read_paper_table(layout.number, paper),
            read_image_scores(root, layout.dataset),
            source_of(settings, preset, layout.dataset),
            titles,
            read_remarks(root, layout.dataset),
            opinions(preset, layout.dataset) if "mos" in layout.metrics else None,
            {name for name, rival in settings.rivals.items() if rival.scale != SCALES[layout.dataset]},
            partitions(settings) if layout.number == ANCHORS else None,
        )
        for layout, titles in _layouts(preset, settings, group)
    ]


def partitions(settings: Settings) -> pd.DataFrame:
    """Which criteria each row of Table VI compares; index: method, columns Anchor, Positives, Negatives."""
    rows = {name: settings.configuration(name) for name in settings.ablation.table_6}
    cells = {name: (row.anchor, ", ".join(row.positives), ", ".join(row.negatives)) for name, row in rows.items()}
    return pd.DataFrame.from_dict(cells, orient="index", columns=["Anchor", "Positives", "Negatives"])


def method_titles(settings: Settings, preset: str, dataset: Dataset) -> dict[str, str]:
    """The titles of the methods that restore a dataset, by name, in their order."""
    return {row.name: row.title for row in rows(settings, preset, dataset)}


def compared(settings: Settings, preset: str, dataset: Dataset) -> dict[str, str]:
    """Of `method_titles` those of the comparison: rows of Tables V and VI alone are left out."""
    titles = method_titles(settings, preset, dataset)
    return {name: title for name, title in titles.items() if name not in settings.ablated}


def _layouts(preset: str, settings: Settings, group: Group) -> list[tuple[Layout, dict[str, str]]]:
    """The tables of a group with the titles of their rows. The rows and the data of an ablation are params."""
    chosen = [layout for layout in LAYOUTS if layout.group == group]
    if group == "comparison":
        datasets = settings.study.datasets
        return [
            (layout, compared(settings, preset, layout.dataset)) for layout in chosen if layout.dataset in datasets
        ]
    ablation = settings.ablation
    titles, names = method_titles(settings, preset, ablation.data), {5: ablation.table_5, 6: ablation.table_6}
    return [
        (replace(layout, dataset=ablation.data), {name: titles[name] for name in names[layout.number]})
        for layout in chosen
    ]
