"""A step, the schedule, and the identity of an experiment."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline import settings
from pipeline.criteria.judges import Judges, Target
from pipeline.criteria.objective import discriminator_loss, generator_terms
from pipeline.datasets.packs import Pair
from pipeline.recipes.trunk import Trunk
from pipeline.settings import TRUNK, Criteria, Discriminator, Objective, Schedule, TrunkPhase
from pipeline.training.export import sample_strip
from pipeline.training.run import trainer_of
from pipeline.training.trainer import learning_rate
from tests.training.tiny import FULL, NETWORK, PLAIN, SyntheticPack, with_schedule, with_settings


def in_layout(layout, mask_input="lr"):
    """The description of the tiny network in another layout."""
    return FULL.network(NETWORK.model_copy(update={"layout": layout, "mask_input": mask_input}))


@given(st.integers(1, 1000))
def test_learning_rate_is_halved_after_each_milestone(iteration):
    schedule = Schedule(iterations=1000, batch=1, crop=32, learning_rate=0.8, halve_at=[10, 100])
    expected = 0.8 if iteration <= 10 else 0.4 if iteration <= 100 else 0.2
    assert learning_rate(schedule, iteration) == expected


@pytest.mark.parametrize("game", ["relativistic", "relativistic_detached", "lsgan"])
def test_each_network_gets_the_gradient_of_its_own_loss_alone(experiment, make_trainer, game):
    chosen = with_settings(experiment, criteria=Criteria(adversarial=game))
    trainer, terms_of = make_trainer(experiment=chosen), chosen.settings
    batch = trainer.batches(1)
    generator, twin = copy.deepcopy(trainer.phase.generator), copy.deepcopy(trainer.phase.discriminator)
    trainer.step()
    # Batch statistics alone decide the loss in training mode, so the twin has seen what the original saw.
    judges = dataclasses.replace(trainer.phase.judges, discriminator=twin)
    parts, target = generator.parts(batch.lr), Target(batch.hr, judges)
    terms = generator_terms(parts, target, terms_of.configuration, terms_of.objective, terms_of.criteria)
    sum(terms.values()).backward()
    for ours, theirs in zip(trainer.phase.generator.parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    twin.zero_grad()
    discriminator_loss(parts.sr.detach(), Target(batch.hr, judges), game).backward()
    for ours, theirs in zip(trainer.phase.discriminator.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("layout", ["paper", "released"])
@pytest.mark.parametrize("discriminator", [{"layers": 2}, {"kind": "unet"}, {"kind": "vgg128"}])
@pytest.mark.parametrize("game", ["relativistic", "relativistic_detached", "vanilla", "lsgan"])
def test_a_step_of_every_choice_moves_all_of_both_networks(experiment, make_trainer, layout, discriminator, game):
    chosen = with_settings(
        with_schedule(experiment, crop=128 if "vgg128" in discriminator.values() else 32),
        network=in_layout(layout),
        discriminator=Discriminator(features=2, **discriminator),
        criteria=Criteria(adversarial=game),
    )
    trainer = make_trainer(experiment=chosen)
    before = copy.deepcopy(trainer.phase.state_dict())
    for _ in range(3):  # convolutions that start at zero hold back those before them for a step or two
        terms = trainer.step()
        assert all(term.isfinite() for term in terms.values())
    # A relativistic game compares logits with logits: what shifts them all has no gradient but that of rounding.
    last = [key for key, _ in trainer.phase.discriminator.named_parameters()][-1:]
    shift = last if game.startswith("relativistic") else []
    for name, network in (("generator", trainer.phase.generator), ("discriminator", trainer.phase.discriminator)):
        still = [key for key, value in network.named_parameters() if torch.equal(before[f"{name}.{key}"], value)]
        assert set(still) <= {key for key in shift if name == "discriminator" and key.endswith("bias")}


@pytest.mark.parametrize("layout", ["paper", "released"])
def test_a_step_with_a_loss_of_its_own_per_branch_moves_all_of_both_networks(experiment, make_trainer, layout):
    mask_input = "lr_and_features" if layout == "paper" else "lr"
    criteria = Criteria(adversarial="vanilla", terms_on="branches")
    trainer = make_trainer(
        experiment=with_settings(experiment, network=in_layout(layout, mask_input), criteria=criteria)
    )
    before = copy.deepcopy(trainer.phase.state_dict())
    for _ in range(3):
        assert all(term.isfinite() for term in trainer.step().values())
    assert not [key for key, value in trainer.phase.named_parameters() if torch.equal(before[key], value)]


def test_the_discriminator_learns_from_i_sr_wherever_the_generators_terms_are(experiment, make_trainer):
    trainers = [
        make_trainer(experiment=with_settings(experiment, criteria=Criteria(terms_on=terms_on)))
        for terms_on in ("sr", "branches")
    ]
    shared, own = (trainer.step() for trainer in trainers)
    assert own["discriminator/adv"] == shared["discriminator/adv"]
    gradients = [[p.grad for p in trainer.phase.discriminator.parameters()] for trainer in trainers]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_generators_terms_are_those_of_the_experiments_criteria_and_layers(experiment, make_trainer):
    criteria = Criteria(pix="l2", adversarial="vanilla", reading="scalars", halve_unif=True)
    trainer = make_trainer(experiment=with_settings(experiment, criteria=criteria))
    batch, chosen = trainer.batches(1), experiment.settings
    grid, perceptual = trainer.phase.discriminator.grid, trainer.phase.judges.perceptual
    judges = Judges(trainer.phase.discriminator, grid, perceptual, bottom="conv1_2", top="conv2_1")
    parts, target = trainer.phase.generator.parts(batch.lr), Target(batch.hr, judges)
    expected = generator_terms(parts, target, chosen.configuration, chosen.objective, criteria)
    terms = trainer.step()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value.detach(), msg=name)


def test_a_row_takes_the_criteria_of_params_and_the_trunk_none_of_them(root):
    params = settings.load(root / "params.yaml")
    params = params.model_copy(update={"criteria": Criteria(pix="l2", adversarial="lsgan")})
    chosen, trunk = (settings.phases(params, "sample", row) for row in ("full", TRUNK))
    assert chosen["training"].criteria == params.criteria
    assert trunk == settings.phases(settings.load(root / "params.yaml"), "sample", TRUNK)


def test_a_row_takes_the_objective_of_its_preset(root):
    params = settings.load(root / "params.yaml")
    heavy = params.lab.objective.model_copy(update={"pix": 3.0})
    params = params.model_copy(update={"lab": params.lab.model_copy(update={"objective": heavy})})
    full, elsewhere = (settings.phases(params, preset, "full")["training"].objective for preset in ("lab", "paper"))
    assert full == heavy
    # Eq. 11 and facts/methods.md 2.3.
    assert elsewhere == Objective(pix=0.01, perc=1.0, adv=0.005, align=0.01, unif=0.01, eta=2.0, temperature=2.0)


@pytest.mark.parametrize("layout", ["paper", "released"])
def test_a_sample_strip_shows_lr_sr_both_parts_the_mask_and_hr(experiment, make_trainer, layout):
    trainer = make_trainer(experiment=with_settings(experiment, network=in_layout(layout)))
    generator = np.random.default_rng(0)
    lr, hr = (generator.integers(0, 256, (side, side, 3), np.uint8) for side in (8, 32))
    strip = sample_strip(trainer, Pair("one", lr, hr))
    assert strip.shape == (32, 32 * 6, 3)
    if layout == "released":  # a fresh mask prefers none of its 8 channels
        np.testing.assert_allclose(strip[:, 4 * 32 : 5 * 32] / 255, 1 / 8, atol=0.01)
    np.testing.assert_array_equal(strip[:, 5 * 32 :], hr)


def test_training_lowers_the_probe(make_trainer):
    trainer = make_trainer()
    before = trainer.probe()
    for _ in range(6):
        trainer.step()
    assert trainer.probe() < before


def test_the_result_is_the_exponential_average_of_the_weights_from_the_first_step_on(experiment, make_trainer):
    trainer = make_trainer(experiment=with_schedule(experiment, ema=0.75))
    seen = []
    for _ in range(4):
        trainer.step()
        seen.append({name: value.clone() for name, value in trainer.phase.generator.state_dict().items()})
    shares = [0.75**3, 0.25 * 0.75**2, 0.25 * 0.75, 0.25]
    found = trainer.result.state_dict()
    assert found.keys() == seen[0].keys()
    for name, value in found.items():
        expected = sum(share * weights[name] for share, weights in zip(shares, seen, strict=True))
        torch.testing.assert_close(value, expected, msg=name)
    assert not torch.equal(found["conv_first.weight"], seen[-1]["conv_first.weight"])


def test_an_average_changes_nothing_in_the_training_itself(experiment, make_trainer):
    with_average = make_trainer(experiment=with_schedule(experiment, ema=0.75))
    without = make_trainer()
    assert without.result is without.phase.generator
    for _ in range(3):
        assert with_average.step() == without.step()


def test_gradient_norms_are_those_of_the_last_step(make_trainer):
    trainer = make_trainer()
    trainer.step()
    norms = trainer.gradient_norms()
    assert norms.keys() == {"grad_norm", "grad_norm_discriminator"}
    names = {"grad_norm": "generator", "grad_norm_discriminator": "discriminator"}
    for name, network in ((key, trainer.phase.get_submodule(part)) for key, part in names.items()):
        flat = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        torch.testing.assert_close(norms[name], flat.norm())


def test_the_trunk_has_one_network_and_learns_l1(experiment):
    schedule, network = experiment.settings.schedule, PLAIN.network(NETWORK)
    chosen = dataclasses.replace(
        experiment, row=TRUNK, recipe=TRUNK, phase=TRUNK, settings=TrunkPhase(schedule=schedule, network=network)
    )
    trainer = trainer_of(chosen, Trunk, SyntheticPack(), {})
    batch, start = trainer.batches(1), copy.deepcopy(trainer.network)
    terms = trainer.step()
    assert terms.keys() == {"pix"}
    torch.testing.assert_close(terms["pix"], (start(batch.lr) - batch.hr).abs().mean().detach())
    assert trainer.gradient_norms().keys() == {"grad_norm"}
    assert trainer.optimisers.keys() == {"generator"}


def test_fingerprint_follows_what_matters_and_nothing_else(experiment):
    chosen = experiment.settings

    def changed(**values):
        return dataclasses.replace(experiment, **values).fingerprint

    def other(name, **values):
        block = getattr(chosen, name)
        return with_settings(experiment, **{name: block.model_copy(update=values)}).fingerprint

    assert changed(row="other", preset="paper") == experiment.fingerprint
    assert changed(run=experiment.run.model_copy(update={"checkpoint_every": 1})) == experiment.fingerprint
    different = {
        changed(seed=2),
        changed(run=experiment.run.model_copy(update={"device": "cuda"})),
        changed(inputs={"pairs": "x"}),
        changed(run=experiment.run.model_copy(update={"threads": 2})),
        changed(after="0123456789ab"),
        other("objective", unif=0.02),
        other("criteria", pix="l2"),
        with_settings(experiment, network=in_layout("released")).fingerprint,
        other("discriminator", features=8),
        other("configuration", anchor="adv"),
        other("schedule", iterations=7),
        other("schedule", ema=0.9),
        changed(run=experiment.run.model_copy(update={"precision": "bf16"})),
        changed(run=experiment.run.model_copy(update={"channels_last": True})),
        changed(run=experiment.run.model_copy(update={"compile": True})),
        other("criteria", terms_on="branches"),
        with_settings(experiment, network=in_layout("paper", "lr_and_features")).fingerprint,
        other("schedule", start="scratch"),
        changed(border=2),
    }
    assert len(different | {experiment.fingerprint}) == 20


def test_two_phases_of_one_seed_read_different_crops(experiment, make_trainer):
    first, second = (make_trainer(experiment=dataclasses.replace(experiment, phase=name)) for name in "ab")
    assert not torch.equal(first.batches(1).hr, second.batches(1).hr)


def test_a_discriminator_starts_equal_whatever_the_generator_is(experiment, make_trainer):
    first, second = (
        make_trainer(
            experiment=with_settings(experiment, configuration=chosen, network=chosen.network(NETWORK))
        ).phase.discriminator
        for chosen in (FULL, PLAIN)
    )
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
