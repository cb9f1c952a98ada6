"""The trainings behind the rows: which run, which code, which device, and whether it learnt."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluation.cases import model_folder, restored_folder, restored_methods
from pipeline.files import read_json
from pipeline.settings import Dataset, Study

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
    configuration: str
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


def training_runs(roots: Iterable[tuple[Path, Sequence[Dataset]]], study: Study) -> list[TrainingRun]:
    """Every run that has restored one of the datasets of a root (`results_root`), by name.

    Raises `UserError` when a model is missing or was trained anew since its images were restored.
    """
    runs = {
        run.name: run
        for root, datasets in roots
        for dataset in datasets
        for method in restored_methods(root, dataset)
        if (run := _run(root, study, dataset, method))
    }
    return [runs[name] for name in sorted(runs)]


def _run(root: Path, study: Study, dataset: Dataset, method: str) -> TrainingRun | None:
    """The run behind a restored folder; None for a method without training."""
    restored = restored_folder(root, dataset, method) / "restored.json"
    name = read_json(restored)["run"]
    if name is None:
        return None
    folder = model_folder(root, study, dataset, method)
    model = read_json(folder / "model.json")
    if name != model["run"]:
        raise UserError(
            f"{restored} is of the run {name}, but {folder} now holds the run {model['run']}. "
            "Run `dvc repro` to restore and score again."
        )
    run = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    return TrainingRun(
        name=model["run"],
        training_set=model["training_set"],
        configuration=method,
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
