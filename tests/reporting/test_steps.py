"""Steps of an ablation: paired over images, averaged over seeds, honest where there is nothing to compare."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.reporting.steps import paired_step, steps


def scores(**methods):
    """Scores of methods: for each a list of runs, for each run a list of values by image."""
    rows = [
        {"method": method, "run": f"{method}{run}", "metric": "psnr", "image": str(image), "value": value}
        for method, runs in methods.items()
        for run, values in enumerate(runs)
        for image, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_a_step_is_the_mean_of_per_image_differences_of_seed_means():
    frame = scores(above=[[20.0, 30.0], [22.0, 30.0]], below=[[22.0, 31.0]])
    _, step = steps(frame, ["above", "below"], "psnr")
    assert step.change == pytest.approx(((22 - 21) + (31 - 30)) / 2)


def test_the_first_row_and_rows_without_scores_have_no_step():
    frame = scores(first=[[1.0, 2.0]], third=[[2.0, 4.0]])
    assert [step and step.change for step in steps(frame, ["first", "second", "third"], "psnr")] == [
        None,
        None,
        1.5,
    ]


def test_pairing_sees_a_small_change_under_a_large_spread_of_images():
    rng = np.random.default_rng(1)
    images = rng.normal(25, 5, 40)
    change = 0.05 + rng.normal(0, 0.05, 40)
    _, step = steps(scores(a=[list(images)], b=[list(images + change)]), ["a", "b"], "psnr")
    assert step.clear
    assert step.low < step.change < step.high < 0.1


def test_no_change_is_not_clear_and_one_image_has_no_interval():
    assert not paired_step(np.zeros(5)).clear
    alone = paired_step(np.array([1.0]))
    assert np.isnan(alone.low)
    assert not alone.clear


@given(st.lists(st.floats(-2, 2), min_size=3, max_size=12))
def test_the_interval_holds_the_change_and_lies_within_the_differences(values):
    differences = np.array(values)
    step = paired_step(differences)
    slack = 1e-9
    assert differences.min() - slack <= step.low <= step.change + slack
    assert step.change - slack <= step.high <= differences.max() + slack


def test_the_same_differences_give_the_same_interval():
    differences = np.random.default_rng(3).normal(size=20)
    assert paired_step(differences) == paired_step(differences)


def test_the_changes_of_the_seeds_have_students_interval():
    frame = scores(
        above=[[20.0, 30.0], [22.0, 31.0], [21.0, 30.0]], below=[[21.0, 31.0], [23.5, 32.5], [23.0, 32.0]]
    )
    _, step = steps(frame, ["above", "below"], "psnr")
    interval = stats.t.interval(0.95, 2, loc=1.5, scale=stats.sem([1.0, 1.5, 2.0]))
    assert step.change == pytest.approx(1.5)
    assert (step.change - step.over_seeds, step.change + step.over_seeds) == pytest.approx(interval)
    assert step.above_the_seeds


def test_a_change_within_the_spread_of_the_seeds_does_not_stand_above_it():
    frame = scores(above=[[20.0, 30.0]] * 3, below=[[21.0, 31.0], [20.1, 30.1], [22.5, 32.5]])
    _, step = steps(frame, ["above", "below"], "psnr")
    assert step.clear
    assert not step.above_the_seeds


@pytest.mark.parametrize("runs", [1, 2])
def test_without_a_second_seed_of_both_rows_nothing_is_said_of_the_seeds(runs):
    frame = scores(above=[[20.0, 30.0]] * runs, below=[[21.0, 31.0]])
    _, step = steps(frame, ["above", "below"], "psnr")
    assert np.isnan(step.over_seeds)
    assert not step.above_the_seeds
