"""Steps of an ablation: paired over images, averaged over seeds, honest where there is nothing to compare."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.reporting.statistics import MIN_IMAGES
from pipeline.reporting.steps import steps

IMAGES = np.random.default_rng(1).normal(25, 5, 10)
AGREEING = (0.50, 0.51, 0.52)
"""Changes of three seeds that stand above their spread."""
WORST = 2 * 0.5**10
"""The smallest p-value of ten images."""


def scores(**methods):
    """Scores of methods: for each a list of runs, for each run a list of values by image."""
    rows = [
        {"method": method, "seed": run, "metric": "psnr", "image": str(image), "value": value}
        for method, runs in methods.items()
        for run, values in enumerate(runs)
        for image, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def shifted(*changes, images=IMAGES):
    """The images of one row, with a change a seed."""
    return [images + change for change in changes]


def step_of(above, below):
    return steps(scores(above=above, below=below), ["above", "below"], "psnr")[1]


# --- the change and its intervals --------------------------------------------------------------------


def test_a_step_is_the_mean_of_per_image_differences_of_seed_means():
    step = step_of([[20.0, 30.0], [22.0, 30.0]], [[22.0, 31.0]])
    assert step.change == pytest.approx(((22 - 21) + (31 - 30)) / 2)


def test_the_first_row_and_rows_without_scores_have_no_step():
    frame = scores(first=[[1.0, 2.0]], third=[[2.0, 4.0]])
    found = steps(frame, ["first", "second", "third"], "psnr")
    assert [step and step.change for step in found] == [None, None, 1.5]


def test_pairing_sees_a_small_change_under_a_large_spread_of_images():
    images = IMAGES + np.random.default_rng(2).normal(0.05, 0.02, 10)
    step = step_of(shifted(0, 0, 0), shifted(0, 0.001, -0.001, images=images))
    assert 0 < step.low < step.change < step.high < 0.1
    assert step.stands


@pytest.mark.parametrize("count", [1, 4, MIN_IMAGES - 1])
def test_few_images_have_no_interval(count):
    step = step_of(shifted(0, 0, images=IMAGES[:count]), shifted(*AGREEING[:2], images=IMAGES[:count] ** 1.1))
    assert np.isnan(step.low)
    assert np.isnan(step.high)


def test_the_changes_of_the_seeds_have_students_interval():
    step = step_of(
        [[20.0, 30.0], [22.0, 31.0], [21.0, 30.0]],
        [[21.0, 31.0], [23.5, 32.5], [23.0, 32.0]],
    )
    interval = stats.t.interval(0.95, 2, loc=1.5, scale=stats.sem([1.0, 1.5, 2.0]))
    assert step.change == pytest.approx(1.5)
    assert (step.change - step.over_seeds, step.change + step.over_seeds) == pytest.approx(interval)


# --- what stands -------------------------------------------------------------------------------------


def test_a_change_on_every_image_and_with_every_seed_stands():
    step = step_of(shifted(0, 0, 0), shifted(*AGREEING))
    assert step.p == pytest.approx(WORST)
    assert step.stands


def test_a_change_within_the_spread_of_the_seeds_does_not_stand_however_sure_the_images_are():
    step = step_of(shifted(0, 0, 0), shifted(1.0, 0.1, 2.5))
    assert step.low > 0
    assert step.p == pytest.approx(stats.ttest_1samp([1.0, 0.1, 2.5], 0).pvalue)
    assert not step.stands


def test_a_change_of_both_signs_over_the_images_does_not_stand_however_sure_the_seeds_are():
    mixed = IMAGES + np.tile([1.2, -1.0], 5)
    step = step_of(shifted(0, 0, 0), shifted(0, 0.001, -0.001, images=mixed))
    assert abs(step.change) > 10 * step.over_seeds
    assert not step.stands


@pytest.mark.parametrize("runs", [1, 2])
def test_without_a_second_seed_of_both_rows_nothing_stands(runs):
    step = step_of(shifted(*[0] * runs), shifted(0.5))
    assert np.isnan(step.over_seeds)
    assert np.isnan(step.p)
    assert not step.stands


def test_no_change_does_not_stand():
    step = step_of(shifted(0, 0, 0), shifted(0, 0, 0))
    assert (step.change, step.p, step.stands) == (0, 1, False)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5))
def test_four_images_show_nothing(rows):
    images = IMAGES[:4]
    methods = {f"m{row}": shifted(*(np.array([0, 0.01, 0.02]) + row), images=images) for row in range(rows + 1)}
    found = steps(scores(**methods), list(methods), "psnr")
    assert not any(step.stands for step in found if step)


# --- many steps --------------------------------------------------------------------------------------


def test_the_steps_of_a_column_are_corrected_together():
    rows = {"a": shifted(0, 0, 0), "b": shifted(*AGREEING), "c": shifted(*[2 * x for x in AGREEING])}
    found = steps(scores(**rows), list(rows), "psnr")
    assert [step.p for step in found if step] == pytest.approx([2 * WORST] * 2)


def test_a_table_without_any_difference_seldom_has_a_step_that_stands():
    """Rows that differ as trainings do, on images that react to each training in their own way."""
    rng = np.random.default_rng(6)
    studies, bold = 20, 0
    for _ in range(studies):
        images = rng.normal(25, 3, 20)
        rows = {
            f"m{row}": [images + rng.normal(0, 0.2) + rng.normal(0, 0.1, 20) for _ in range(3)] for row in range(7)
        }
        bold += any(step.stands for step in steps(scores(**rows), list(rows), "psnr") if step)
    assert bold <= stats.binom.ppf(0.999, studies, 0.05)


# --- against one row ---------------------------------------------------------------------------------


def test_every_other_row_is_held_against_the_reference():
    rows = {"a": shifted(1), "b": shifted(0), "c": shifted(3)}
    found = steps(scores(**rows), ["a", "b", "absent", "c"], "psnr", reference="b")
    assert [step and pytest.approx(step.change) for step in found] == [1, None, None, 3]


def test_a_reference_without_scores_compares_nothing():
    assert steps(scores(a=shifted(1), b=shifted(0)), ["a", "b"], "psnr", reference="absent") == [None, None]
