"""Eq. 11: each term against an independent computation, and where its gradients go."""

import pytest
import torch

from pipeline.criteria import maps
from pipeline.criteria.adversarial import GAMES
from pipeline.criteria.judges import Judges, Target, criterion_maps
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.networks.discriminators import PatchGAN
from pipeline.networks.parts import Parts
from pipeline.networks.vgg import VGGFeatures, layer_indices
from pipeline.settings import Configuration, Criteria, Objective

OBJECTIVE = Objective(pix=0.01, perc=1.0, adv=0.005, align=0.01, unif=0.01, eta=2.0, temperature=2.0)
FULL = Configuration(
    branches=True,
    mask=True,
    align=True,
    unif=True,
    anchor="pix",
    positives=["ssim", "perc_bottom"],
    negatives=["perc_top", "adv"],
)
SIZE = 32
READING = Criteria()
PLAIN = Configuration(branches=False, mask=False, align=False, unif=False)


@pytest.fixture(scope="module")
def judges():
    torch.manual_seed(0)
    widths = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128)}
    weights = {}
    for layer, (inputs, outputs) in widths.items():
        index = layer_indices("vgg16")[layer]
        weights[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) / (3 * inputs**0.5)
        weights[f"features.{index}.bias"] = torch.zeros(outputs)
    return Judges(PatchGAN(4, 2), VGGFeatures("vgg16", ("conv1_2", "conv2_2"), weights), "conv1_2", "conv2_2")


@pytest.fixture
def batch():
    torch.manual_seed(1)
    align, unif, target = (torch.rand(2, 3, SIZE, SIZE) for _ in range(3))
    mask = torch.rand(2, 1, SIZE, SIZE) * 0.8 + 0.1
    align, unif, mask = (part.requires_grad_() for part in (align, unif, mask))
    return Parts(mask * align + (1 - mask) * unif, align, unif, mask), target


def independent_maps(image, target, judges, game="relativistic"):
    """The five maps of `image`, computed one by one without sharing anything."""
    shape = torch.Size((SIZE, SIZE))
    found = {"pix": maps.pix(image, target), "ssim": maps.ssim(image, target)}
    for name, layer in (("perc_bottom", "conv1_2"), ("perc_top", "conv2_2")):
        features = judges.perceptual(image, [layer])[layer]
        found[name] = maps.at_size(maps.perceptual(features, judges.perceptual(target, [layer])[layer]), shape)
    adversarial = GAMES[game].generator(judges.discriminator(image), judges.discriminator(target))
    found["adv"] = maps.at_size(adversarial, shape)
    return found


def test_shared_maps_equal_independent_ones(judges, batch):
    parts, target = batch
    names = ("pix", "ssim", "perc_bottom", "perc_top", "adv")
    shared = criterion_maps(names, parts.align, Target(target, judges), READING)
    alone = independent_maps(parts.align, target, judges)
    for name in names:
        torch.testing.assert_close(shared[name], alone[name], msg=name)
        assert shared[name].shape == (2, 1, SIZE, SIZE)


def test_every_term_of_the_full_configuration(judges, batch):
    parts, target = batch
    terms = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, READING)
    assert list(terms) == ["pix", "perc", "adv", "align", "unif"]
    on_align, on_unif = (independent_maps(image, target, judges) for image in (parts.align, parts.unif))
    align = (on_align["pix"] - on_align["ssim"]) ** 2 + (on_align["pix"] - on_align["perc_bottom"]) ** 2
    torch.testing.assert_close(terms["align"], 0.01 * (parts.mask * align).mean())
    sums = [torch.exp(-2 * (on_unif["pix"] + on_unif[name]) ** 2) for name in ("perc_top", "adv")]
    unif = -torch.log(sums[0] + sums[1])
    torch.testing.assert_close(terms["unif"], 0.01 * ((1 - parts.mask) * unif).mean())
    torch.testing.assert_close(terms["pix"], 0.01 * (parts.sr - target).abs().mean())
    features = [judges.perceptual(image, ["conv2_2"])["conv2_2"] for image in (parts.sr, target)]
    torch.testing.assert_close(terms["perc"], (features[0] - features[1]).abs().mean())


def test_plain_has_three_terms_and_unmasked_weighs_every_pixel_alike(judges, batch):
    parts, target = batch
    assert list(generator_terms(Parts(parts.sr), Target(target, judges), PLAIN, OBJECTIVE, READING)) == [
        "pix",
        "perc",
        "adv",
    ]
    unmasked = generator_terms(parts._replace(mask=None), Target(target, judges), FULL, OBJECTIVE, READING)
    whole = generator_terms(
        parts._replace(mask=torch.ones(2, 1, SIZE, SIZE)), Target(target, judges), FULL, OBJECTIVE, READING
    )
    torch.testing.assert_close(unmasked["align"], whole["align"])
    assert whole["unif"] == 0
    assert unmasked["unif"] != 0


def test_the_mask_is_not_detached(judges, batch):
    parts, target = batch
    for term in ("align", "unif"):
        terms = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, READING)
        (gradient,) = torch.autograd.grad(terms[term], parts.mask)
        assert gradient.abs().sum() > 0, term


def test_each_comparative_term_moves_its_own_branch_only(judges, batch):
    parts, target = batch
    terms = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, READING)
    for term, own, other in (("align", "align", "unif"), ("unif", "unif", "align")):
        gradients = torch.autograd.grad(
            terms[term], [getattr(parts, own), getattr(parts, other)], retain_graph=True, allow_unused=True
        )
        assert gradients[0].abs().sum() > 0
        assert gradients[1] is None


def test_discriminator_learns_from_its_own_loss_only(judges, batch):
    parts, target = batch
    discriminator = judges.discriminator
    discriminator.zero_grad()
    loss = discriminator_loss(parts.sr, target, discriminator, "relativistic")
    loss.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in discriminator.parameters() if parameter.dim() == 4)
    assert parts.align.grad is None
    discriminator.zero_grad()


def test_a_term_of_weight_zero_is_not_computed(judges, batch):
    parts, target = batch
    alone = OBJECTIVE.model_copy(update={"perc": 0.0, "adv": 0.0})
    no_judges = Judges(judges.discriminator, None, "conv1_2", "conv2_2")
    assert list(generator_terms(parts, Target(target, no_judges), PLAIN, alone, READING)) == ["pix"]
