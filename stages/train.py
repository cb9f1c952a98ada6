"""Stage `train`: one experiment, or a training set's shared trunk, to a generator with its history.

Resumes from its own state under runs/<preset>/state/<fingerprint>; equal settings find equal work done before.
`torchrun --nproc-per-node N -m stages.train ...` shares a training among N processes, the same up to rounding.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import settings
from pipeline.errors import UserError, entry_point
from pipeline.files import whole_folder
from pipeline.paths import data_root, results_root

if TYPE_CHECKING:
    from pipeline.datasets.images import Pixels
    from pipeline.tracking import Input
    from pipeline.training.experiment import Experiment

SHOWN = 384
"""Side in pixels of what the mirror shows of a validation image."""


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--data", required=True, choices=list(settings.SCALES), help="training set")
    parser.add_argument("--configuration", required=True, help="a configuration of params.yaml, or `trunk`")
    parser.add_argument("--seed", type=int, help="of the ablations; default: the comparison")
    arguments = parser.parse_args()
    params = settings.load()
    run = params.preset(arguments.preset).run
    if arguments.data not in params.study.training_sets:
        raise UserError(f"{arguments.data} is not among study.training_sets of params.yaml")

    from pipeline.distributed import processes
    from pipeline.networks.devices import device_named
    from pipeline.training.execution import configure

    configure(run)
    device = device_named(run.device)
    with processes(device):
        _train(arguments, params, device)


def _train(arguments: Namespace, params: settings.Settings, device: str) -> None:
    """In each process alike; the main one alone sends, exports and writes."""
    from pipeline.datasets.images import centre, read_rgb
    from pipeline.distributed import count, is_main
    from pipeline.environment import environment
    from pipeline.evaluation.validation import validation_scores
    from pipeline.tracking import tracked
    from pipeline.training.checkpoints import TrainingState
    from pipeline.training.experiment import TRUNK, experiment
    from pipeline.training.export import export
    from pipeline.training.inputs import experiment_inputs, trunk_inputs
    from pipeline.training.loop import train
    from pipeline.training.trainer import Trainer

    preset, data, name = arguments.preset, arguments.data, arguments.configuration
    root = data_root(preset)
    layers, start = params.preset(preset).perceptual, params.preset(preset).training.start
    inputs = trunk_inputs(root, data) if name == TRUNK else experiment_inputs(root, data, layers, start)
    chosen = experiment(params, preset, data, name, seed=arguments.seed, device=device, inputs=inputs.hashes)
    trainer = Trainer(chosen, inputs.pack, inputs.trunk, inputs.perceptual)
    state = TrainingState(root / "state" / chosen.fingerprint)
    pairs, border = inputs.pack.validation(), chosen.border
    if not is_main():
        train(trainer, state, partial(validation_scores, pairs=pairs, border=border), on_record=lambda: None)
        return
    facts = environment(chosen.device) | {"processes": count()}
    out = results_root(preset, arguments.seed) / "models" / data / name
    with (
        state.locked(),
        tracked(
            preset,
            chosen.run_name,
            params={"training_set": data, "configuration": name} | chosen.settings,
            environment=facts,
            inputs=_read(root, data, inputs.hashes),
            tags=_tags(chosen),
            tables=() if arguments.seed is None else params.ablation.tables_of(name),
            note=_note(arguments, chosen, params.preset(preset).label, out),
            title=f"{name}-s{chosen.seed}-{data}-{chosen.fingerprint}",  # what differs first: charts cut long names
            series=None if name == TRUNK else list(params.configurations).index(name),
        ) as run,
    ):

        def show(sr: "Pixels") -> None:
            run.image("validation/image", centre(sr, SHOWN), step=trainer.iteration)

        validate = partial(validation_scores, pairs=pairs, border=border, show=show)
        train(trainer, state, validate, on_record=lambda: run.history(state.history))
        with whole_folder(out) as folder:
            export(trainer, state, inputs, facts, folder)
        run.image("validation/parts", read_rgb(out / "sample.png"), step=trainer.iteration)
        run.model(out, f"{name}-s{chosen.seed}-{data}")


def _read(root: Path, data: str, hashes: Mapping[str, str]) -> "dict[str, Input]":
    """What a training reads, as the mirror shows it."""
    from pipeline.tracking import Input

    known = {
        "pack": (f"{data}-pack", "training", root / "packs" / data),
        "trunk": (f"{data}-trunk", "start", root / "models" / data / "trunk"),
        "perceptual": ("perceptual-features", "criteria", root / "weights"),
    }
    return {name: Input(*known[name], sha256) for name, sha256 in hashes.items()}


def _tags(chosen: "Experiment") -> dict[str, str]:
    """By which a training is found and grouped."""
    compares = chosen.configuration.align or chosen.configuration.unif
    return {
        "kind": "trunk" if chosen.name == "trunk" else "training",
        "dataset": chosen.training_set,
        "configuration": chosen.name,
        "anchor": chosen.configuration.anchor if compares else "none",
        "seed": str(chosen.seed),
        "fingerprint": chosen.fingerprint,
    }


def _note(arguments: Namespace, chosen: "Experiment", label: str, out: Path) -> str:
    """A training's description."""
    command = f"--preset {chosen.preset} --data {chosen.training_set} --configuration {chosen.name}"
    seed = "" if arguments.seed is None else f" --seed {arguments.seed}"
    return "\n\n".join(
        [
            f"`{chosen.name}` trained on `{chosen.training_set}` with seed {chosen.seed}. The tables call it "
            f"`{chosen.run_name}`.",
            f"Preset `{chosen.preset}`: {label}.",
            f"Images: `validation/image`, the first held-out image as training goes on (its middle, {SHOWN} px at "
            "most); `validation/parts`, from left to right LR, SR, where there are branches align, unif and "
            "the mask, then HR.",
            f"In `{out.as_posix()}`, made by `python -m stages.train {command}{seed}`",
        ]
    )


if __name__ == "__main__":
    entry_point(main)
