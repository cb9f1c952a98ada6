"""Stage `train`: one row on one training set with one seed to a generator.

Resumes from its own state under runs/<preset>/state/<fingerprint>; equal settings find equal work done before.
`torchrun --nproc-per-node N -m stages.train ...` shares a training among N processes, the same up to rounding.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import settings
from pipeline.errors import UserError, entry_point
from pipeline.files import whole_folder
from pipeline.paths import data_root, model_folder

if TYPE_CHECKING:
    from torch import nn

    from pipeline.datasets.images import Pixels
    from pipeline.datasets.packs import Pair
    from pipeline.tracking import Input, Patient
    from pipeline.training.checkpoints import TrainingState
    from pipeline.training.experiment import Experiment
    from pipeline.training.run import Observer
    from pipeline.training.trainer import Trainer

SHOWN = 384
"""Side in pixels of what MLflow shows of a validation image."""


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--data", required=True, choices=list(settings.SCALES), help="training set")
    parser.add_argument("--row", required=True, help="a configuration of params.yaml, or `trunk`")
    parser.add_argument("--seed", type=int, help="default: run.seed of the preset")
    arguments = parser.parse_args()
    params = settings.load()
    run = params.preset(arguments.preset).run
    if arguments.data not in params.study.training_sets:
        raise UserError(f"{arguments.data} is not among study.training_sets of params.yaml")
    settings.recipe_of(params, arguments.row)

    from pipeline.distributed import processes
    from pipeline.networks.devices import device_named
    from pipeline.training.execution import configure

    configure(run)
    with processes(device_named(run.device)):
        _train(arguments, params)


def _train(arguments: Namespace, params: settings.Settings) -> None:
    """In each process alike; the main one alone sends, exports and writes."""
    from pipeline.datasets.packs import Pack
    from pipeline.distributed import is_main
    from pipeline.recipes import phases_of
    from pipeline.training.experiment import Wanted, plan, trunk_of
    from pipeline.training.inputs import given
    from pipeline.training.run import train_row

    preset, data, root = arguments.preset, arguments.data, data_root(arguments.preset)
    seed = params.preset(preset).run.seed if arguments.seed is None else arguments.seed
    phases = plan(params, preset, Wanted(data, arguments.row, seed))
    trunk = model_folder(preset, *trunk_of(params, preset, data))
    pack = Pack.open(root / "packs" / data)

    @contextmanager
    def observe(trainer: "Trainer", state: "TrainingState") -> "Iterator[Observer]":
        observed = Observed(trainer, state, pack.validation(), params, last=trainer.experiment is phases[-1])
        if not is_main():
            yield observed
            return
        with state.locked(), observed.tracked():
            yield observed

    networks = given(root, phases, trunk)
    train_row(phases, phases_of(phases[0].recipe), pack, networks, root / "state", observe)


@dataclass
class Observed:
    """A phase's training in MLflow, and at the end of the last one the folder that it leaves."""

    trainer: "Trainer"
    state: "TrainingState"
    pairs: "list[Pair]"
    params: settings.Settings
    last: bool
    run: "Patient | None" = None

    @contextmanager
    def tracked(self) -> Iterator[None]:
        """For the length of the block, with a run of MLflow; without, nothing is sent and nothing written."""
        from pipeline.tracking import mirrored

        chosen = self.trainer.experiment
        row = chosen.row
        with mirrored(
            chosen.preset,
            chosen.run_name,
            params={"training_set": chosen.training_set, "row": row} | chosen.described,
            environment=self.facts,
            inputs=_read(data_root(chosen.preset), chosen),
            tags=_tags(chosen),
            tables=self.params.ablation.tables_of(row) if chosen.training_set == self.params.ablation.data else (),
            note=_note(chosen, self.params.preset(chosen.preset).label, self.out),
            # What differs first: charts cut long names.
            title=f"{row}-s{chosen.seed}-{chosen.training_set}-{chosen.fingerprint}",
            series=None if row == settings.TRUNK else list(self.params.configurations).index(row),
        ) as self.run:
            yield

    @property
    def facts(self) -> dict[str, Any]:
        """The circumstances of the training."""
        from pipeline.distributed import count
        from pipeline.environment import environment

        return environment(self.trainer.device.type) | {"processes": count()}

    @property
    def out(self) -> Path:
        """The folder of the finished model."""
        chosen = self.trainer.experiment
        return model_folder(chosen.preset, chosen.training_set, chosen.row, chosen.seed)

    def validate(self, network: "nn.Module") -> Mapping[str, float]:
        """By the protocol of the tables; the first image is shown."""
        from pipeline.datasets.images import centre
        from pipeline.evaluation.validation import validation_scores

        def show(sr: "Pixels") -> None:
            if self.run is not None:
                self.run.image("validation/image", centre(sr, SHOWN), step=self.trainer.iteration)

        return validation_scores(network, self.pairs, self.params.protocol.border, show)

    def recorded(self) -> None:
        """MLflow gets what it has not got."""
        if self.run is not None:
            self.run.history(self.state.history)

    def finished(self) -> None:
        """The model's folder, whole or not at all."""
        from pipeline.datasets.images import read_rgb
        from pipeline.training.export import export

        if self.run is None or not self.last:
            return
        chosen = self.trainer.experiment
        with whole_folder(self.out) as folder:
            export(self.trainer, self.state, self.pairs[0], self.facts, folder)
        self.run.image("validation/parts", read_rgb(self.out / "sample.png"), step=self.trainer.iteration)
        self.run.model(self.out, f"{chosen.row}-s{chosen.seed}-{chosen.training_set}")


def _read(root: Path, chosen: "Experiment") -> "dict[str, Input]":
    """What a training reads, as MLflow shows it."""
    from pipeline.tracking import Input

    data = chosen.training_set
    known: dict[str, tuple[str, str, Path]] = {
        **{kind: (f"{data}-{kind}", "training", root / "packs" / data) for kind in settings.KINDS},
        "trunk": (f"{data}-trunk", "start", root / "models" / data / "trunk"),
        "features": ("perceptual-features", "criteria", root / "weights"),
    }
    return {name: Input(*known[name], sha256) for name, sha256 in chosen.inputs.items()}


def _tags(chosen: "Experiment") -> dict[str, str]:
    """By which a training is found and grouped."""
    configuration = getattr(chosen.settings, "configuration", None)
    return {
        "kind": "trunk" if chosen.row == settings.TRUNK else "training",
        "dataset": chosen.training_set,
        "configuration": chosen.row,
        "anchor": configuration.anchor if configuration and configuration.compared else "none",
        "seed": str(chosen.seed),
        "fingerprint": chosen.fingerprint,
    }


def _note(chosen: "Experiment", label: str, out: Path) -> str:
    """A training's description."""
    command = f"--preset {chosen.preset} --data {chosen.training_set} --row {chosen.row} --seed {chosen.seed}"
    return "\n\n".join(
        [
            f"`{chosen.row}` trained on `{chosen.training_set}` with seed {chosen.seed}. The tables call it "
            f"`{chosen.run_name}`.",
            f"Preset `{chosen.preset}`: {label}.",
            f"Images: `validation/image`, the first held-out image as training goes on (its middle, {SHOWN} px at "
            "most); `validation/parts`, from left to right LR, SR, where there are branches align, unif and "
            "the mask, then HR.",
            f"In `{out.as_posix()}`, made by `python -m stages.train {command}`",
        ]
    )


if __name__ == "__main__":
    entry_point(main)
