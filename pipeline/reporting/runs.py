"""The trainings behind the rows: which run, which code, which device."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluation.cases import restored_folder
from pipeline.evaluation.restore import model_folder
from pipeline.evaluation.score import restored_methods
from pipeline.files import read_json
from pipeline.settings import Dataset

UNKNOWN = "not recorded"


@dataclass(frozen=True)
class TrainingRun:
    """One training, in words for the report."""

    name: str
    training_set: str
    configuration: str
    seed: str
    parameters: str
    commit: str
    device: str


def training_runs(root: Path, datasets: Sequence[Dataset]) -> list[TrainingRun]:
    """Every run that has restored one of `datasets` under `root` (runs/<preset>), by name.

    Raises `UserError` when a model is missing or was trained anew since its images were restored.
    """
    runs = {
        run.name: run
        for dataset in datasets
        for method in restored_methods(root, dataset)
        if (run := _run(root, dataset, method))
    }
    return [runs[name] for name in sorted(runs)]


def _run(root: Path, dataset: Dataset, method: str) -> TrainingRun | None:
    """The run behind a restored folder; None for a method without training."""
    folder = model_folder(root, dataset, method)
    if folder is None:
        return None
    model = read_json(folder / "model.json")
    restored = restored_folder(root, dataset, method) / "restored.json"
    if (name := read_json(restored)["run"]) != model["run"]:
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
        commit=str(run.get("git", {}).get("commit") or UNKNOWN),
        device=str(run.get("device", {}).get("name") or UNKNOWN),
    )
