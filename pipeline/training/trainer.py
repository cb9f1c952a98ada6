"""The networks and optimisers of an experiment, and one step of them.

Adam (0.9, 0.999), the learning rate halved at given iterations: facts/methods.md 2.3 (the sister paper's public
training configuration; this paper is silent).
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pipeline.criteria.judges import Judges, Target
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.datasets.packs import Pack
from pipeline.networks import build_generator
from pipeline.networks.cria import start_from
from pipeline.networks.discriminators import build_discriminator
from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import RRDBNet, Trunk
from pipeline.networks.vgg import VGGFeatures
from pipeline.settings import Schedule
from pipeline.training.experiment import Experiment

BETAS = (0.9, 0.999)


def learning_rate(schedule: Schedule, iteration: int) -> float:
    """The rate of step `iteration` (from 1): halved after each of the given iterations."""
    passed = sum(iteration > milestone for milestone in schedule.halve_at)
    return schedule.learning_rate * 0.5**passed


class Trainer:
    """Generator, discriminator and their optimisers. A step is a pure function of this state and the iteration."""

    def __init__(
        self, experiment: Experiment, pack: Pack, trunk: RRDBNet | None, perceptual: VGGFeatures | None
    ) -> None:
        """Fresh networks from the experiment's seed; `trunk`, where given, is the generator's start."""
        self.experiment = experiment
        self.pack = pack
        self.device = torch.device(experiment.device)
        self.iteration = 0
        torch.manual_seed(experiment.seed)
        self.generator = build_generator(experiment.configuration, experiment.network, experiment.scale)
        if trunk is not None and isinstance(self.generator, Trunk):
            start_from(self.generator, trunk)
        self.discriminator = build_discriminator(experiment.discriminator).to(self.device)
        self.generator.to(self.device)
        if perceptual is not None:
            perceptual.to(self.device)
        layers = experiment.perceptual
        self.judges = Judges(self.discriminator, perceptual, layers.bottom, layers.top)
        rate = experiment.schedule.learning_rate
        self.optimisers = {
            "generator": torch.optim.Adam(self.generator.parameters(), rate, betas=BETAS),
            "discriminator": torch.optim.Adam(self.discriminator.parameters(), rate, betas=BETAS),
        }

    def step(self) -> dict[str, Tensor]:
        """One update of both networks; the weighted terms of this step's batch, scalars on the device."""
        self.iteration += 1
        schedule = self.experiment.schedule
        for optimiser in self.optimisers.values():
            optimiser.param_groups[0]["lr"] = learning_rate(schedule, self.iteration)
        lr, hr = self.batch(self.iteration)
        self.discriminator.requires_grad_(False)
        parts = self.generator(lr)
        terms = self.terms(parts, hr)
        self._update("generator", torch.stack(list(terms.values())).sum())
        if self.experiment.uses_discriminator:
            self.discriminator.requires_grad_(True)
            loss = discriminator_loss(parts.sr, hr, self.discriminator, self.experiment.criteria.adversarial)
            self._update("discriminator", loss)
            terms["discriminator"] = loss
        return {name: term.detach() for name, term in terms.items()}

    def terms(self, parts: Parts, hr: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the generator's objective for what it made of a batch with ground truth `hr`."""
        chosen = self.experiment
        return generator_terms(
            parts, Target(hr, self.judges), chosen.configuration, chosen.objective, chosen.criteria
        )

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """LR and HR crops of an iteration, B x 3 x h x w and B x 3 x H x W in [0, 1]."""
        schedule = self.experiment.schedule
        lr, hr = self.pack.crops(self.experiment.seed, iteration, 0, schedule.batch, schedule.crop)
        return lr.to(self.device), hr.to(self.device)

    @torch.no_grad()
    def probe(self) -> float:
        """The generator's objective on one fixed training batch (that of iteration 0), without any update."""
        lr, hr = self.batch(0)
        self.discriminator.eval()
        terms = self.terms(self.generator(lr), hr)
        self.discriminator.train()
        return float(torch.stack(list(terms.values())).sum())

    def state(self) -> dict[str, Any]:
        """Everything a resumed training needs."""
        return {
            "iteration": self.iteration,
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take up `state` where it was left."""
        self.iteration = state["iteration"]
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])

    def _update(self, name: str, loss: Tensor) -> None:
        optimiser = self.optimisers[name]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
