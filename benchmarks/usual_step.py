"""Training steps as they are usually written, from the state of a fresh trainer: nothing is shared, all is eager.

Written from facts/methods.md 1.1 and 2 and facts/performance.md: five passes of the discriminator, features of the
ground truth anew for every criterion, plain Adam, an average that goes through the weights one by one.
"""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.criteria import maps
from pipeline.criteria.comparative import align_term, unif_term
from pipeline.networks.parts import Branched, Parts
from pipeline.recipes.cria import Cria
from pipeline.training.trainer import BETAS, Trainer


class UsualEsrgan:
    """The ESRGAN-style step: pixels, features and the relativistic game on one image."""

    def __init__(self, like: Trainer) -> None:
        """Networks equal to those of `like`, the same batches and features."""
        phase = like.phase
        assert isinstance(phase, Cria)
        assert phase.discriminator is not None
        assert phase.judges.perceptual is not None
        self.chosen, self.schedule = phase.chosen, like.experiment.settings.schedule
        self.batches, self.iteration = like.batches, like.iteration
        self.generator, self.discriminator = deepcopy(phase.generator), deepcopy(phase.discriminator)
        self.average = deepcopy(phase.generator).requires_grad_(False)
        self.perceptual = phase.judges.perceptual
        self.top, self.bottom, self.grid = phase.judges.top, phase.judges.bottom, phase.judges.grid
        rate = self.schedule.learning_rate
        self.of_generator, self.of_discriminator = (
            torch.optim.Adam(network.parameters(), rate, betas=BETAS)
            for network in (self.generator, self.discriminator)
        )

    def step(self) -> dict[str, Tensor]:
        """One update of both networks; the weighted terms, as `Trainer.step` gives them."""
        self.iteration += 1
        crops = self.batches(self.iteration)
        hr = crops.hr
        self.discriminator.requires_grad_(False)
        self.of_generator.zero_grad()
        parts = self._parts(crops.lr)
        terms = self.terms(parts, hr)
        torch.autograd.backward(torch.stack(list(terms.values())).sum())
        self.of_generator.step()
        self.discriminator.requires_grad_(True)
        terms["discriminator/adv"] = self._update_discriminator(parts.sr, hr)
        self._update_average()
        return {name: term.detach() for name, term in terms.items()}

    def _parts(self, lr: Tensor) -> Parts:
        return Parts(self.generator(lr))

    def terms(self, parts: Parts, hr: Tensor) -> dict[str, Tensor]:
        """The weighted terms of the objective, every one from the images alone."""
        weights = self.chosen.objective
        return {
            "pix": weights.pix * F.l1_loss(parts.sr, hr),
            "perc": weights.perc * F.l1_loss(self._features(parts.sr, self.top), self._truth(hr, self.top)),
            "adv": weights.adv * self.adversarial(parts.sr, hr).mean(),
        }

    def adversarial(self, image: Tensor, hr: Tensor) -> Tensor:
        """The generator's loss at every logit."""
        real, fake = self.discriminator(hr).detach(), self.discriminator(image)
        return (_entropy(real - fake.mean(), 0) + _entropy(fake - real.mean(), 1)) / 2

    def _features(self, image: Tensor, layer: str) -> Tensor:
        """Features of the one network that all criteria read: it goes through all of its layers for any."""
        found: Tensor = self.perceptual(image, (self.bottom, self.top))[layer]
        return found

    @torch.no_grad()
    def _truth(self, hr: Tensor, layer: str) -> Tensor:
        return self._features(hr, layer)

    def _update_discriminator(self, image: Tensor, hr: Tensor) -> Tensor:
        """Real and fake with a backward pass each; the means of the other side are numbers."""
        self.of_discriminator.zero_grad()
        fake, real = self.discriminator(image).detach(), self.discriminator(hr)
        of_real = _entropy(real - fake.mean(), 1).mean() / 2
        torch.autograd.backward(of_real)
        fake = self.discriminator(image.detach())
        of_fake = _entropy(fake - real.detach().mean(), 0).mean() / 2
        torch.autograd.backward(of_fake)
        self.of_discriminator.step()
        return of_real + of_fake

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = self.schedule.ema if self.iteration > 1 else 0  # it starts as the first step's weights
        for kept, weights in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            kept.mul_(decay).add_(weights, alpha=1 - decay)


class NaiveCria(UsualEsrgan):
    """Cria-CL's step with an object for every criterion of every term, each judging its image by itself."""

    def _parts(self, lr: Tensor) -> Parts:
        assert isinstance(self.generator, Branched)
        return self.generator.parts(lr)

    def terms(self, parts: Parts, hr: Tensor) -> dict[str, Tensor]:
        """Eq. 11 in the spatial view, of the configuration `full`."""
        chosen, weights = self.chosen.configuration, self.chosen.objective
        assert parts.align is not None
        assert parts.unif is not None
        assert parts.mask is not None
        positives = [self._map(name, parts.align, hr) for name in chosen.positives]
        align = align_term(self._map(chosen.anchor, parts.align, hr), positives, weights.eta)
        negatives = [self._map(name, parts.unif, hr) for name in chosen.negatives]
        unif = unif_term(self._map(chosen.anchor, parts.unif, hr), negatives, weights.temperature)
        return super().terms(parts, hr) | {
            "align": weights.align * (parts.mask * align).mean(),
            "unif": weights.unif * ((1 - parts.mask) * unif).mean(),
        }

    def _map(self, name: str, image: Tensor, hr: Tensor) -> Tensor:
        match name:
            case "pix":
                return maps.pix(image, hr)
            case "ssim":
                return maps.ssim(image, hr)
            case "adv":
                return maps.on_image(self.adversarial(image, hr), hr.shape[-2:], self.grid)
            case _:
                layer = {"perc_bottom": self.bottom, "perc_top": self.top}[name]
                found = maps.perceptual(self._features(image, layer), self._truth(hr, layer))
                return maps.at_size(found, hr.shape[-2:])


def _entropy(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label), reduction="none")
