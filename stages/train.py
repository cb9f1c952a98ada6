"""Stage `train`: one experiment, or a training set's shared trunk, to a generator with its history.

Resumes from its own state under runs/<preset>/state/<fingerprint>; equal settings find equal work done before.
`torchrun --nproc-per-node N -m stages.train ...` shares a training among N processes, the same up to rounding.
"""

from argparse import ArgumentParser, Namespace
from functools import partial

from pipeline import settings
from pipeline.errors import UserError, entry_point
from pipeline.files import whole_folder
from pipeline.paths import data_root, results_root


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
    from pipeline.datasets.images import read_rgb
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
    layers = params.preset(preset).perceptual
    inputs = trunk_inputs(root, data) if name == TRUNK else experiment_inputs(root, data, layers)
    chosen = experiment(params, preset, data, name, seed=arguments.seed, device=device, inputs=inputs.hashes)
    trainer = Trainer(chosen, inputs.pack, inputs.trunk, inputs.perceptual)
    state = TrainingState(root / "state" / chosen.fingerprint)
    validate = partial(validation_scores, pairs=inputs.pack.validation(), border=params.protocol.border)
    if not is_main():
        train(trainer, state, validate, on_record=lambda: None)
        return
    facts = environment(chosen.device) | {"processes": count()}
    out = results_root(preset, arguments.seed) / "models" / data / name
    tables = () if arguments.seed is None else params.ablation.tables_of(name)
    named = {"training_set": data, "name": name} | chosen.settings
    with (
        state.locked(),
        tracked(
            preset, chosen.run_name, params=named, inputs=inputs.hashes, environment=facts, tables=tables
        ) as run,
    ):
        train(trainer, state, validate, on_record=lambda: run.history(state.history))
        with whole_folder(out) as folder:
            export(trainer, state, inputs, facts, folder)
        run.image("sample", read_rgb(out / "sample.png"), step=trainer.iteration)
        run.artifact(out / "generator.safetensors")


if __name__ == "__main__":
    entry_point(main)
