"""The training loop that serves every configuration: steps, records, checkpoints, and stopping early and safely."""

import math
import signal
from collections.abc import Callable, Mapping
from types import FrameType

import torch
from torch import Tensor, nn

from pipeline import distributed
from pipeline.errors import UserError
from pipeline.progress import progress
from pipeline.training.checkpoints import TrainingState
from pipeline.training.finite import not_finite
from pipeline.training.trainer import Trainer, learning_rate

Validate = Callable[[nn.Module], Mapping[str, float]]
"""Metrics of the exported network on the validation images, by name."""

REQUEUE = 75
"""Exit status after SIGTERM (EX_TEMPFAIL of sysexits.h): run the same command again and it goes on."""


class Interrupted(SystemExit):
    """SIGTERM came; a checkpoint was written."""

    def __init__(self) -> None:
        super().__init__(REQUEUE)


def train(trainer: Trainer, state: TrainingState, validate: Validate, on_record: Callable[[], None]) -> None:
    """Run `trainer` to the end of its schedule, from its last checkpoint where there is one.

    All processes of a training call this; files are the main one's, and SIGTERM to any stops all.

    Args:
        validate: called at iteration 0, every `run.validate_every` iterations and at the end.
        on_record: called after each line of the history (MLflow's mirror hangs here).

    Raises:
        UserError: a term or anything in the state became NaN or infinite. The last good checkpoint stays.
        Interrupted: SIGTERM came; a checkpoint was written first.
    """
    saved = distributed.from_main(state.load)
    if saved is not None:
        trainer.resume(saved)
    run, total = trainer.experiment.run, trainer.experiment.settings.schedule.iterations
    if trainer.iteration == 0:
        state.append({"iteration": 0, **_measured(trainer, validate)})
    stop = _terminated()
    pending: dict[int, dict[str, Tensor]] = {}
    name, shown = trainer.experiment.run_name, distributed.is_main()
    with progress(name, total, trainer.iteration, shown=shown) as meter:
        while trainer.iteration < total:
            terms = trainer.step()
            pending[trainer.iteration] = terms
            now, last = trainer.iteration, trainer.iteration == total
            stopping = distributed.any_of(stop())
            validating = now % run.validate_every == 0 or last
            recording = now % run.log_every == 0 or validating
            checkpointing = now % run.checkpoint_every == 0 or last or stopping
            if recording or checkpointing:
                record = _checked(pending, state)
                pending.clear()
            if recording:
                record |= _checked({now: trainer.gradient_norms()}, state)
                record["lr"] = learning_rate(trainer.experiment.settings.schedule, now)
                if validating:
                    record |= _measured(trainer, validate)
                state.append({"iteration": now, **record})
                on_record()
            if checkpointing:
                _save(trainer, state)
            meter.update()
            if stopping and not last:
                distributed.barrier()  # the first process to leave ends them all: the checkpoint comes first
                raise Interrupted


def _measured(trainer: Trainer, validate: Validate) -> dict[str, float]:
    """The probe, in which all processes take part, and in the main one the metrics on the validation images."""
    probe = trainer.probe()
    if not distributed.is_main():
        return {"probe": probe}
    trainer.result.eval()
    found = {f"validation/{name}": value for name, value in validate(trainer.result).items()}
    trainer.result.train()
    return {"probe": probe, **found}


def _checked(pending: Mapping[int, Mapping[str, Tensor]], state: TrainingState) -> dict[str, float]:
    """The last value of each term, after all pending ones are found finite (one wait for the device).

    They are means over the processes, so that all of them stop where one has met a NaN.
    """
    found = [(iteration, name, term) for iteration, terms in pending.items() for name, term in terms.items()]
    values = distributed.mean(torch.stack([term for _, _, term in found])).tolist()
    for (iteration, name, _), value in zip(found, values, strict=True):
        if not math.isfinite(value):
            raise UserError(
                f"the term `{name}` became {value} at iteration {iteration}. {state.last_good()}. Lower the "
                "learning rate or a weight of the objective in params.yaml."
            )
    return {name: value for (_, name, _), value in zip(found, values, strict=True)}


def _save(trainer: Trainer, state: TrainingState) -> None:
    """A checkpoint, unless an update broke what it would hold: a finite loss can have an infinite gradient."""
    found = trainer.state()
    if broken := [path.removeprefix("phase.") for path in not_finite(found)]:
        parts = ", ".join(dict.fromkeys(path.partition(".")[0] for path in broken))
        raise UserError(
            f"NaN or infinite numbers by iteration {trainer.iteration} in the state of: {parts} (the first in "
            f"`{broken[0]}`). {state.last_good()}. Lower the learning rate in params.yaml."
        )
    state.save(found)


def _terminated() -> Callable[[], bool]:
    """Listen for SIGTERM; the returned function says whether it has come."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    signal.signal(signal.SIGTERM, note)
    return lambda: bool(came)
