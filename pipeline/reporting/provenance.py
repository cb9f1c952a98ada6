"""What every number of a table is from: run, code and data, each with its line in "What was run"."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256 as digest
from pathlib import Path

import yaml

from pipeline.environment import ROOT, git_state
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases
from pipeline.files import read_json, sha256
from pipeline.paths import data_root, restored_folders
from pipeline.reporting.calibration import calibration_sheet
from pipeline.reporting.efficiency_table import efficiency_sheet
from pipeline.reporting.grid import Row
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.runs import UNKNOWN, TrainingRun, commit, training_runs
from pipeline.reporting.sheet import Sheet
from pipeline.reporting.study import method_titles, study_tables
from pipeline.reporting.study_sheet import PARTITION, study_sheets
from pipeline.reporting.tables import StudyTable
from pipeline.settings import Dataset, Settings

NOT_OURS = frozenset({"Paper", "Known", PARTITION})
"""Groups of columns whose numbers were not measured here."""


@dataclass(frozen=True)
class Untrained:
    """A method without a training of this study: its name, title, and what it computes with."""

    name: str
    title: str
    made_of: str

    @property
    def id(self) -> str:
        """Of its line on the page."""
        return f"method-{self.name}"


@dataclass(frozen=True)
class Data:
    """The test images of a dataset: how many, and the sha256 of its split, which lists that of every image."""

    dataset: str
    title: str
    split: str
    sha256: str
    images: int

    @property
    def id(self) -> str:
        """Of its line on the page."""
        return f"data-{self.dataset}"


@dataclass(frozen=True)
class Behind:
    """What a row's numbers are from: in words, and the id of the line that says more."""

    target: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A table as the page shows it: its rows with what is behind each, and of every column whether it is ours."""

    sheet: Sheet
    rows: tuple[tuple[Row, Behind | None], ...]
    ours: tuple[bool, ...]


@dataclass(frozen=True)
class Circumstances:
    """When and from which code a page was made; `lock` is `lock_hash`."""

    made: datetime
    commit: str
    lock: str


@dataclass(frozen=True)
class Provenance:
    """All lines of "What was run"."""

    runs: Mapping[str, TrainingRun]
    untrained: Mapping[str, Untrained]
    data: Mapping[str, Data]
    code: str

    def behind(self, dataset: str, method: str, runs: Sequence[str]) -> Behind | None:
        """Of a row: `method` on `dataset`, trained in `runs` (none: not trained); None where nothing is known."""
        if not runs and method not in self.untrained:
            return None
        data = self.data[dataset]
        about = f"Data: {data.title}, {data.images} test images, {data.split} sha256 {data.sha256[:12]}."
        if not runs:
            rest = self.untrained[method]
            return Behind(
                rest.id, (f"{rest.title}: {rest.made_of}.", f"Code: the page's commit, {self.code}.", about)
            )
        found = [self.runs[name] for name in runs]
        return Behind(found[0].id, (*(f"Run {run.name}: commit {run.commit}." for run in found), about))


def provenance(preset: str, settings: Settings, titles: Mapping[Dataset, str]) -> Provenance:
    """Of everything that `preset` has restored; `titles`: of the datasets' test images, by name.

    Raises `UserError` when a split or a model is missing, or does not belong to what was restored.
    """
    return Provenance(
        runs=training_runs(preset, settings.study),
        untrained=_untrained(preset, settings),
        data={name: _data(data_root(preset), name, titles[name]) for name in settings.study.datasets},
        code=commit(git_state(ROOT)),
    )


def shown_tables(preset: str, settings: Settings, origin: Provenance) -> list[Shown]:
    """Every table of the page, each row with what is behind it.

    Raises `UserError` when scores, a measurement or a transcription is missing or broken.
    """
    comparison = [(table, _dataset(table)) for table in study_tables(preset, settings, "comparison")]
    ablations = [(table, settings.ablation.data) for table in study_tables(preset, settings, "ablations")]
    study = [shown for table, dataset in (*comparison, *ablations) for shown in _study(table, dataset, origin)]
    return [*study, _efficiency(preset, origin), _calibration(preset, settings, origin)]


def lock_hash(file: Path, preset: str) -> str:
    """sha256 of the stages of dvc.lock as JSON with sorted keys, without the entry of the page of `preset` itself.

    Raises `UserError` for a file that is no lock; where there is none, says so.
    """
    try:
        stages = yaml.safe_load(file.read_text(encoding="utf-8"))["stages"]
        rest = {name: stage for name, stage in stages.items() if name != f"report@{preset}"}
    except FileNotFoundError:
        return UNKNOWN
    except (AttributeError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UserError(f"{file} is no lock file of DVC ({error!r}); restore it (git checkout {file})") from None
    return digest(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def circumstances(preset: str, made: datetime, lock: Path = Path("dvc.lock")) -> Circumstances:
    """Of a page made now, at `made`."""
    return Circumstances(made, commit(git_state(ROOT)), lock_hash(lock, preset))


def _untrained(preset: str, settings: Settings) -> dict[str, Untrained]:
    """The methods without a training that have restored some dataset, by name."""
    found = {
        method: (folder, method_titles(settings, preset, dataset)[method])
        for dataset in settings.study.datasets
        for (method, seed), folder in restored_folders(data_root(preset), dataset).items()
        if seed is None
    }
    return {
        method: Untrained(method, title, _made_of(read_json(folder / "restored.json").get("checkpoint")))
        for method, (folder, title) in sorted(found.items())
    }


def _made_of(checkpoint: Mapping[str, str] | None) -> str:
    if not checkpoint:
        return "computed, without weights"
    return f"pretrained weights {checkpoint['checkpoint']}, sha256 {checkpoint['sha256']}"


def _data(root: Path, dataset: Dataset, title: str) -> Data:
    images = len(read_cases(root, dataset))
    split = f"splits/{dataset}.csv"
    return Data(dataset, title, split, sha256(root / split), images)


def _dataset(table: StudyTable) -> Dataset:
    return next(layout.dataset for layout in LAYOUTS if layout.number == table.number)


def _study(table: StudyTable, dataset: Dataset, origin: Provenance) -> list[Shown]:
    measured = table.ours.notna().any(axis="columns")
    rows = zip(table.rows["method"], table.rows["run"], measured, strict=True)
    behind = [
        origin.behind(dataset, method, run.split(", ") if run else ()) if any_ else None
        for method, run, any_ in rows
    ]
    return [_shown(sheet, behind) for sheet in study_sheets(table)]


def _efficiency(preset: str, origin: Provenance) -> Shown:
    sheet = efficiency_sheet(preset)
    file = data_root(preset) / "efficiency" / "efficiency.json"
    about = read_json(file)
    words = (
        f"Measured on {about['device_name']}, CPU threads: {about['threads']}, torch {about['torch']}.",
        f"Code: the page's commit, {origin.code}. Data: efficiency/efficiency.json sha256 {sha256(file)[:12]}.",
    )
    return _shown(sheet, [Behind("efficiency", words)] * len(sheet.grid.rows))


def _calibration(preset: str, settings: Settings, origin: Provenance) -> Shown:
    sheet = calibration_sheet(preset, settings)
    block = settings.preset(preset)
    datasets = {block.dataset(name).tested[0]: name for name in settings.study.datasets}
    rows = zip(sheet.data["collection"], sheet.data["method"], sheet.data["ours"].notna(), strict=True)
    return _shown(
        sheet,
        [origin.behind(datasets[place], method, ()) if known else None for place, method, known in rows],
    )


def _shown(sheet: Sheet, behind: Sequence[Behind | None]) -> Shown:
    groups = sheet.grid.groups
    ours = tuple(group.title not in NOT_OURS for group in groups for _ in group.headers)
    return Shown(sheet, tuple(zip(sheet.grid.rows, behind, strict=True)), ours)
