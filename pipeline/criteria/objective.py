"""The objective of a configuration: Eq. 11 with the spatial view of Fig. 4.

    L = w_pix L_pix + w_perc L_perc + w_adv L_adv  on I_SR
      + w_align mean(S L_align)  on I_align  + w_unif mean((1 - S) L_unif)  on I_unif

The masks are not detached: F_alpha and F_beta are optimised jointly (paper, section III-C). Features of the target
are computed once and serve both perceptual criteria and all images.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from pipeline.criteria import maps
from pipeline.criteria.comparative import align_term, unif_term
from pipeline.networks.parts import Parts
from pipeline.networks.vgg import VGGFeatures
from pipeline.settings import Configuration, Criterion, Objective


@dataclass(frozen=True)
class Judges:
    """The networks that judge an image, and which of their layers the perceptual criteria read.

    Attributes:
        discriminator: image to logit map.
        perceptual: frozen features; None where no term reads them.
        bottom, top: the layers of C_perc^B and C_perc^T.
    """

    discriminator: nn.Module
    perceptual: VGGFeatures | None
    bottom: str
    top: str

    def features(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The named features of `image`."""
        if self.perceptual is None:
            raise ValueError("a perceptual criterion was asked for without perceptual features")
        return self.perceptual(image, layers)


@dataclass
class Target:
    """A batch of ground truth, its logits and its features, computed once a step."""

    image: Tensor
    judges: Judges
    _features: dict[str, Tensor] = field(default_factory=dict)
    _logits: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def features(self, layers: Collection[str]) -> dict[str, Tensor]:
        """The named features of the ground truth."""
        if not self._features.keys() >= set(layers):
            self._features = self.judges.features(self.image, (self.judges.bottom, self.judges.top))
        return self._features

    @torch.no_grad()
    def logits(self) -> Tensor:
        """The discriminator's logits of the ground truth."""
        if not self._logits:
            self._logits.append(self.judges.discriminator(self.image))
        return self._logits[0]


def criterion_maps(names: Collection[Criterion], image: Tensor, target: Target) -> dict[Criterion, Tensor]:
    """The named criterion maps of `image` against `target`, each B x 1 x H x W, sharing one feature pass."""
    size = image.shape[-2:]
    found: dict[Criterion, Tensor] = {}
    simple: Mapping[Criterion, Callable[[Tensor, Tensor], Tensor]] = {"pix": maps.pix, "ssim": maps.ssim}
    for name in simple.keys() & set(names):
        found[name] = simple[name](image, target.image)
    judges = target.judges
    layers: dict[Criterion, str] = {"perc_bottom": judges.bottom, "perc_top": judges.top}
    asked = {name: layer for name, layer in layers.items() if name in names}
    if asked:
        features, wanted = judges.features(image, asked.values()), target.features(asked.values())
        for name, layer in asked.items():
            found[name] = maps.perceptual(features[layer], wanted[layer], size)
    if "adv" in names:
        found["adv"] = maps.adversarial(judges.discriminator(image), target.logits(), size)
    return found


def generator_terms(
    parts: Parts, target: Target, configuration: Configuration, objective: Objective
) -> dict[str, Tensor]:
    """The weighted terms of the generator's objective, scalars; their sum is what the generator minimises.

    Args:
        parts: what the generator gave; `target`: the ground truth of the same batch.
        configuration: which comparative terms, anchor and partition; masked where `parts.mask` is given.
        objective: weights and constants. A term of weight 0 is not computed.
    """
    terms = _terms_on_sr(parts.sr, target, objective)
    ones = torch.ones(1, device=parts.sr.device)
    mask, rest = (ones, ones) if parts.mask is None else (parts.mask, 1 - parts.mask)
    if configuration.align and parts.align is not None:
        found = criterion_maps({configuration.anchor, *configuration.positives}, parts.align, target)
        positives = [found[name] for name in configuration.positives]
        align = align_term(found[configuration.anchor], positives, objective.eta)
        terms["align"] = objective.align * (mask * align).mean()
    if configuration.unif and parts.unif is not None:
        found = criterion_maps({configuration.anchor, *configuration.negatives}, parts.unif, target)
        negatives = [found[name] for name in configuration.negatives]
        unif = unif_term(found[configuration.anchor], negatives, objective.temperature)
        terms["unif"] = objective.unif * (rest * unif).mean()
    return terms


def _terms_on_sr(image: Tensor, target: Target, objective: Objective) -> dict[str, Tensor]:
    """The three terms of Eq. 11 on I_SR. They average the raw maps: resizing would weigh the borders less."""
    judges = target.judges
    terms = {}
    if objective.pix:
        terms["pix"] = objective.pix * maps.pix(image, target.image).mean()
    if objective.perc:
        features = judges.features(image, [judges.top])[judges.top]
        terms["perc"] = objective.perc * (features - target.features([judges.top])[judges.top]).abs().mean()
    if objective.adv:
        logits = judges.discriminator(image)
        terms["adv"] = objective.adv * maps.relativistic_generator(logits, target.logits()).mean()
    return terms


def discriminator_loss(fake: Tensor, real: Tensor, discriminator: nn.Module) -> Tensor:
    """The relativistic-average loss of the discriminator on a detached I_SR and the ground truth."""
    return maps.relativistic_discriminator(discriminator(fake.detach()), discriminator(real)).mean()
