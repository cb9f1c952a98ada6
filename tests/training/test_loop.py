"""The loop: resumed equals uninterrupted bit for bit, broken numbers stop it, SIGTERM is survived."""

import os
import signal
import threading

import pytest
import torch

from pipeline.errors import UserError
from pipeline.training.checkpoints import TrainingState
from pipeline.training.finite import not_finite
from pipeline.training.loop import REQUEUE, Interrupted, train
from tests.training.tiny import with_schedule


class KilledError(Exception):
    """Stands for a SIGKILL: nothing runs after it."""


def run(trainer, folder):
    state = TrainingState(folder)
    train(trainer, state, validate=lambda _: {"psnr": 1.0}, on_record=lambda: None)
    return state


def weights(trainer):
    return trainer.phase.state_dict()


def assert_same(trainer, other):
    ours, theirs = weights(trainer), weights(other)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


@pytest.fixture
def uninterrupted(make_trainer, tmp_path):
    trainer = make_trainer()
    return trainer, run(trainer, tmp_path / "whole")


@pytest.mark.parametrize("killed_at", [2, 4, 5, 6])
def test_a_killed_run_resumes_to_the_same_bits(make_trainer, uninterrupted, tmp_path, killed_at):
    def kill(iteration):
        if iteration == killed_at:
            raise KilledError

    with pytest.raises(KilledError):
        run(make_trainer(kill), tmp_path / "killed")
    resumed = make_trainer()
    state = run(resumed, tmp_path / "killed")
    trainer, whole = uninterrupted
    assert_same(resumed, trainer)
    assert state.history.read_bytes() == whole.history.read_bytes()


def test_an_average_of_the_weights_resumes_to_the_same_bits(experiment, make_trainer, tmp_path):
    def kill(iteration):
        if iteration == 5:
            raise KilledError

    averaged = with_schedule(experiment, ema=0.9)
    whole, resumed = make_trainer(experiment=averaged), make_trainer(experiment=averaged)
    run(whole, tmp_path / "whole")
    with pytest.raises(KilledError):
        run(make_trainer(kill, averaged), tmp_path / "killed")
    run(resumed, tmp_path / "killed")
    for name, value in whole.result.state_dict().items():
        assert torch.equal(resumed.result.state_dict()[name], value), name
    assert_same(resumed, whole)


def test_what_is_validated_is_the_average(experiment, make_trainer, tmp_path):
    trainer, seen = make_trainer(experiment=with_schedule(experiment, ema=0.9)), []

    def validate(generator):
        assert not generator.training
        seen.append(generator)
        return {"psnr": 1.0}

    train(trainer, TrainingState(tmp_path), validate, on_record=lambda: None)
    assert all(generator is trainer.average.module for generator in seen)
    assert len(seen) == 3


def test_sigterm_writes_a_checkpoint_and_asks_to_be_requeued(make_trainer, uninterrupted, tmp_path):
    def terminate(iteration):
        if iteration == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(Interrupted) as stopped:
            run(make_trainer(terminate), tmp_path / "term")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopped.value.code == REQUEUE == 75
    assert torch.load(tmp_path / "term" / "checkpoint.pt", weights_only=True)["iteration"] == 4
    resumed = make_trainer()
    state = run(resumed, tmp_path / "term")
    trainer, whole = uninterrupted
    assert_same(resumed, trainer)
    assert state.history.read_bytes() == whole.history.read_bytes()


def test_a_finished_run_is_not_trained_again(make_trainer, uninterrupted, tmp_path):
    trainer, whole = uninterrupted

    def refuse(iteration):
        raise AssertionError(f"iteration {iteration} ran again")

    again = make_trainer(refuse)
    run(again, whole.folder)
    assert_same(again, trainer)


def test_history_has_the_start_the_terms_and_the_validation(uninterrupted):
    _, state = uninterrupted
    records = {record["iteration"]: record for record in state.records()}
    assert list(records) == [0, 2, 3, 4, 6]
    assert {"probe", "validation/psnr"} <= records[0].keys()
    assert {
        "pix",
        "perc",
        "adv",
        "align",
        "unif",
        "discriminator/adv",
        "grad_norm",
        "grad_norm_discriminator",
        "lr",
    } <= records[2].keys()
    assert "probe" not in records[2]
    assert "probe" in records[3]
    assert records[4]["lr"] == 1e-3
    assert records[6]["lr"] == 5e-4


def test_a_term_that_turns_nan_stops_the_run_and_keeps_the_last_good_checkpoint(make_trainer, tmp_path):
    def poison(iteration):
        if iteration == 5:
            trainer.phase.generator.branch_align.output.weight.data.fill_(float("nan"))

    trainer = make_trainer(poison)
    with pytest.raises(UserError, match=r"term `(pix|align)` became nan at iteration 5"):
        run(trainer, tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert saved["iteration"] == 3
    assert all(value.isfinite().all() for value in saved["phase"].values())


def nan_moment(trainer):
    """As a gradient too large to be squared leaves it."""
    moments = trainer.optimisers["discriminator"].state[next(trainer.phase.discriminator.parameters())]
    moments["exp_avg"].fill_(float("nan"))


def nan_average(trainer):
    trainer.average.module.conv_first.weight.data[0] = float("nan")


def infinite_statistic(trainer):
    """Of a batch normalisation: training reads it nowhere."""
    next(trainer.phase.discriminator.buffers()).fill_(float("inf"))


@pytest.mark.parametrize(
    ("poison", "named"),
    [
        (nan_moment, r"discriminator, optimisers \(the first in `discriminator\.model\.0\.weight`\)"),
        (nan_average, r"average \(the first in `average\.module\.conv_first\.weight`\)"),
        (infinite_statistic, r"discriminator \(the first in `discriminator\.model\.3\.running_mean`\)"),
    ],
)
@pytest.mark.parametrize(
    ("at", "stays"),
    [(3, "No checkpoint had been written"), (6, "The last good checkpoint, of iteration 3, stays in")],
)
def test_no_checkpoint_holds_a_broken_number(experiment, make_trainer, tmp_path, poison, named, at, stays):
    trainer = make_trainer(
        lambda iteration: poison(trainer) if iteration == at else None, with_schedule(experiment, ema=0.9)
    )
    with pytest.raises(UserError, match=rf"by iteration {at} in the state of: {named}\. {stays}"):
        run(trainer, tmp_path)
    saved = TrainingState(tmp_path).load()
    assert saved is None if at == 3 else saved["iteration"] == 3 and not not_finite(saved)


def test_a_term_that_is_nan_before_any_checkpoint_says_that_there_is_none(make_trainer, tmp_path):
    def poison(iteration):
        if iteration == 1:
            trainer.phase.generator.conv_first.weight.data.fill_(float("nan"))

    trainer = make_trainer(poison)
    with pytest.raises(UserError, match=r"became nan at iteration 1\. No checkpoint had been written\."):
        run(trainer, tmp_path)


def test_a_history_line_cut_short_by_a_kill_is_dropped(tmp_path):
    state = TrainingState(tmp_path)
    state.append({"iteration": 1, "pix": 0.5})
    with state.history.open("a") as stream:
        stream.write('{"iteration": 2, "pi')
    assert [record["iteration"] for record in state.records()] == [1]


def test_two_processes_do_not_train_the_same_experiment_at_once(tmp_path, capsys):
    done = []

    def second():
        with TrainingState(tmp_path).locked():
            done.append("second")

    with TrainingState(tmp_path).locked():
        other = threading.Thread(target=second)
        other.start()
        other.join(timeout=0.5)
        assert not done
    other.join(timeout=10)
    assert done == ["second"]
    assert "another process trains the same experiment" in capsys.readouterr().err
