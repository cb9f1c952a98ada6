"""An experiment: configuration x training data x seed, and the name under which equal work is found again."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.files import fingerprint, read_json, sha256, source_hash
from pipeline.settings import (
    SCALES,
    Configuration,
    Criteria,
    Dataset,
    Discriminator,
    Network,
    Objective,
    Perceptual,
    Run,
    Schedule,
    Settings,
    Start,
)

TRUNK = "trunk"
"""Name of the shared start of a training set's experiments: a plain RRDB trained with L1 alone (as ESRGAN)."""
_TRUNK_CONFIGURATION = Configuration(branches=False, mask=False, align=False, unif=False)
_CODE = ("networks", "criteria", "training", "degradations", "datasets/packs.py", "distributed.py")
"""What a training runs: changed code does not resume old state."""


@dataclass(frozen=True)
class Experiment:
    """Everything that a training's result depends on, but the bytes of its inputs (their hashes are `inputs`)."""

    preset: str
    training_set: Dataset
    name: str
    configuration: Configuration
    objective: Objective
    criteria: Criteria
    network: Network
    discriminator: Discriminator
    perceptual: Perceptual
    schedule: Schedule
    run: Run
    seed: int
    device: str
    inputs: Mapping[str, str]

    @property
    def scale(self) -> int:
        """Upscaling factor of the training set."""
        return SCALES[self.training_set]

    @property
    def uses_discriminator(self) -> bool:
        """Whether any term reads a discriminator."""
        return self.objective.adv > 0 or "adv" in self._criteria

    @property
    def uses_perceptual(self) -> bool:
        """Whether any term reads perceptual features."""
        return self.objective.perc > 0 or bool({"perc_bottom", "perc_top"} & self._criteria)

    @property
    def _criteria(self) -> set[str]:
        chosen = self.configuration
        positives = chosen.positives if chosen.align else ()
        negatives = chosen.negatives if chosen.unif else ()
        return {chosen.anchor, *positives, *negatives} if chosen.align or chosen.unif else set()

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting and input hash as JSON: equal settings give equal results on one machine."""
        values = {
            key: value for key, value in asdict(self).items() if key not in ("preset", "training_set", "name")
        }
        blocks = {key: getattr(self, key).model_dump(mode="json") for key in _BLOCKS}
        # How often a checkpoint is written changes nothing in the result.
        del blocks["run"]["checkpoint_every"]
        return values | blocks | {"inputs": dict(self.inputs), "scale": self.scale, "code": source_hash(_CODE)}

    @property
    def fingerprint(self) -> str:
        """12 hex digits: the key of the training state."""
        return fingerprint(self.settings)

    @property
    def run_name(self) -> str:
        """The run's name in tables and in MLflow, e.g. `realsr-full-s1-0123456789ab`."""
        return f"{self.training_set}-{self.name}-s{self.seed}-{self.fingerprint}"


_BLOCKS = ("configuration", "objective", "criteria", "network", "discriminator", "perceptual", "schedule", "run")


def experiment(
    params: Settings,
    preset_name: str,
    training_set: Dataset,
    name: str,
    *,
    seed: int | None = None,
    device: str,
    inputs: Mapping[str, str],
) -> Experiment:
    """The experiment that params.yaml describes for a configuration, or for the trunk.

    Args:
        name: a configuration's name, or `trunk`.
        seed: None takes the preset's.
        device: where it runs, `cpu` or `cuda`.
        inputs: content hashes by name, e.g. `{"pack": ..., "trunk": ..., "perceptual": ...}`.

    Raises `UserError` for an unknown preset or configuration.
    """
    preset = params.preset(preset_name)
    is_trunk = name == TRUNK
    alone = {"pix": 1.0, "perc": 0.0, "adv": 0.0, "align": 0.0, "unif": 0.0}
    return Experiment(
        preset=preset_name,
        training_set=training_set,
        name=name,
        configuration=_TRUNK_CONFIGURATION if is_trunk else params.configuration(name),
        objective=preset.objective.model_copy(update=alone) if is_trunk else preset.objective,
        criteria=Criteria() if is_trunk else params.criteria,
        network=preset.network,
        discriminator=preset.discriminator,
        perceptual=preset.perceptual,
        schedule=preset.trunk if is_trunk else preset.training,
        run=preset.run,
        seed=preset.run.seed if seed is None else seed,
        device=device,
        inputs=inputs,
    )


def input_hashes(root: Path, training_set: str, start: Start) -> dict[str, str]:
    """Content hashes of what an experiment reads under `root` (runs/<preset>): pack, features and, if any, trunk.

    Raises `UserError` naming what is missing.
    """
    hashes: dict[str, str] = {
        "pack": read_json(root / "packs" / training_set / "index.json")["content"],
        "perceptual": read_json(root / "weights" / "perceptual.json")["sha256"],
    }
    if start == "trunk":
        trunk = root / "models" / training_set / TRUNK / "generator.safetensors"
        if not trunk.exists():
            raise UserError(f"{trunk} is missing. Run `dvc repro` to train it.")
        hashes["trunk"] = sha256(trunk)
    return hashes
