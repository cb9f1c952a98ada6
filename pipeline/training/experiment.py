"""An experiment: configuration x training data x seed, and the name under which equal work is found again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.code import code_hash
from pipeline.errors import UserError
from pipeline.files import fingerprint, read_json, sha256
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
CODE = ("pipeline.training.inputs", "pipeline.training.loop", "pipeline.evaluation.validation")
"""What makes a training's weights and its history; other code does not resume their state."""


@dataclass(frozen=True)
class Experiment:
    """Everything that a training's result depends on, but the bytes of its inputs (their hashes are `inputs`).

    `border` is that of the protocol: the history holds validation scores.
    """

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
    border: int
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
        """Every setting that the training reads, and hashes of its inputs and code, as JSON.

        Equal settings give equal results on one machine.
        """
        unread = self._unread
        read = {
            key: getattr(self, key).model_dump(mode="json", exclude=unread.get(key, set()))
            for key in ("configuration", "network", "schedule", "objective", "criteria", "run")
        }
        if self.uses_discriminator:
            read["discriminator"] = self.discriminator.model_dump(mode="json")
        if self.uses_perceptual:
            read["perceptual"] = self.perceptual.model_dump(mode="json", include={"bottom", "top"})
        values = {"seed": self.seed, "device": self.device, "scale": self.scale, "border": self.border}
        return read | values | {"inputs": dict(self.inputs), "code": code_hash(*CODE)}

    @property
    def _unread(self) -> dict[str, set[str]]:
        """The settings that this training does not read, by block."""
        chosen = self.configuration
        return {
            "network": _unless(chosen.branches, "layout", "branch_blocks") | _unless(chosen.mask, "mask_input"),
            "objective": _unless(chosen.align, "align", "eta") | _unless(chosen.unif, "unif", "temperature"),
            "criteria": _unless(chosen.align or chosen.unif, "reading")
            | _unless(chosen.unif, "halve_unif")
            | _unless(self.uses_discriminator, "adversarial"),
            # Seed and device are the experiment's own; how often a checkpoint is written changes no result.
            "run": {"seed", "device", "checkpoint_every"},
        }

    @property
    def fingerprint(self) -> str:
        """12 hex digits: the key of the training state."""
        return fingerprint(self.settings)

    @property
    def run_name(self) -> str:
        """The run's name in tables and in MLflow, e.g. `realsr-full-s1-0123456789ab`."""
        return f"{self.training_set}-{self.name}-s{self.seed}-{self.fingerprint}"


def _unless(read: bool, *names: str) -> set[str]:
    return set() if read else set(names)


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
        border=params.protocol.border,
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
