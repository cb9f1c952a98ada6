"""A row trained from its first phase to its last, each resumed from a state of its own."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from pipeline import distributed
from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice
from pipeline.networks.devices import device_named
from pipeline.streams import Purpose, torch_weights
from pipeline.training.batches import batch
from pipeline.training.checkpoints import TrainingState
from pipeline.training.execution import execution, placed, room
from pipeline.training.experiment import Experiment
from pipeline.training.loop import train
from pipeline.training.phase import Batch, Phase, Setup
from pipeline.training.trainer import Trainer


class Observer(Protocol):
    """What a phase's training shows and hands over; called in every process."""

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Metrics of the exported network on the validation images, by name; called in the main process alone."""

    def recorded(self) -> None:
        """The history has grown by a line."""

    def finished(self) -> None:
        """The schedule is at its end."""


Observe = Callable[[Trainer, TrainingState], AbstractContextManager[Observer]]
"""Opens what observes a phase's training, for as long as it lasts."""


def train_row(
    plan: Sequence[Experiment],
    phases: Mapping[str, type[Phase[Any]]],
    pack: Pack,
    given: Mapping[str, nn.Module],
    states: Path,
    observe: Observe,
) -> None:
    """Train the phases of `plan` in order, each given the networks of those before it.

    Args:
        phases: the recipe's, by name.
        given: networks that are read and not trained.
        states: the folder of the states, each under its phase's fingerprint.

    A phase that is finished already costs nothing. Raises what `loop.train` raises.
    """
    for experiment in plan:
        trainer = trainer_of(experiment, phases[experiment.phase], pack, given)
        state = TrainingState(states / experiment.fingerprint)
        with observe(trainer, state) as observer:
            with room(experiment.preset, experiment.phase):
                train(trainer, state, observer.validate, observer.recorded)
            observer.finished()
        given = {**given, experiment.phase: trainer.result.eval().requires_grad_(False)}


def trainer_of(
    experiment: Experiment, build: type[Phase[Any]], pack: Pack, given: Mapping[str, nn.Module]
) -> Trainer:
    """A fresh trainer: the networks of the phase `build` from the experiment's seed, on its device.

    Raises `UserError` when the processes cannot share a batch evenly.
    """
    schedule, run = experiment.settings.schedule, experiment.run
    device = torch.device(device_named(run.device))
    share = distributed.share(schedule.batch, f"{experiment.preset}.{experiment.phase}.batch")
    setup = Setup(
        experiment.settings,
        experiment.scale,
        execution(run, device),
        partial(torch_weights, experiment.seed, Purpose.INITIAL_WEIGHTS, experiment.phase),
        {name: placed(network, run, device) for name, network in given.items()},
    )
    phase = placed(build(setup), run, device)

    def batches(iteration: int) -> Batch:
        part = Slice(experiment.seed, experiment.phase, iteration, distributed.rank() * share, share)
        return batch(pack, part, schedule.crop, experiment.settings.reads, device)

    return Trainer(experiment, phase, batches)
