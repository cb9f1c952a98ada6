"""Eq. 11: each term against an independent computation, and where its gradients go."""

import dataclasses

import pytest
import torch

from pipeline.criteria import maps
from pipeline.criteria.adversarial import GAMES
from pipeline.criteria.judges import Judges, Target, criterion_maps, criterion_scalars
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.networks.discriminators import PatchGAN
from pipeline.networks.grid import Grid
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
    features = VGGFeatures("vgg16", ("conv1_2", "conv2_2"), weights)
    discriminator = PatchGAN(4, 2)
    return Judges(discriminator, discriminator.grid, features, "conv1_2", "conv2_2")


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
    found["adv"] = maps.on_image(adversarial, shape, judges.grid)
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
    loss = discriminator_loss(parts.sr, Target(target, judges), "relativistic")
    loss.backward(inputs=list(discriminator.parameters()))
    assert all(parameter.grad.abs().sum() > 0 for parameter in discriminator.parameters() if parameter.dim() == 4)
    assert parts.align.grad is None
    discriminator.zero_grad()


class Counting(torch.nn.Module):
    """Counts the passes of a judge."""

    def __init__(self, judge):
        super().__init__()
        self.judge, self.calls = judge, []

    def forward(self, *arguments):
        self.calls.append(arguments)
        return self.judge(*arguments)


def test_every_image_is_judged_once_and_no_deeper_than_is_read(judges, batch):
    parts, target = batch
    logits, features = Counting(judges.discriminator), Counting(judges.perceptual)
    truth = Target(target, dataclasses.replace(judges, discriminator=logits, perceptual=features))
    generator_terms(parts, truth, FULL, OBJECTIVE, READING)
    discriminator_loss(parts.sr, truth, "relativistic")
    assert [id(image) for (image,) in logits.calls] == [id(image) for image in (parts.sr, target, parts.unif)]
    read = {id(image): set(layers) for image, layers in features.calls}
    assert len(features.calls) == len(read)
    top, bottom = {judges.top}, {judges.bottom}
    assert read == {id(parts.sr): top, id(target): top | bottom, id(parts.align): bottom, id(parts.unif): top}


@pytest.mark.parametrize("game", GAMES)
def test_the_game_decides_the_map_the_scalar_term_and_the_discriminators_loss(judges, batch, game):
    parts, target = batch
    criteria = READING.model_copy(update={"adversarial": game})
    own = independent_maps(parts.unif, target, judges, game)["adv"]
    torch.testing.assert_close(criterion_maps(["adv"], parts.unif, Target(target, judges), criteria)["adv"], own)
    terms = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, criteria)
    fake, real = judges.discriminator(parts.sr), judges.discriminator(target)
    torch.testing.assert_close(terms["adv"], 0.005 * GAMES[game].generator(fake, real).mean())
    loss = discriminator_loss(parts.sr, Target(target, judges), game)
    torch.testing.assert_close(loss, GAMES[game].discriminator(fake, real).mean())


def test_pix_l2_is_read_everywhere(judges, batch):
    parts, target = batch
    criteria = READING.model_copy(update={"pix": "l2"})
    found = criterion_maps(["pix"], parts.align, Target(target, judges), criteria)["pix"]
    torch.testing.assert_close(found, (parts.align - target).norm(dim=1, keepdim=True), atol=2e-6, rtol=0)
    terms = generator_terms(parts, Target(target, judges), PLAIN, OBJECTIVE, criteria)
    torch.testing.assert_close(terms["pix"], 0.01 * (parts.sr - target).norm(dim=1).mean(), atol=1e-7, rtol=0)


def test_scalars_compare_weighted_batch_means(judges, batch):
    parts, target = batch
    objective = Objective(pix=0.3, perc=0.7, adv=0.2, align=10.0, unif=20.0, eta=2.0, temperature=2.0)
    criteria = READING.model_copy(update={"reading": "scalars"})
    terms = generator_terms(parts, Target(target, judges), FULL, objective, criteria)

    def features(image, layer):
        return judges.perceptual(image, [layer])[layer]

    pix, other_pix = (0.3 * (image - target).abs().mean() for image in (parts.align, parts.unif))
    bottom = 0.7 * (features(parts.align, "conv1_2") - features(target, "conv1_2")).abs().mean()
    align = (pix - maps.ssim(parts.align, target).mean()) ** 2 + (pix - bottom) ** 2
    torch.testing.assert_close(terms["align"], 10 * parts.mask.mean() * align)
    top = 0.7 * (features(parts.unif, "conv2_2") - features(target, "conv2_2")).abs().mean()
    adversarial = GAMES["relativistic"].generator(judges.discriminator(parts.unif), judges.discriminator(target))
    sums = [torch.exp(-2 * (other_pix + one) ** 2) for one in (top, 0.2 * adversarial.mean())]
    torch.testing.assert_close(terms["unif"], 20 * (1 - parts.mask).mean() * -torch.log(sums[0] + sums[1]))


class Corner(torch.nn.Module):
    """A discriminator whose 5 x 5 logits are 11 in a corner and 1 elsewhere."""

    def forward(self, image):
        logits = torch.ones(len(image), 1, 5, 5)
        logits[..., 0, 0] = 11
        return logits


def test_a_scalar_averages_its_judges_own_map_not_the_resized_one():
    judges = Judges(Corner(), Grid(4, 7.5), None, "conv1_2", "conv2_2")
    image = torch.rand(2, 3, SIZE, SIZE)
    criteria = Criteria(adversarial="lsgan", reading="scalars")
    found = criterion_scalars(["adv"], image, Target(image, judges), criteria, OBJECTIVE)["adv"]
    torch.testing.assert_close(found, torch.full((1, 1, 1, 1), 0.005 * 10**2 / 25))


OWN_LOSSES = READING.model_copy(update={"terms_on": "branches"})


def test_with_terms_on_branches_each_branch_has_a_loss_of_its_own(judges, batch):
    parts, target = batch
    own = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, OWN_LOSSES)
    shared = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, READING)
    assert {name: own[name] for name in ("perc", "align", "unif")} == {
        name: shared[name] for name in ("perc", "align", "unif")
    }
    torch.testing.assert_close(own["pix"], 0.01 * (parts.align - target).abs().mean())
    fake, real = judges.discriminator(parts.unif), judges.discriminator(target)
    torch.testing.assert_close(own["adv"], 0.005 * GAMES["relativistic"].generator(fake, real).mean())


def test_with_terms_on_branches_a_loss_moves_its_own_branch_alone_and_the_perceptual_one_both_and_the_mask(
    judges, batch
):
    parts, target = batch
    own = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, OWN_LOSSES)
    inputs = {"align": parts.align, "unif": parts.unif, "mask": parts.mask}
    for term, moved in (("pix", {"align"}), ("adv", {"unif"}), ("perc", {"align", "unif", "mask"})):
        gradients = torch.autograd.grad(own[term], list(inputs.values()), retain_graph=True, allow_unused=True)
        found = {name for name, gradient in zip(inputs, gradients, strict=True) if gradient is not None}
        assert found == moved, term
        assert all(gradient.abs().sum() > 0 for gradient in gradients if gradient is not None)


def test_without_branches_there_is_one_image_for_all_terms(judges, batch):
    image, target = Parts(batch[0].sr), batch[1]
    found = [generator_terms(image, Target(target, judges), PLAIN, OBJECTIVE, c) for c in (READING, OWN_LOSSES)]
    assert found[0] == found[1]


def test_halve_unif_halves_l_unif_and_nothing_else(judges, batch):
    parts, target = batch
    whole = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, READING)
    criteria = READING.model_copy(update={"halve_unif": True})
    half = generator_terms(parts, Target(target, judges), FULL, OBJECTIVE, criteria)
    assert half == whole | {"unif": whole["unif"] / 2}


@pytest.mark.parametrize("reading", ["maps", "scalars"])
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("distance", [0.0, 1e3])
def test_every_reading_is_finite_at_perfect_and_at_hopeless_images(judges, batch, reading, game, distance):
    parts, target = batch
    criteria = Criteria(pix="l2", adversarial=game, reading=reading)
    images = [(target + distance).requires_grad_() for _ in range(3)]
    far = Parts(*images, mask=parts.mask)
    terms = generator_terms(far, Target(target, judges), FULL, OBJECTIVE, criteria)
    gradients = torch.autograd.grad(sum(terms.values()), [*images, parts.mask])
    assert all(term.isfinite() for term in terms.values())
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_the_released_layouts_parts_are_not_masked_a_second_time(judges, batch):
    parts, target = batch
    released = Parts(parts.sr, parts.align, parts.unif, channel_mask=torch.full((2, 4, SIZE, SIZE), 0.25))
    terms = generator_terms(released, Target(target, judges), FULL, OBJECTIVE, READING)
    assert terms == generator_terms(parts._replace(mask=None), Target(target, judges), FULL, OBJECTIVE, READING)


def test_a_term_of_weight_zero_is_not_computed(judges, batch):
    parts, target = batch
    alone = OBJECTIVE.model_copy(update={"perc": 0.0, "adv": 0.0})
    no_judges = dataclasses.replace(judges, perceptual=None)
    assert list(generator_terms(parts, Target(target, no_judges), PLAIN, alone, READING)) == ["pix"]
