"""The engine: optimisers, averages and one step of whatever networks and losses a phase has.

Adam (0.9, 0.999), the learning rate halved at given iterations: facts/methods.md 2.3 (the sister paper's public
training configuration; this paper is silent).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline import distributed
from pipeline.optimisers import Adam
from pipeline.settings import Schedule
from pipeline.training.experiment import Experiment
from pipeline.training.phase import Batch, Losses, Phase

BETAS = (0.9, 0.999)


def learning_rate(schedule: Schedule, iteration: int) -> float:
    """The rate of step `iteration` (from 1): halved after each of the given iterations."""
    passed = sum(iteration > milestone for milestone in schedule.halve_at)
    return schedule.learning_rate * 0.5**passed


class Trainer:
    """A phase and its optimisers. A step is a pure function of this state and the iteration.

    Each of the processes that share a training has a trainer, equal in all but its slice of the batch.
    """

    def __init__(self, experiment: Experiment, phase: Phase[Any], batches: Callable[[int], Batch]) -> None:
        """Start at iteration 0 of `phase`, whose networks are on the device; `batches` gives the crops."""
        self.experiment, self.phase, self.batches = experiment, phase, batches
        self.iteration = 0
        self.device = next(phase.parameters()).device
        schedule = experiment.settings.schedule
        self.optimisers = {
            group: _adam(parameters, schedule.learning_rate)
            for group, names in phase.groups.items()
            if (parameters := [p for name in names for p in _parameters(getattr(phase, name))])
        }
        self.main = next(group for group, names in phase.groups.items() if phase.exported in names)
        self.average = _average(self.network, schedule.ema)

    @property
    def network(self) -> nn.Module:
        """The network that the phase is for, as it is now."""
        return self.phase.get_submodule(self.phase.exported)

    @property
    def result(self) -> nn.Module:
        """The network that is validated and exported: the weights' average where the schedule keeps one."""
        return self.network if self.average is None else self.average.module

    def step(self) -> dict[str, Tensor]:
        """One update of every group that has losses; the terms of this process's slice, scalars on the device."""
        self.iteration += 1
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = learning_rate(self.experiment.settings.schedule, self.iteration)
        self.phase.before(self.iteration)
        losses = self.phase.losses(self.batches(self.iteration))
        for place, (group, terms) in enumerate(losses.items(), 1):
            # One graph serves all groups: it is kept until the last one has gone through it.
            self._differentiate(group, _total(terms), again=place < len(losses))
        for group in losses:
            self.optimisers[group].step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return self._named(losses)

    @torch.no_grad()
    def probe(self) -> float:
        """The sum that the result minimises on one fixed training batch (that of iteration 0), without any update.

        Every process takes part.
        """
        self.phase.eval()
        with self._as_result():
            total = _total(self.phase.losses(self.batches(0))[self.main])
        self.phase.train()
        return float(distributed.mean(total))

    def gradient_norms(self) -> dict[str, Tensor]:
        """L2 norms of the last step's gradients, scalars on the device; nothing waits for them."""
        found = {
            group: [p.grad for p in optimiser.param_groups[0]["params"] if p.grad is not None]
            for group, optimiser in self.optimisers.items()
        }
        return {
            "grad_norm" if group == self.main else f"grad_norm_{group}": get_total_norm(gradients)
            for group, gradients in found.items()
            if gradients
        }

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs."""
        return {
            "iteration": self.iteration,
            "phase": self.phase.state_dict(),
            "optimisers": {group: optimiser.state_dict() for group, optimiser in self.optimisers.items()},
            "average": None if self.average is None else self.average.state_dict(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take up `state` where it was left."""
        self.iteration = state["iteration"]
        self.phase.load_state_dict(state["phase"])
        for group, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][group])
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _differentiate(self, group: str, loss: Tensor, *, again: bool) -> None:
        """Gradients of `loss` for one group alone, through other networks or not; `again` keeps the graph."""
        parameters = self.optimisers[group].param_groups[0]["params"]
        self.optimisers[group].zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=parameters, retain_graph=again)
        distributed.average_gradients(parameters)

    def _named(self, losses: Losses) -> dict[str, Tensor]:
        """All terms: those of the main group by their names, first, then `<group>/<name>` of the others."""
        named = dict(losses.get(self.main, {}))
        for group, terms in losses.items():
            if group != self.main:
                named |= {f"{group}/{name}": term for name, term in terms.items()}
        return {name: term.detach() for name, term in named.items()}

    @contextmanager
    def _as_result(self) -> Iterator[None]:
        """The network with the result's weights, for the length of the block."""
        if self.average is None:
            yield
            return
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.module.state_dict())
        try:
            yield
        finally:
            self.network.load_state_dict(own)


def _total(terms: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def _parameters(network: nn.Module | None) -> list[nn.Parameter]:
    return [] if network is None else list(network.parameters())


def _adam(parameters: list[nn.Parameter], rate: float) -> Adam:
    """Adam, on every device with all of a tensor's update in one pass."""
    return Adam(parameters, rate, betas=BETAS, fused=True)


def _average(network: nn.Module, decay: float) -> AveragedModel | None:
    """The exponential moving average of the weights, from the first step's on; None for decay 0."""
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay)) if decay else None  # type: ignore[no-untyped-call]
