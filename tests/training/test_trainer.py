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
from pipeline.settings import Configuration, Criteria, Discriminator, Objective, Schedule, Training
from pipeline.training.experiment import TRUNK
from pipeline.training.experiment import experiment as describe
from pipeline.training.export import sample_strip
from pipeline.training.trainer import learning_rate


@given(st.integers(1, 1000))
def test_learning_rate_is_halved_after_each_milestone(iteration):
    schedule = Schedule(iterations=1000, batch=1, crop=32, learning_rate=0.8, halve_at=[10, 100])
    expected = 0.8 if iteration <= 10 else 0.4 if iteration <= 100 else 0.2
    assert learning_rate(schedule, iteration) == expected


@pytest.mark.parametrize("game", ["relativistic", "relativistic_detached", "lsgan"])
def test_each_network_gets_the_gradient_of_its_own_loss_alone(experiment, make_trainer, game):
    chosen = dataclasses.replace(experiment, criteria=Criteria(adversarial=game))
    trainer = make_trainer(experiment=chosen)
    lr, hr = trainer.batch(1)
    generator, twin = copy.deepcopy(trainer.generator), copy.deepcopy(trainer.discriminator)
    trainer.step()
    # Batch statistics alone decide the loss in training mode, so the twin has seen what the original saw.
    judges = dataclasses.replace(trainer.judges, discriminator=twin)
    parts = generator(lr)
    terms = generator_terms(parts, Target(hr, judges), chosen.configuration, chosen.objective, chosen.criteria)
    sum(terms.values()).backward()
    for ours, theirs in zip(trainer.generator.parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    twin.zero_grad()
    discriminator_loss(parts.sr.detach(), Target(hr, judges), game).backward()
    for ours, theirs in zip(trainer.discriminator.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("layout", ["paper", "released"])
@pytest.mark.parametrize("discriminator", [{"layers": 2}, {"kind": "unet"}, {"kind": "vgg128"}])
@pytest.mark.parametrize("game", ["relativistic", "relativistic_detached", "vanilla", "lsgan"])
def test_a_step_of_every_choice_moves_all_of_both_networks(experiment, make_trainer, layout, discriminator, game):
    chosen = dataclasses.replace(
        experiment,
        network=experiment.network.model_copy(update={"layout": layout}),
        discriminator=Discriminator(features=2, **discriminator),
        criteria=Criteria(adversarial=game),
        schedule=experiment.schedule.model_copy(update={"crop": 128 if "vgg128" in discriminator.values() else 32}),
    )
    trainer = make_trainer(experiment=chosen)
    before = copy.deepcopy(trainer.state())
    for _ in range(3):  # convolutions that start at zero hold back those before them for a step or two
        terms = trainer.step()
        assert all(term.isfinite() for term in terms.values())
    # A relativistic game compares logits with logits: what shifts them all has no gradient but that of rounding.
    shift = (
        [key for key, _ in trainer.discriminator.named_parameters()][-1:] if game.startswith("relativistic") else []
    )
    for name, network in (("generator", trainer.generator), ("discriminator", trainer.discriminator)):
        still = [key for key, value in network.named_parameters() if torch.equal(before[name][key], value)]
        assert set(still) <= {key for key in shift if name == "discriminator" and key.endswith("bias")}


@pytest.mark.parametrize("layout", ["paper", "released"])
def test_a_step_with_a_loss_of_its_own_per_branch_moves_all_of_both_networks(experiment, make_trainer, layout):
    mask_input = {"mask_input": "lr_and_features"} if layout == "paper" else {}
    chosen = dataclasses.replace(
        experiment,
        network=experiment.network.model_copy(update={"layout": layout} | mask_input),
        criteria=Criteria(adversarial="vanilla", terms_on="branches"),
    )
    trainer = make_trainer(experiment=chosen)
    before = copy.deepcopy(trainer.state())
    for _ in range(3):
        assert all(term.isfinite() for term in trainer.step().values())
    for name, network in (("generator", trainer.generator), ("discriminator", trainer.discriminator)):
        assert not [key for key, value in network.named_parameters() if torch.equal(before[name][key], value)]


def test_the_discriminator_learns_from_i_sr_wherever_the_generators_terms_are(experiment, make_trainer):
    trainers = [
        make_trainer(experiment=dataclasses.replace(experiment, criteria=Criteria(terms_on=terms_on)))
        for terms_on in ("sr", "branches")
    ]
    shared, own = (trainer.step() for trainer in trainers)
    assert own["discriminator"] == shared["discriminator"]
    gradients = [[p.grad for p in trainer.discriminator.parameters()] for trainer in trainers]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_the_generators_terms_are_those_of_the_experiments_criteria_and_layers(experiment, make_trainer):
    criteria = Criteria(pix="l2", adversarial="vanilla", reading="scalars", halve_unif=True)
    trainer = make_trainer(experiment=dataclasses.replace(experiment, criteria=criteria))
    lr, hr = trainer.batch(1)
    grid, perceptual = trainer.discriminator.grid, trainer.judges.perceptual
    judges = Judges(trainer.discriminator, grid, perceptual, bottom="conv1_2", top="conv2_1")
    expected = generator_terms(
        trainer.generator(lr), Target(hr, judges), experiment.configuration, experiment.objective, criteria
    )
    terms = trainer.step()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value.detach(), msg=name)


def test_an_experiment_takes_the_criteria_of_params_and_the_trunk_is_l1_whatever_they_are(root):
    params = settings.load(root / "params.yaml")
    params = params.model_copy(update={"criteria": Criteria(pix="l2", adversarial="lsgan")})
    chosen, trunk = (
        describe(params, "sample", "realsr", name, device="cpu", inputs={}) for name in ("full", TRUNK)
    )
    assert chosen.criteria == params.criteria
    assert trunk.criteria == Criteria(pix="l1")


def test_an_experiment_takes_the_objective_of_its_preset_and_the_trunk_is_l1_alone(root):
    params = settings.load(root / "params.yaml")
    heavy = params.lab.objective.model_copy(update={"pix": 3.0})
    params = params.model_copy(update={"lab": params.lab.model_copy(update={"objective": heavy})})
    full, elsewhere, trunk = (
        describe(params, preset, "realsr", name, device="cpu", inputs={}).objective
        for preset, name in (("lab", "full"), ("paper", "full"), ("lab", TRUNK))
    )
    assert full == heavy
    # Eq. 11 and facts/methods.md 2.3.
    assert elsewhere == Objective(pix=0.01, perc=1.0, adv=0.005, align=0.01, unif=0.01, eta=2.0, temperature=2.0)
    assert (trunk.pix, trunk.perc, trunk.adv, trunk.align, trunk.unif) == (1.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("layout", ["paper", "released"])
def test_a_sample_strip_shows_lr_sr_both_parts_the_mask_and_hr(experiment, make_trainer, layout):
    network = experiment.network.model_copy(update={"layout": layout})
    trainer = make_trainer(experiment=dataclasses.replace(experiment, network=network))
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
    schedule = experiment.schedule.model_copy(update={"ema": 0.75})
    trainer = make_trainer(experiment=dataclasses.replace(experiment, schedule=schedule))
    seen = []
    for _ in range(4):
        trainer.step()
        seen.append({name: value.clone() for name, value in trainer.generator.state_dict().items()})
    shares = [0.75**3, 0.25 * 0.75**2, 0.25 * 0.75, 0.25]
    found = trainer.result.state_dict()
    assert found.keys() == seen[0].keys()
    for name, value in found.items():
        expected = sum(share * weights[name] for share, weights in zip(shares, seen, strict=True))
        torch.testing.assert_close(value, expected, msg=name)
    assert not torch.equal(found["conv_first.weight"], seen[-1]["conv_first.weight"])


def test_an_average_changes_nothing_in_the_training_itself(experiment, make_trainer):
    schedule = experiment.schedule.model_copy(update={"ema": 0.75})
    with_average = make_trainer(experiment=dataclasses.replace(experiment, schedule=schedule))
    without = make_trainer()
    assert without.result is without.generator
    for _ in range(3):
        assert with_average.step() == without.step()


def test_gradient_norms_are_those_of_the_last_step(make_trainer):
    trainer = make_trainer()
    trainer.step()
    norms = trainer.gradient_norms()
    assert norms.keys() == {"grad_norm", "grad_norm_discriminator"}
    for name, network in (("grad_norm", trainer.generator), ("grad_norm_discriminator", trainer.discriminator)):
        flat = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
        torch.testing.assert_close(norms[name], flat.norm())


def test_a_trunk_has_no_gradient_of_a_discriminator(experiment, make_trainer):
    alone = experiment.objective.model_copy(update={"perc": 0.0, "adv": 0.0})
    plain = Configuration(branches=False, mask=False, align=False, unif=False)
    trainer = make_trainer(experiment=dataclasses.replace(experiment, configuration=plain, objective=alone))
    trainer.step()
    assert trainer.gradient_norms().keys() == {"grad_norm"}


def test_a_trunk_goes_on_whatever_discriminator_params_have(experiment, make_trainer):
    alone = experiment.objective.model_copy(update={"perc": 0.0, "adv": 0.0})
    plain = Configuration(branches=False, mask=False, align=False, unif=False)
    trunk = dataclasses.replace(experiment, configuration=plain, objective=alone)
    other = dataclasses.replace(trunk, discriminator=Discriminator(kind="unet", features=2))
    assert other.fingerprint == trunk.fingerprint
    before, after = make_trainer(experiment=trunk), make_trainer(experiment=other)
    before.step()
    after.resume(before.state())
    assert after.step() == before.step()


def test_fingerprint_follows_what_matters_and_nothing_else(experiment):
    def changed(**values):
        return dataclasses.replace(experiment, **values).fingerprint

    assert changed(name="other", preset="paper") == experiment.fingerprint
    assert changed(run=experiment.run.model_copy(update={"checkpoint_every": 1})) == experiment.fingerprint
    different = {
        changed(seed=2),
        changed(device="cuda"),
        changed(inputs={"pack": "x"}),
        changed(run=experiment.run.model_copy(update={"threads": 2})),
        changed(objective=experiment.objective.model_copy(update={"unif": 0.02})),
        changed(criteria=experiment.criteria.model_copy(update={"pix": "l2"})),
        changed(network=experiment.network.model_copy(update={"layout": "released"})),
        changed(discriminator=experiment.discriminator.model_copy(update={"features": 8})),
        changed(configuration=experiment.configuration.model_copy(update={"anchor": "adv"})),
        changed(schedule=experiment.schedule.model_copy(update={"iterations": 7})),
        changed(schedule=experiment.schedule.model_copy(update={"ema": 0.9})),
        changed(run=experiment.run.model_copy(update={"precision": "bf16"})),
        changed(run=experiment.run.model_copy(update={"channels_last": True})),
        changed(run=experiment.run.model_copy(update={"compile": True})),
        changed(criteria=experiment.criteria.model_copy(update={"terms_on": "branches"})),
        changed(network=experiment.network.model_copy(update={"mask_input": "lr_and_features"})),
        changed(schedule=Training(**experiment.schedule.model_dump(), start="scratch")),
        changed(border=2),
    }
    assert len(different | {experiment.fingerprint}) == 19


def test_a_trunk_and_an_experiment_of_one_seed_read_different_crops(experiment, make_trainer):
    trunk, other = (make_trainer(experiment=dataclasses.replace(experiment, name=name)) for name in (TRUNK, "full"))
    assert not torch.equal(trunk.batch(1)[1], other.batch(1)[1])


def test_a_discriminator_starts_equal_whatever_the_generator_is(experiment, make_trainer):
    plain = Configuration(branches=False, mask=False, align=False, unif=False)
    first, second = (
        make_trainer(experiment=dataclasses.replace(experiment, configuration=configuration)).discriminator
        for configuration in (experiment.configuration, plain)
    )
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)
