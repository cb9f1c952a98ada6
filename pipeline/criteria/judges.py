"""What judges an image, and the verdicts as the comparative terms read them: all criteria of an image at once.

Features of the target are computed once and serve both perceptual criteria and all images; so are the logits of
every image, which serve the generator's game and the discriminator's.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.criteria import maps
from pipeline.criteria.adversarial import GAMES
from pipeline.distributed import mean
from pipeline.networks.grid import Grid
from pipeline.settings import Criteria, Criterion, Objective

PIX = {"l1": maps.pix, "l2": maps.pix_l2}
"""C_pix by its norm over the channels (`criteria.pix`)."""


@dataclass(frozen=True)
class Judges:
    """The networks that judge an image, and which of their layers the perceptual criteria read.

    Attributes:
        discriminator: image to logit map; None where no term reads it. grid: where its logits lie in the image.
        perceptual: frozen features; None where no term reads them.
        bottom, top: the layers of C_perc^B and C_perc^T.
    """

    discriminator: Callable[[Tensor], Tensor] | None
    grid: Grid
    perceptual: Callable[[Tensor, Collection[str]], dict[str, Tensor]] | None
    bottom: str
    top: str

    def features(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """The named features of `image`."""
        if self.perceptual is None:
            raise ValueError("a perceptual criterion was asked for without perceptual features")
        return self.perceptual(image, layers)


@dataclass
class Target:
    """A batch of ground truth, its features, and the logits of all images of the step, each computed once."""

    image: Tensor
    judges: Judges
    _features: dict[str, Tensor] = field(default_factory=dict)
    _logits: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    @torch.no_grad()
    def features(self, layers: Collection[str]) -> dict[str, Tensor]:
        """The named features of the ground truth."""
        if not self._features.keys() >= set(layers):
            self._features = self.judges.features(self.image, (self.judges.bottom, self.judges.top))
        return self._features

    def logits(self, image: Tensor) -> Tensor:
        """The discriminator's logits of `image`, of the generator or the ground truth itself.

        Their graph leads to the image and to the discriminator's weights: a backward pass names the one it is for.
        """
        for known, logits in self._logits:
            if known is image:
                return logits
        if self.judges.discriminator is None:
            raise ValueError("an adversarial term was asked for without a discriminator")
        self._logits.append((image, self.judges.discriminator(image)))
        return self._logits[-1][1]


def judged(
    names: Sequence[Criterion], image: Tensor, target: Target, criteria: Criteria
) -> dict[Criterion, Tensor]:
    """The named criteria of `image` in the order of the names, each B x 1 x h x w at its judge's own size.

    They share one feature pass. The order is that of the collectives that follow, so it has to be the same in every
    process: `names` is a sequence, because the order of a set of strings differs from process to process.
    """
    found: dict[Criterion, Tensor] = {}
    if "pix" in names:
        found["pix"] = PIX[criteria.pix](image, target.image)
    for name in names:
        if name in maps.OF_IMAGES:
            found[name] = maps.OF_IMAGES[name](image, target.image)
    judges = target.judges
    layers: Mapping[Criterion, str] = {"perc_bottom": judges.bottom, "perc_top": judges.top}
    asked = {name: layer for name, layer in layers.items() if name in names}
    if asked:
        features, wanted = judges.features(image, asked.values()), target.features(asked.values())
        found |= {name: maps.perceptual(features[layer], wanted[layer]) for name, layer in asked.items()}
    if "adv" in names:
        found["adv"] = GAMES[criteria.adversarial].generator(target.logits(image), target.logits(target.image))
    return {name: found[name] for name in names}


def criterion_maps(
    names: Sequence[Criterion], image: Tensor, target: Target, criteria: Criteria
) -> dict[Criterion, Tensor]:
    """`reading: maps`: the named criteria, raw, each B x 1 x H x W of the image's size."""
    size, grid = image.shape[-2:], target.judges.grid
    return {
        name: maps.on_image(found, size, grid) if name == "adv" else maps.at_size(found, size)
        for name, found in judged(names, image, target, criteria).items()
    }


def criterion_scalars(
    names: Sequence[Criterion], image: Tensor, target: Target, criteria: Criteria, objective: Objective
) -> dict[Criterion, Tensor]:
    """`reading: scalars`: the batch mean of each named criterion times its weight in Eq. 11, 1 x 1 x 1 x 1.

    Both perceptual criteria take the weight of L_perc; what Eq. 11 has no weight for, as C_ssim, takes 1. Then
    L_unif sits at -log K with gradients of 1e-5 to 8e-5: practically inert (facts/methods.md 2.3).
    """
    weights: Mapping[Criterion, float] = {
        "pix": objective.pix,
        "perc_bottom": objective.perc,
        "perc_top": objective.perc,
        "adv": objective.adv,
    }
    found = judged(names, image, target, criteria)
    means = {name: mean(criterion.mean()).view(1, 1, 1, 1) for name, criterion in found.items()}
    return {name: weights.get(name, 1.0) * criterion for name, criterion in means.items()}
