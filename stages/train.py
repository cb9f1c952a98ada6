"""Stage `train`: one experiment, or a training set's shared trunk, to a generator with its history.

Resumes from its own state under runs/<preset>/state/<fingerprint>; equal settings find equal work done before.
"""

from argparse import ArgumentParser
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
    preset = params.preset(arguments.preset)
    if arguments.data not in params.study.training_sets:
        raise UserError(f"{arguments.data} is not among study.training_sets of params.yaml")

    import torch

    from pipeline.datasets.images import read_rgb
    from pipeline.environment import environment
    from pipeline.evaluation.validation import validation_scores
    from pipeline.tracking import tracked
    from pipeline.training.checkpoints import TrainingState
    from pipeline.training.experiment import TRUNK, experiment
    from pipeline.training.export import export
    from pipeline.training.inputs import device_named, experiment_inputs, trunk_inputs
    from pipeline.training.loop import train
    from pipeline.training.trainer import Trainer

    torch.set_num_threads(preset.run.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    root = data_root(arguments.preset)
    is_trunk = arguments.configuration == TRUNK
    inputs = (
        trunk_inputs(root, arguments.data)
        if is_trunk
        else experiment_inputs(root, arguments.data, preset.perceptual)
    )
    chosen = experiment(
        params,
        arguments.preset,
        arguments.data,
        arguments.configuration,
        seed=arguments.seed,
        device=device_named(preset.run.device),
        inputs=inputs.hashes,
    )
    trainer = Trainer(chosen, inputs.pack, inputs.trunk, inputs.perceptual)
    state = TrainingState(root / "state" / chosen.fingerprint)
    validate = partial(validation_scores, pairs=inputs.pack.validation(), border=params.protocol.border)
    facts = environment(chosen.device)
    out = results_root(arguments.preset, arguments.seed) / "models" / arguments.data / arguments.configuration
    with tracked(
        arguments.preset, chosen.run_name, params=chosen.settings, inputs=inputs.hashes, environment=facts
    ) as run:
        train(trainer, state, validate, on_record=lambda: run.history(state.history))
        with whole_folder(out) as folder:
            export(trainer, state, inputs, facts, folder)
        run.image("sample", read_rgb(out / "sample.png"), step=trainer.iteration)
        run.artifact(out / "generator.safetensors")


if __name__ == "__main__":
    entry_point(main)
