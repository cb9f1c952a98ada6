"""The networks and optimisers of an experiment, and one step of them.

Adam (0.9, 0.999), the learning rate halved at given iterations: facts/methods.md 2.3 (the sister paper's public
training configuration; this paper is silent).
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pipeline import distributed, streams
from pipeline.criteria.judges import Judges, Target
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice
from pipeline.networks import Generator, build_generator
from pipeline.networks.cria import start_from
from pipeline.networks.discriminators import build_discriminator
from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import RRDBNet, Trunk
from pipeline.networks.vgg import VGGFeatures
from pipeline.settings import Schedule
from pipeline.streams import Purpose
from pipeline.training.batches import batch
from pipeline.training.execution import in_precision, placed
from pipeline.training.experiment import TRUNK, Experiment

BETAS = (0.9, 0.999)


def learning_rate(schedule: Schedule, iteration: int) -> float:
    """The rate of step `iteration` (from 1): halved after each of the given iterations."""
    passed = sum(iteration > milestone for milestone in schedule.halve_at)
    return schedule.learning_rate * 0.5**passed


class Trainer:
    """Generator, discriminator and their optimisers. A step is a pure function of this state and the iteration.

    Each of the processes that share a training has a trainer, equal in all but its slice of the batch.
    """

    def __init__(
        self, experiment: Experiment, pack: Pack, trunk: RRDBNet | None, perceptual: VGGFeatures | None
    ) -> None:
        """Fresh networks from the experiment's seed; `trunk`, where given, is the generator's start.

        Raises `UserError` when the processes cannot share a batch evenly.
        """
        self.experiment, run, schedule = experiment, experiment.run, experiment.schedule
        self.pack = pack
        self.device = device = torch.device(experiment.device)
        self.phase = phase = "trunk" if experiment.name == TRUNK else "training"
        self.share = distributed.share(schedule.batch, f"{experiment.preset}.{phase}.batch")
        self.iteration = 0
        with streams.torch_weights(experiment.seed, Purpose.INITIAL_WEIGHTS, phase, "generator"):
            self.generator = build_generator(experiment.configuration, experiment.network, experiment.scale)
        if trunk is not None and isinstance(self.generator, Trunk):
            start_from(self.generator, trunk)
        with streams.torch_weights(experiment.seed, Purpose.INITIAL_WEIGHTS, phase, "discriminator"):
            self.discriminator = placed(build_discriminator(experiment.discriminator), run, device)
        placed(self.generator, run, device)
        # The compiled function shares the generator's weights and leaves its keys alone.
        generate = torch.compile(self.generator, dynamic=False) if run.compile else self.generator
        self.generate = in_precision(generate, run, device)
        self.average = _average(self.generator, schedule.ema)
        self.judges = self._judges(perceptual)
        self.networks: dict[str, nn.Module] = {"generator": self.generator}
        if experiment.uses_discriminator:
            self.networks["discriminator"] = self.discriminator
        self.optimisers = {name: _adam(network, schedule.learning_rate) for name, network in self.networks.items()}

    @property
    def result(self) -> Generator:
        """The generator that is validated and exported: the weights' average where the schedule keeps one."""
        return self.generator if self.average is None else cast(Generator, self.average.module)

    def step(self) -> dict[str, Tensor]:
        """One update of both networks; the weighted terms of this process's slice, scalars on the device."""
        self.iteration += 1
        schedule = self.experiment.schedule
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = learning_rate(schedule, self.iteration)
        lr, hr = self.batch(self.iteration)
        parts, target = self.generate(lr), Target(hr, self.judges)
        terms = self.terms(parts, target)
        objective = torch.stack(list(terms.values())).sum()
        if self.experiment.uses_discriminator:
            loss = discriminator_loss(parts.sr, target, self.experiment.criteria.adversarial)
            terms["discriminator"] = loss
            # One graph of the discriminator serves both: first its weights, then, to the end, the generator's.
            self._differentiate("discriminator", loss, again=True)
        self._differentiate("generator", objective)
        for optimiser in self.optimisers.values():
            optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.generator)
        return {name: term.detach() for name, term in terms.items()}

    def terms(self, parts: Parts, target: Target) -> dict[str, Tensor]:
        """The weighted terms of the generator's objective for what it made of a batch."""
        chosen = self.experiment
        return generator_terms(parts, target, chosen.configuration, chosen.objective, chosen.criteria)

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """This process's LR and HR crops of an iteration, B x 3 x h x w and B x 3 x H x W in [0, 1]."""
        first = distributed.rank() * self.share
        part = Slice(self.experiment.seed, self.phase, iteration, first, self.share)
        return batch(self.pack, part, self.experiment.schedule.crop, self.device)

    @torch.no_grad()
    def probe(self) -> float:
        """The result's objective on one fixed training batch (that of iteration 0), without any update.

        Every process takes part.
        """
        lr, hr = self.batch(0)
        self.discriminator.eval()
        terms = self.terms(self.result(lr), Target(hr, self.judges))
        self.discriminator.train()
        return float(distributed.mean(torch.stack(list(terms.values())).sum()))

    def gradient_norms(self) -> dict[str, Tensor]:
        """L2 norms of the last step's gradients, scalars on the device; nothing waits for them."""
        names = {"generator": "grad_norm", "discriminator": "grad_norm_discriminator"}
        gradients = {name: [p.grad for p in self._parameters(name) if p.grad is not None] for name in self.networks}
        return {names[name]: get_total_norm(found) for name, found in gradients.items() if found}

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs; a network that is not trained is no part of it."""
        return {
            "iteration": self.iteration,
            **{name: network.state_dict() for name, network in self.networks.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": None if self.average is None else self.average.state_dict(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take up `state` where it was left."""
        self.iteration = state["iteration"]
        for name, optimiser in self.optimisers.items():
            self.networks[name].load_state_dict(state[name])
            optimiser.load_state_dict(state["optimisers"][name])
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _judges(self, perceptual: VGGFeatures | None) -> Judges:
        run, layers = self.experiment.run, self.experiment.perceptual
        discriminator = in_precision(self.discriminator, run, self.device)
        features = None
        if perceptual is not None:
            features = in_precision(placed(perceptual, run, self.device), run, self.device)
        return Judges(discriminator, self.discriminator.grid, features, layers.bottom, layers.top)

    def _parameters(self, name: str) -> list[nn.Parameter]:
        parameters: list[nn.Parameter] = self.optimisers[name].param_groups[0]["params"]
        return parameters

    def _differentiate(self, name: str, loss: Tensor, *, again: bool = False) -> None:
        """Gradients of `loss` for one network alone, through the other where it must; `again` keeps the graph."""
        parameters = self._parameters(name)
        self.optimisers[name].zero_grad(set_to_none=True)
        torch.autograd.backward(loss, inputs=parameters, retain_graph=again)
        distributed.average_gradients(parameters)


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    """Adam, on every device with all of a tensor's update in one pass."""
    return torch.optim.Adam(network.parameters(), rate, betas=BETAS, fused=True)


def _average(generator: Generator, decay: float) -> AveragedModel | None:
    """The exponential moving average of the weights, from the first step's on; None for decay 0."""
    return AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(decay)) if decay else None  # type: ignore[no-untyped-call]
