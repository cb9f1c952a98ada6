"""The adversarial games: what generator and discriminator minimise at each logit, zero or more everywhere.

Logits `fake` = D(I_SR) and `real` = D(I_GT) are B x 1 x h x w, positive meaning 'real'; so are the losses. Cross
entropies are written as softplus: log(1 + exp(x)), stable at any logit. A discriminator's loss is the mean of its
two sides.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from pipeline.distributed import mean
from pipeline.settings import Game


class Losses(NamedTuple):
    """The two sides of a game, each a function of (fake, real)."""

    generator: Callable[[Tensor, Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]


def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """Half of BCE(D(real) - E[D(fake)], 0) plus BCE(D(fake) - E[D(real)], 1), relativistic-average (ESRGAN).

    E[D(x)] is over the global batch, whichever number of processes shares it.
    """
    return (F.softplus(real - mean(fake.mean())) + F.softplus(mean(real.mean()) - fake)) / 2


def relativistic_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """The generator's loss with the roles exchanged."""
    return relativistic_generator(fake=real, real=fake)


def relativistic_detached_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Of equal value, but no gradient goes through E[D(x)]: the game as BasicSR plays it (ESRGANModel)."""
    return (F.softplus(mean(fake.mean()).detach() - real) + F.softplus(fake - mean(real.mean()).detach())) / 2


def vanilla_generator(fake: Tensor, real: Tensor) -> Tensor:
    """BCE(D(fake), 1), the non-saturating loss (Real-ESRGAN)."""
    return F.softplus(-fake)


def vanilla_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Half of BCE(D(real), 1) plus BCE(D(fake), 0)."""
    return (F.softplus(-real) + F.softplus(fake)) / 2


def lsgan_generator(fake: Tensor, real: Tensor) -> Tensor:
    """(D(fake) - 1)^2, least squares (CinCGAN)."""
    return (fake - 1) ** 2


def lsgan_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """Half of (D(real) - 1)^2 plus D(fake)^2."""
    return ((real - 1) ** 2 + fake**2) / 2


GAMES: Mapping[Game, Losses] = {
    "relativistic": Losses(relativistic_generator, relativistic_discriminator),
    "relativistic_detached": Losses(relativistic_generator, relativistic_detached_discriminator),
    "vanilla": Losses(vanilla_generator, vanilla_discriminator),
    "lsgan": Losses(lsgan_generator, lsgan_discriminator),
}
"""The losses of each game that params.yaml can name (`criteria.adversarial`)."""
