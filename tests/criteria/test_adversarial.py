"""The games: torch's own references, closed forms, gradients, extreme logits."""

import math

import pytest
import torch
import torch.nn.functional as F

from pipeline.criteria.adversarial import GAMES


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label), reduction="none")


def mse(logits, label):
    return F.mse_loss(logits, torch.full_like(logits, label), reduction="none")


GENERATORS = {
    "relativistic": lambda fake, real: (bce(real - fake.mean(), 0.0) + bce(fake - real.mean(), 1.0)) / 2,
    "relativistic_detached": lambda fake, real: (bce(real - fake.mean(), 0.0) + bce(fake - real.mean(), 1.0)) / 2,
    "vanilla": lambda fake, _: bce(fake, 1.0),
    "lsgan": lambda fake, _: mse(fake, 1.0),
}
DISCRIMINATORS = {
    "relativistic": lambda fake, real: (bce(real - fake.mean(), 1.0) + bce(fake - real.mean(), 0.0)) / 2,
    "relativistic_detached": lambda fake, real: (bce(real - fake.mean(), 1.0) + bce(fake - real.mean(), 0.0)) / 2,
    "vanilla": lambda fake, real: (bce(real, 1.0) + bce(fake, 0.0)) / 2,
    "lsgan": lambda fake, real: (mse(real, 1.0) + mse(fake, 0.0)) / 2,
}
UNDECIDED = {game: (math.log(2), math.log(2)) for game in GAMES} | {"lsgan": (1.0, 0.5)}
"""Both losses where the discriminator says 0 of everything."""


def logits(dtype=torch.float64):
    torch.manual_seed(0)
    return torch.randn(2, 1, 5, 4, dtype=dtype) * 3, torch.randn(2, 1, 5, 4, dtype=dtype) * 3


def test_there_is_a_reference_for_every_game():
    assert GAMES.keys() == GENERATORS.keys() == DISCRIMINATORS.keys()


@pytest.mark.parametrize("game", GAMES)
def test_both_sides_equal_torchs_references_at_every_logit(game):
    fake, real = logits()
    torch.testing.assert_close(GAMES[game].generator(fake, real), GENERATORS[game](fake, real))
    torch.testing.assert_close(GAMES[game].discriminator(fake, real), DISCRIMINATORS[game](fake, real))


@pytest.mark.parametrize("game", GAMES)
def test_values_of_an_undecided_discriminator(game):
    zeros = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    for side, expected in zip(GAMES[game], UNDECIDED[game], strict=True):
        torch.testing.assert_close(side(zeros, zeros), torch.full_like(zeros, expected))


@pytest.mark.parametrize("game", GAMES)
def test_the_sides_pull_the_fake_logits_apart(game):
    fake, real = (torch.zeros(1, 1, 2, 2, requires_grad=True) for _ in range(2))
    for side, sign in zip(GAMES[game], (-1, 1), strict=True):
        loss = side(fake + 0.5, real + 0.5).mean()
        (gradient,) = torch.autograd.grad(loss, fake)
        assert (sign * gradient > 0).all()


@pytest.mark.parametrize("game", GAMES)
def test_finite_at_extreme_logits(game):
    for side in GAMES[game]:
        fake = torch.tensor([-1e4, 1e4]).view(1, 1, 1, 2).requires_grad_()
        loss = side(fake, -fake.detach()).sum()
        loss.backward()
        assert loss.isfinite()
        assert fake.grad.isfinite().all()


SIDES = [(game, side) for game in GAMES for side in GAMES[game]._fields]


@pytest.mark.parametrize(
    ("game", "side"), [pair for pair in SIDES if pair != ("relativistic_detached", "discriminator")]
)
def test_gradients_in_double_precision(game, side):
    both = tuple(part[:1, :, :3, :3].clone().requires_grad_() for part in logits())
    assert torch.autograd.gradcheck(getattr(GAMES[game], side), both)


def test_detached_means_hand_on_no_gradient():
    fake, real = (part.requires_grad_() for part in logits())
    loss = GAMES["relativistic_detached"].discriminator(fake, real).mean()
    for part, other, label in ((fake, real, 0.0), (real, fake, 1.0)):
        alone = bce(part - other.mean().item(), label).mean() / 2
        (expected,) = torch.autograd.grad(alone, part)
        torch.testing.assert_close(torch.autograd.grad(loss, part, retain_graph=True)[0], expected)
