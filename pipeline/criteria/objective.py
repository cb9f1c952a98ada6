"""The objective of a configuration: Eq. 11 with the spatial view of Fig. 4.

    L = w_pix L_pix + w_perc L_perc + w_adv L_adv  on I_SR (or, with `terms_on: branches`, a branch each)
      + w_align mean(S L_align)  on I_align  + w_unif mean((1 - S) L_unif)  on I_unif

L_align (Eq. 8) and L_unif (Eq. 9) are in `comparative`, the criteria in `maps` and `adversarial`; how they are read
is the block `criteria` of params.yaml. The masks are not detached: F_alpha and F_beta are optimised jointly (paper,
section III-C).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.criteria.adversarial import GAMES
from pipeline.criteria.comparative import align_term, unif_term
from pipeline.criteria.judges import PIX, Target, criterion_maps, criterion_scalars
from pipeline.networks.parts import Parts
from pipeline.settings import Configuration, Criteria, Criterion, Game, Objective


def generator_terms(
    parts: Parts, target: Target, configuration: Configuration, objective: Objective, criteria: Criteria
) -> dict[str, Tensor]:
    """The weighted terms of the generator's objective, scalars; their sum is what the generator minimises.

    Args:
        parts: what the generator gave; `target`: the ground truth of the same batch.
        configuration: which comparative terms, anchor and partition; masked where `parts.mask` is given.
        objective: weights and constants. A term of weight 0 in Eq. 11's first three is not computed.
        criteria: how the criteria are read.
    """

    def compared(image: Tensor, others: Sequence[Criterion]) -> tuple[Tensor, list[Tensor]]:
        """The anchor and the others, judged on `image`."""
        names = (configuration.anchor, *others)
        if criteria.reading == "maps":
            found = criterion_maps(names, image, target, criteria)
        else:
            found = criterion_scalars(names, image, target, criteria, objective)
        return found[configuration.anchor], [found[name] for name in others]

    terms = _weighted_sum(parts, target, objective, criteria)
    ones = torch.ones(1, device=parts.sr.device)
    mask, rest = (ones, ones) if parts.mask is None else (parts.mask, 1 - parts.mask)
    if configuration.align and parts.align is not None:
        align = align_term(*compared(parts.align, configuration.positives), objective.eta)
        terms["align"] = objective.align * (mask * align).mean()
    if configuration.unif and parts.unif is not None:
        unif = unif_term(*compared(parts.unif, configuration.negatives), objective.temperature)
        weight = objective.unif / 2 if criteria.halve_unif else objective.unif
        terms["unif"] = weight * (rest * unif).mean()
    return terms


def _weighted_sum(parts: Parts, target: Target, objective: Objective, criteria: Criteria) -> dict[str, Tensor]:
    """The first three terms of Eq. 11. They average the raw maps: resizing would weigh the borders less.

    They judge I_SR. With `terms_on: branches`, and where there are branches, L_pix judges I_align and L_adv I_unif,
    as the paper's "each sub-branch uses different loss" may be read (facts/methods.md 2.2 row 15).
    """
    judges = target.judges
    pixels, texture = parts.sr, parts.sr
    if criteria.terms_on == "branches" and parts.align is not None and parts.unif is not None:
        pixels, texture = parts.align, parts.unif
    terms = {}
    if objective.pix:
        terms["pix"] = objective.pix * PIX[criteria.pix](pixels, target.image).mean()
    if objective.perc:
        features = judges.features(parts.sr, [judges.top])[judges.top]
        terms["perc"] = objective.perc * (features - target.features([judges.top])[judges.top]).abs().mean()
    if objective.adv:
        loss = GAMES[criteria.adversarial].generator(target.logits(texture), target.logits(target.image))
        terms["adv"] = objective.adv * loss.mean()
    return terms


def discriminator_loss(image: Tensor, target: Target, game: Game) -> Tensor:
    """The loss of the discriminator in `game` on I_SR and the ground truth, a scalar.

    It is made of the very logits that the generator's term reads. Differentiate it for the discriminator's weights
    alone: it would teach the generator the opposite.
    """
    return GAMES[game].discriminator(target.logits(image), target.logits(target.image)).mean()
