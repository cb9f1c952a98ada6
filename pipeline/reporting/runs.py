"""The trainings behind the rows: which run, which code, which device, and whether it learnt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.paths import data_root, model_folder, restored_folders
from pipeline.settings import Study

UNKNOWN = "not recorded"
UNCOMMITTED = "with changes that were not committed"


@dataclass(frozen=True)
class TrainingRun:
    """One training, in words for the report.

    `objective` is the generator's objective on one fixed training batch, at the start and at the end; `commit` says
    where the files differed from it; `surroundings` are versions, platform and threads.
    """

    name: str
    training_set: str
    row: str
    seed: str
    parameters: str
    objective: str
    commit: str
    device: str
    surroundings: str

    @property
    def id(self) -> str:
        """Of its line on the page."""
        return f"run-{self.name}"


def training_runs(preset: str, study: Study) -> dict[str, TrainingRun]:
    """Every run of `preset` that has restored one of the datasets, by name, in the order of the names.

    Raises `UserError` when a model is missing or was trained anew since its images were restored.
    """
    runs = [
        _run(folder / "restored.json", model_folder(preset, training_set, row, seed))
        for dataset, training_set in study.sets.items()
        for (row, seed), folder in restored_folders(data_root(preset), dataset).items()
        if training_set is not None and seed is not None
    ]
    return {run.name: run for run in sorted(runs, key=lambda run: run.name)}


def _run(restored: Path, folder: Path) -> TrainingRun:
    """The run behind restored images, from its model's folder."""
    name, model = read_json(restored)["run"], read_json(folder / "model.json")
    if name != model["run"]:
        raise UserError(
            f"{restored} is of the run {name}, but {folder} now holds the run {model['run']}. "
            "Run `dvc repro` to restore and score again."
        )
    run = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    return TrainingRun(
        name=model["run"],
        training_set=model["training_set"],
        row=model["row"],
        seed=str(model["seed"]),
        parameters=f"{model['parameters']:,}",
        objective=_objective(folder / "history.jsonl"),
        commit=commit(run.get("git", {})),
        device=str(run.get("device", {}).get("name") or UNKNOWN),
        surroundings=_surroundings(run),
    )


def commit(git: Mapping[str, Any]) -> str:
    """`git_state` in words: the first 12 digits of the commit, and whether files differed from it."""
    digits = str(git.get("commit") or UNKNOWN)
    return f"{digits if digits == UNKNOWN else digits[:12]}{f', {UNCOMMITTED}' if git.get('dirty') else ''}"


def _surroundings(run: Mapping[str, Any]) -> str:
    """Threads, platform and package versions of a run.json."""
    if "versions" not in run:
        return UNKNOWN
    threads = run.get("threads") or UNKNOWN
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in run["versions"].items())
    return f"CPU threads: {threads}; {run.get('platform') or UNKNOWN}; {versions}"


def _objective(history: Path) -> str:
    """The first and the last probe of a history."""
    if not history.exists():
        return UNKNOWN
    records = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    probes = [record["probe"] for record in records if "probe" in record]
    return f"{probes[0]:.4f} → {probes[-1]:.4f}" if probes else UNKNOWN
