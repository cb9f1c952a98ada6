"""Intervals and paired tests, held against what can be computed by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, ttest_1samp

from pipeline.reporting.statistics import MIN_IMAGES, holm, mean_interval, mean_p, signed_rank_p, statistics

FINITE = st.floats(-100, 100)


def scores(metric="psnr", **methods):
    """Scores of methods: for each a list of values by image."""
    rows = [
        {"method": method, "metric": metric, "image": str(image), "value": value}
        for method, values in methods.items()
        for image, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def rows(*methods):
    return pd.Series(methods, index=[f"row {method}" for method in methods])


# --- intervals ---------------------------------------------------------------------------------------


def test_the_interval_of_many_values_is_the_mean_and_1_96_standard_errors():
    values = np.random.default_rng(1).normal(25, 2, 400)
    interval = mean_interval(values)
    error = values.std() / math.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.06 * error * 1.96)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.06 * error * 1.96)


def coverage(draw, mean, count, repeats=1000):
    """How many of `repeats` intervals of `count` values of a distribution hold its mean."""
    rng = np.random.default_rng(count)
    intervals = [mean_interval(draw(rng, count)) for _ in range(repeats)]
    return sum(interval.low <= mean <= interval.high for interval in intervals)


@pytest.mark.parametrize("count", [8, 10, 20])
@pytest.mark.parametrize(
    ("draw", "mean", "least"),
    [
        (lambda rng, count: rng.normal(size=count), 0, 0.95),
        (lambda rng, count: rng.standard_t(3, size=count), 0, 0.95),
        (lambda rng, count: rng.exponential(size=count), 1, 0.92),
    ],
    ids=["normal", "heavy tails", "skewed"],
)
def test_the_interval_covers_what_it_says(draw, mean, least, count):
    covered = coverage(draw, mean, count)
    assert covered >= binom.ppf(0.001, 1000, least)
    assert covered <= binom.ppf(0.999, 1000, 0.98)


def test_a_handful_of_images_has_no_interval_and_the_smallest_number_of_those_has_one():
    values = np.random.default_rng(4).normal(size=MIN_IMAGES)
    assert math.isnan(mean_interval(values[1:]).low)
    assert mean_interval(values).low < values.mean() < mean_interval(values).high


def test_one_image_that_alone_differs_leaves_no_interval():
    # A third of all resamples of eight values do not hold the one that differs, and have no spread to measure by.
    assert math.isnan(mean_interval(np.array([0.0] * 7 + [1.0])).high)


def test_equal_values_have_an_interval_without_width():
    assert (mean_interval(np.full(9, 0.1)).low, mean_interval(np.full(9, 0.1)).high) == (0.1, 0.1)
    rounded = mean_interval(np.arange(9) * 0.1 + 7 - np.arange(9) * 0.1)
    assert (rounded.low, rounded.high) == pytest.approx((7, 7))


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.inf, *range(8)]])
def test_one_image_or_an_infinite_value_has_no_interval(values):
    interval = mean_interval(np.array(values))
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


@given(st.lists(st.integers(-100, 100), min_size=8, max_size=12), st.integers(-5, 5), st.sampled_from([-2, 1, 4]))
def test_the_interval_moves_and_grows_with_the_values(values, shift, factor):
    values = np.array(values, float)
    interval, moved = mean_interval(values), mean_interval(factor * values + shift)
    ends = sorted([factor * interval.low + shift, factor * interval.high + shift])
    assert [moved.low, moved.high] == pytest.approx(ends, abs=1e-9, nan_ok=True)


# --- the test over the seeds --------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[0.1, 0.3], [1.0, -2.0, 0.5], [5.0, 5.1, 4.9, 5.05]])
def test_the_p_value_of_a_mean_is_students(values):
    assert mean_p(np.array(values)) == pytest.approx(ttest_1samp(values, 0).pvalue)


def test_the_p_value_of_seeds_that_agree():
    assert mean_p(np.full(3, 0.25)) == 0
    assert mean_p(np.zeros(3)) == 1
    assert math.isnan(mean_p(np.array([1.0])))


# --- the paired test ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 6, 10])
def test_the_same_change_on_every_image_is_as_unlikely_as_all_heads_or_all_tails(count):
    base = np.random.default_rng(2).normal(25, 5, count)
    assert signed_rank_p(base + 0.1, base) == pytest.approx(2 * 0.5**count)


def test_hand_computed_ranks():
    # Ranks 1, 2, 3, 4 with signs -, +, +, +: W- = 1. Of 16 sign patterns two have a sum of 1 or less: p = 2 * 2/16.
    assert signed_rank_p(np.array([-1.0, 2.0, 3.0, 4.0]), np.zeros(4)) == pytest.approx(0.25)


def test_symmetric_differences_are_no_difference():
    differences = np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0])
    assert signed_rank_p(differences, np.zeros(6)) == 1


def test_equal_images_say_nothing():
    ours, theirs = np.array([1.0, 2, 3, 4, 7, 7]), np.array([0.0, 1, 2, 3, 7, 7])
    assert signed_rank_p(ours, theirs) == pytest.approx(2 * 0.5**4)
    assert signed_rank_p(ours, ours) == 1
    assert signed_rank_p(np.full(3, math.inf), np.full(3, math.inf)) == 1
    assert math.isnan(signed_rank_p(np.array([1.0]), np.array([2.0])))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=6))
def test_the_test_has_no_side_and_gives_a_probability(pairs):
    ours, theirs = np.array(pairs).T
    p = signed_rank_p(ours, theirs)
    assert 0 < p <= 1
    assert signed_rank_p(theirs, ours) == pytest.approx(p)


# --- Holm --------------------------------------------------------------------------------------------


def test_holm_by_hand():
    # 0.005 x 4; 0.01 x 3; 0.03 x 2; 0.04 x 1 is below the one before it and takes that.
    corrected = holm(pd.Series([0.01, 0.04, 0.03, math.nan, 0.005]))
    assert list(corrected[[0, 1, 2, 4]]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(corrected[3])


def test_a_corrected_p_value_is_at_most_one():
    assert list(holm(pd.Series([0.6, 0.9]))) == [1, 1]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(values):
    raw = pd.Series(values)
    corrected = holm(raw)
    assert (corrected >= raw - 1e-12).all()
    assert (corrected <= (raw * len(raw)).clip(upper=1) + 1e-12).all()
    assert corrected[raw.sort_values(kind="stable").index].is_monotonic_increasing


# --- a table's statistics ----------------------------------------------------------------------------


def test_every_row_is_held_against_cria_cl_over_the_same_images():
    base = np.arange(8) * 1.7
    found = statistics(
        scores(full=base, better=base + 1, same=base), rows("better", "same", "full", "absent"), ["psnr", "lpips"]
    )
    assert found.p.loc["row better", "psnr"] == pytest.approx(2 * 2 * 0.5**8)
    assert found.p.loc["row same", "psnr"] == 1
    assert found.p.loc[["row full", "row absent"], "psnr"].isna().all()
    assert found.p["lpips"].isna().all()
    assert found.tested.to_dict() == {"psnr": 2, "lpips": 0}
    assert found.images.to_dict() == {"psnr": 8, "lpips": 0}
    assert found.low.loc["row full", "psnr"] < base.mean() < found.high.loc["row full", "psnr"]
    assert found.low.loc["row absent"].isna().all()


def test_images_that_one_of_the_two_lacks_are_left_out_of_the_test():
    found = statistics(
        scores(full=[1, 2, 3, 4, math.nan], other=[2, 3, 4, math.nan, 9]), rows("full", "other"), ["psnr"]
    )
    assert found.images["psnr"] == 3
    assert found.p.loc["row other", "psnr"] == pytest.approx(0.25)


def test_without_cria_cl_there_is_no_test():
    values = np.arange(8.0)
    found = statistics(scores(other=values), rows("other"), ["psnr"])
    assert found.p["psnr"].isna().all()
    assert found.high.loc["row other", "psnr"] == mean_interval(values).high
