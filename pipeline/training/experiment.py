"""An experiment: training set x row x seed, in phases, each under the name by which equal work is found again."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.code import code_hash
from pipeline.errors import UserError
from pipeline.files import fingerprint, read_json
from pipeline.paths import data_root, model_folder
from pipeline.settings import GIVES, SCALES, TRUNK, Dataset, Kind, PhaseSettings, Run, Settings, phases, recipe_of

CODE = ("pipeline.training.inputs", "pipeline.training.run", "pipeline.evaluation.validation")
"""What makes any training's weights and history, beside its recipe; other code does not resume their state."""


@dataclass(frozen=True)
class Experiment:
    """One phase of a row's training on a training set with a seed: everything that its result depends on.

    Attributes:
        recipe: the module of pipeline/recipes that has the phase.
        settings: exactly what the phase reads of params.yaml.
        border: of the protocol, as the history holds validation scores.
        inputs: what it reads, by name: the content hashes of `features` and of kinds of images, the fingerprint of
            `trunk`.
        after: fingerprint of the phase before it; None for the first.
    """

    preset: str
    training_set: Dataset
    row: str
    recipe: str
    phase: str
    settings: PhaseSettings
    border: int
    run: Run
    seed: int
    inputs: Mapping[str, str]
    after: str | None = None

    @property
    def scale(self) -> int:
        """Upscaling factor of the training set."""
        return SCALES[self.training_set]

    @property
    def described(self) -> dict[str, Any]:
        """Every setting and input as JSON: equal ones give equal results on one machine.

        The device is the one that params.yaml names, so that a machine without a GPU can plan for one with a GPU.
        """
        # How often a checkpoint is written, what is kept in memory and how many processes share the work change
        # nothing in the result but its rounding; the seed is the experiment's own.
        run = self.run.model_dump(mode="json", exclude={"checkpoint_every", "seed", "processes", "recompute"})
        return {
            **self.settings.model_dump(mode="json"),
            "recipe": self.recipe,
            "phase": self.phase,
            "scale": self.scale,
            "run": run,
            "seed": self.seed,
            "inputs": dict(self.inputs),
            "after": self.after,
            "border": self.border,
            "code": code_hash(*CODE, f"pipeline.recipes.{self.recipe}", *self.settings.modules),
        }

    @cached_property
    def fingerprint(self) -> str:
        """12 hex digits: the key of the training state."""
        return fingerprint(self.described)

    @property
    def run_name(self) -> str:
        """The run's name in tables and in MLflow, e.g. `realsr-full-s1-0123456789ab`."""
        return f"{self.training_set}-{self.row}-s{self.seed}-{self.fingerprint}"


class Wanted(NamedTuple):
    """An experiment by its name."""

    training_set: Dataset
    row: str
    seed: int


def wanted(params: Settings, preset: str) -> list[Wanted]:
    """Every experiment of the study: first the trunks, then each row with every seed of the preset."""
    sets, seed = params.study.training_sets, params.preset(preset).run.seed
    trunks = [Wanted(training_set, TRUNK, seed) for training_set in sets]
    return trunks + [
        Wanted(training_set, row, seed)
        for training_set in sets
        for row in params.rows(training_set)
        for seed in params.preset(preset).seeds
    ]


def plan(params: Settings, preset: str, chosen: Wanted) -> tuple[Experiment, ...]:
    """The phases of an experiment as params.yaml describes them, in order.

    What it reads is looked up under runs/<preset>: a pack and, where they are read, features. A trunk need not be
    trained for its fingerprint to be known.

    Raises `UserError` for an unknown preset or row, for an input that is missing, and for a training set without
    images of a kind that a phase reads.
    """
    root, run = data_root(preset), params.preset(preset).run
    found: list[Experiment] = []
    for phase, settings in phases(params, preset, chosen.row).items():
        found.append(
            Experiment(
                preset=preset,
                training_set=chosen.training_set,
                row=chosen.row,
                recipe=recipe_of(params, chosen.row),
                phase=phase,
                settings=settings,
                border=params.protocol.border,
                run=run,
                seed=chosen.seed,
                inputs={name: _input(params, preset, root, chosen, name) for name in settings.inputs},
                after=found[-1].fingerprint if found else None,
            )
        )
    return tuple(found)


def marker(experiment: Experiment) -> Path:
    """The empty file that the finished experiment has in its model's folder, named by its fingerprint."""
    folder = model_folder(experiment.preset, experiment.training_set, experiment.row, experiment.seed)
    return folder / f"{experiment.fingerprint}.done"


def trunk_of(params: Settings, preset: str, training_set: Dataset) -> Wanted:
    """The trunk that the rows of a training set start from, with whatever seed."""
    return Wanted(training_set, TRUNK, params.preset(preset).run.seed)


def _input(params: Settings, preset: str, root: Path, chosen: Wanted, name: str) -> str:
    match name:
        case "pairs" | "clean" | "real":
            return _images(root, chosen, name)
        case "trunk":
            return plan(params, preset, trunk_of(params, preset, chosen.training_set))[-1].fingerprint
        case "features":
            return str(read_json(root / "weights" / "perceptual.json")["sha256"])
        case _:
            raise ValueError(f"{chosen.row} reads {name}, which nothing makes")


def _images(root: Path, chosen: Wanted, kind: Kind) -> str:
    """The content hash of the training set's images of a kind."""
    data = chosen.training_set
    pack = root / "packs" / data
    hashes = read_json(pack / "index.json").get("hashes")
    if hashes is None:
        raise UserError(f"{pack} was written by an earlier version. Run `dvc repro` (stage pack) to make it anew.")
    if kind not in hashes:
        raise UserError(
            f"{data} has no images of the kind `{kind}`, which the row {chosen.row} reads. Give images of {data} "
            f"the role {GIVES[kind]} in <preset>.datasets.{data} of params.yaml, or train the row on "
            "another set."
        )
    return str(hashes[kind])
