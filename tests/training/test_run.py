"""A recipe of two phases: the second has what the first has learnt, and each resumes from a state of its own."""

import dataclasses
from contextlib import contextmanager
from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from torch import nn

from pipeline.settings import PhaseSettings, Schedule
from pipeline.training.phase import Phase
from pipeline.training.run import train_row
from tests.training.tiny import EXPERIMENT, SyntheticPack


class Down(Phase):
    """Learns to reduce HR to LR."""

    groups: ClassVar = {"reducer": ("reducer",)}
    exported = "reducer"

    def __init__(self, setup):
        super().__init__()
        with setup.weights("reducer"):
            self.reducer = nn.Conv2d(3, 3, 4, stride=4)
        self.reduce = setup.execute(self.reducer)

    def losses(self, batch):
        return {"reducer": {"l1": (self.reduce(batch.hr) - batch.lr).abs().mean()}}


class Up(Phase):
    """Learns to undo what `down` does; on every second iteration its critic alone learns."""

    groups: ClassVar = {"critic": ("critic",), "generator": ("generator",)}

    def __init__(self, setup):
        super().__init__()
        with setup.weights("generator"):
            self.generator = nn.ConvTranspose2d(3, 3, 4, stride=4)
        with setup.weights("critic"):
            self.critic = nn.Conv2d(3, 1, 4, stride=4)
        self.down = setup.execute(setup.given["down"])
        self.generate, self.judge = setup.execute(self.generator), setup.execute(self.critic)
        self.iteration = 0

    def before(self, iteration):
        self.iteration = iteration

    def losses(self, batch):
        sr = self.generate(self.down(batch.hr))
        terms = {"critic": {"adv": (self.judge(sr) - self.judge(batch.hr)).mean()}}
        if self.iteration % 2 == 1 or not self.training:
            terms["generator"] = {"l1": (sr - batch.hr).abs().mean(), "adv": -0.01 * self.judge(sr).mean()}
        return terms


PHASES = {"down": Down, "up": Up}


class KilledError(Exception):
    """Stands for a SIGKILL."""


def plan(rate=1e-2):
    """The two phases; `rate` is the learning rate of the second."""

    def settings(learning_rate):
        return PhaseSettings(
            schedule=Schedule(iterations=4, batch=2, crop=32, learning_rate=learning_rate, halve_at=[])
        )

    down = dataclasses.replace(EXPERIMENT, recipe="trunk", phase="down", settings=settings(1e-2))
    up = dataclasses.replace(down, phase="up", settings=settings(rate), after=down.fingerprint)
    return down, up


class Seen:
    """Trains a plan in a folder and keeps which iterations of which phase ran."""

    def __init__(self, folder, kill=None):
        self.folder, self.kill = folder, kill
        self.ran, self.trainers = [], {}

    def train(self, chosen):
        @contextmanager
        def observe(trainer, state):
            name = trainer.experiment.phase
            self.trainers[name], batches = trainer, trainer.batches

            def counted(iteration):
                self.ran.append((name, iteration))
                if (name, iteration) == self.kill:
                    raise KilledError
                return batches(iteration)

            trainer.batches = counted
            yield SimpleNamespace(validate=lambda network: {}, recorded=lambda: None, finished=lambda: None)

        train_row(chosen, PHASES, SyntheticPack(), {}, self.folder, observe)
        return self

    def weights(self):
        return {f"{name}.{key}": value for name in PHASES for key, value in self.of(name).items()}

    def of(self, phase):
        return self.trainers[phase].phase.state_dict()

    def steps(self, phase):
        return [iteration for name, iteration in self.ran if name == phase and iteration]


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def whole(tmp_path):
    return Seen(tmp_path / "whole").train(plan())


def test_the_second_phase_reads_the_first_ones_network_and_leaves_it_alone(whole, tmp_path):
    alone = Seen(tmp_path / "alone").train(plan()[:1])
    assert_same(whole.of("down"), alone.of("down"))
    assert not [name for name in whole.of("up") if "down" in name or "reducer" in name]
    given = whole.trainers["down"].network
    assert not any(parameter.requires_grad for parameter in given.parameters())


def test_killed_in_the_second_phase_it_repeats_nothing_of_the_first_and_ends_with_the_same_bits(whole, tmp_path):
    with pytest.raises(KilledError):
        Seen(tmp_path / "killed", kill=("up", 4)).train(plan())
    again = Seen(tmp_path / "killed").train(plan())
    assert again.steps("down") == []
    assert again.steps("up") == [4]  # the last checkpoint is of iteration 3
    assert_same(again.weights(), whole.weights())


def test_a_changed_second_phase_uses_the_first_one_again(whole):
    changed = Seen(whole.folder).train(plan(rate=1e-3))
    assert changed.steps("down") == []
    assert changed.steps("up") == [1, 2, 3, 4]
    assert_same(changed.of("down"), whole.of("down"))


def test_a_group_that_is_absent_is_not_updated(tmp_path):
    seen = Seen(tmp_path, kill=("up", 3))
    with pytest.raises(KilledError):
        seen.train(plan())
    trainer = seen.trainers["up"]
    steps = {group: optimiser.state_dict()["state"] for group, optimiser in trainer.optimisers.items()}
    assert {float(value["step"]) for value in steps["critic"].values()} == {2.0}
    assert {float(value["step"]) for value in steps["generator"].values()} == {1.0}


def test_the_first_phases_fingerprint_is_part_of_the_seconds():
    down, up = plan()
    other = dataclasses.replace(down, seed=2)
    assert dataclasses.replace(up, after=other.fingerprint).fingerprint != up.fingerprint
