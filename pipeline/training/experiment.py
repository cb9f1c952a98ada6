"""An experiment: training set x row x seed, in phases, each under the name by which equal work is found again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.files import fingerprint, read_json, sha256, source_hash
from pipeline.settings import SCALES, TRUNK, Dataset, PhaseSettings, Run, Settings, phases, recipe_of

_CODE = ("networks", "criteria", "training", "recipes", "degradations", "datasets/packs.py", "distributed.py")
"""What a training runs: changed code does not resume old state."""


@dataclass(frozen=True)
class Experiment:
    """One phase of a row's training on a training set with a seed: everything that its result depends on.

    Attributes:
        recipe: the module of pipeline/recipes that has the phase.
        settings: exactly what the phase reads of params.yaml.
        device: where it runs, `cpu` or `cuda`.
        inputs: content hashes of what it reads, by name: `pairs`, `trunk`, `features`.
        after: fingerprint of the phase before it; None for the first.
    """

    preset: str
    training_set: Dataset
    row: str
    recipe: str
    phase: str
    settings: PhaseSettings
    run: Run
    seed: int
    device: str
    inputs: Mapping[str, str]
    after: str | None = None

    @property
    def scale(self) -> int:
        """Upscaling factor of the training set."""
        return SCALES[self.training_set]

    @property
    def described(self) -> dict[str, Any]:
        """Every setting and input hash as JSON: equal settings give equal results on one machine."""
        # How often a checkpoint is written changes nothing in the result; the seed is the experiment's own.
        run = self.run.model_dump(mode="json", exclude={"checkpoint_every", "seed"})
        return {
            **self.settings.model_dump(mode="json"),
            "recipe": self.recipe,
            "phase": self.phase,
            "scale": self.scale,
            "run": run,
            "seed": self.seed,
            "device": self.device,
            "inputs": dict(self.inputs),
            "after": self.after,
            "code": source_hash(_CODE),
        }

    @property
    def fingerprint(self) -> str:
        """12 hex digits: the key of the training state."""
        return fingerprint(self.described)

    @property
    def run_name(self) -> str:
        """The run's name in tables and in MLflow, e.g. `realsr-full-s1-0123456789ab`."""
        return f"{self.training_set}-{self.row}-s{self.seed}-{self.fingerprint}"


def experiments(
    params: Settings,
    preset_name: str,
    training_set: Dataset,
    row: str,
    *,
    seed: int | None = None,
    device: str,
    inputs: Mapping[str, str],
) -> tuple[Experiment, ...]:
    """The phases of a row's training as params.yaml describes them, in order.

    Args:
        row: a configuration's name, or `trunk`.
        seed: None takes the preset's.
        device: where it runs, `cpu` or `cuda`.
        inputs: content hashes by name (`input_hashes`); each phase takes those that it reads.

    Raises `UserError` for an unknown preset or row.
    """
    run = params.preset(preset_name).run
    found: list[Experiment] = []
    for phase, settings in phases(params, preset_name, row).items():
        found.append(
            Experiment(
                preset=preset_name,
                training_set=training_set,
                row=row,
                recipe=recipe_of(params, row),
                phase=phase,
                settings=settings,
                run=run,
                seed=run.seed if seed is None else seed,
                device=device,
                inputs={name: inputs[name] for name in (*settings.reads, *settings.needs)},
                after=found[-1].fingerprint if found else None,
            )
        )
    return tuple(found)


def input_hashes(root: Path, training_set: str, row: str) -> dict[str, str]:
    """Content hashes of what a row's training can read under `root` (runs/<preset>): pairs, trunk and features.

    Raises `UserError` naming what is missing.
    """
    pairs = {"pairs": str(read_json(root / "packs" / training_set / "index.json")["content"])}
    if row == TRUNK:
        return pairs
    trunk = root / "models" / training_set / TRUNK / "generator.safetensors"
    if not trunk.exists():
        raise UserError(f"{trunk} is missing. Run `dvc repro` to train it.")
    features = str(read_json(root / "weights" / "perceptual.json")["sha256"])
    return {**pairs, TRUNK: sha256(trunk), "features": features}
