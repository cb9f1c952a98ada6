"""Mean opinion scores against closed forms, and what a table may and may not say of them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pipeline.mos.answers import Answer, record
from pipeline.mos.drawing import Wanted, open_study
from pipeline.paths import opinions_folder
from pipeline.reporting import opinions as module
from pipeline.reporting.opinions import (
    interval,
    mean_opinion,
    mean_opinions,
    opinion_notes,
    opinions_in_words,
    read_opinions,
)

NAN = float("nan")


def test_a_diligent_rater_counts_as_much_as_one_who_stopped_early():
    assert mean_opinion(np.array([[1.0, 1, 1, 1], [5, NAN, NAN, NAN]])) == 3.0


def test_a_rater_who_never_saw_the_method_does_not_count():
    assert mean_opinion(np.array([[1.0, 2], [NAN, NAN]])) == 1.5


def test_raters_who_agree_everywhere_leave_no_interval():
    assert interval(np.full((4, 6), 2.0)) == (2.0, 2.0)


@pytest.mark.parametrize("scores", [np.ones((1, 5)), np.ones((5, 1)), np.array([[1.0, 2], [NAN, NAN]])])
def test_one_rater_or_one_patch_gives_no_interval(scores):
    assert np.isnan(interval(scores)).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_the_interval_is_students_where_only_raters_or_only_patches_differ(axis):
    spread = np.random.default_rng(3).uniform(0, 5, 40)
    scores = np.repeat(np.expand_dims(spread, 1 - axis), 7, axis=1 - axis)
    expected = stats.t.interval(0.95, 39, loc=spread.mean(), scale=stats.sem(spread))
    assert interval(scores) == pytest.approx(expected)


@pytest.mark.parametrize(("raters", "patches"), [(2, 4), (3, 8), (8, 20)])
@pytest.mark.parametrize("stopping", [False, True])
def test_the_interval_covers_what_it_says(raters, patches, stopping):
    rng, repeats, covered = np.random.default_rng(raters), 1000, 0
    for _ in range(repeats):
        own = rng.normal(0, 0.5, (raters, 1)) + rng.normal(0, 0.4, (1, patches))
        scores = 2.5 + own + rng.normal(0, 0.5, (raters, patches))
        if stopping:
            scores[-1, patches // 2 :] = NAN
        low, high = interval(scores)
        covered += low <= 2.5 <= high
    assert covered >= stats.binom.ppf(0.001, repeats, 0.95)


@settings(max_examples=25, deadline=None)
@given(
    scores=arrays(float, st.tuples(st.integers(2, 5), st.integers(2, 6)), elements=st.integers(0, 5).map(float)),
    missing=st.integers(0, 3),
)
def test_an_interval_holds_its_mean_and_stays_on_the_scale(scores, missing):
    scores.flat[:missing] = NAN
    assume(not np.isnan(scores).all(axis=1).any() and not np.isnan(scores).all(axis=0).any())
    low, high = interval(scores)
    assert 0 <= low <= mean_opinion(scores) + 1e-9
    assert mean_opinion(scores) - 1e-9 <= high <= 5


def test_a_shift_of_all_scores_shifts_the_interval():
    scores = np.random.default_rng(0).integers(0, 4, (6, 8)).astype(float)
    assert interval(scores + 1) == pytest.approx(np.add(interval(scores), 1))


def test_rows_stand_in_the_studys_order_with_their_counts():
    rows = [("anna", 0, "full", 1), ("anna", 1, "full", 2), ("bo", 0, "full", 3), ("bo", 0, "bicubic", 5)]
    frame = mean_opinions(
        pd.DataFrame(rows, columns=["rater", "patch", "method", "score"]), ("bicubic", "plain", "full")
    )
    assert list(frame["method"]) == ["bicubic", "full"]
    assert list(frame["mean"]) == [5.0, 2.25]
    assert list(zip(frame["raters"], frame["ratings"], strict=True)) == [(1, 1), (2, 3)]
    assert frame["low"].isna().tolist() == [True, False]


def rate(study, rater, scores, patches=None):
    """The rater gives each method the score of `scores`, on the first `patches` patches."""
    answers = [
        Answer(
            study=study.id,
            rater=rater,
            version=version.id,
            score=scores[version.method],
            screen=screen,
            position=position,
            time="2026-01-01T00:00:00.000Z",
        )
        for screen, patch in enumerate(study.patches[:patches], start=1)
        for position, version in enumerate(patch.versions, start=1)
    ]
    record(opinions_folder("sample", "ntire2020"), answers)


@pytest.fixture
def root(project, monkeypatch):
    monkeypatch.chdir(project)
    return project / "runs" / "sample"


@pytest.fixture
def study(root):
    return open_study(root, "sample", "ntire2020", Wanted(patches=4, side=32), seed=1)


def test_without_a_study_or_without_answers_there_is_an_empty_frame(root):
    for _ in range(2):
        frame = read_opinions("sample", "ntire2020")
        assert (list(frame.columns), len(frame)) == (list(module.COLUMNS), 0)
        assert opinion_notes("sample", "ntire2020") == ()
        open_study(root, "sample", "ntire2020", Wanted(patches=4, side=32), seed=1)


def test_opinions_name_the_method_behind_each_answer_and_who_has_not_finished(root, study):
    rate(study, "anna", {"bicubic": 4, "plain": 3, "wsum": 3, "full": 1})
    rate(study, "bo", {"bicubic": 5, "plain": 3, "wsum": 3, "full": 2}, patches=1)
    frame = read_opinions("sample", "ntire2020").set_index("method")
    assert frame["mean"].to_dict() == {"bicubic": 4.5, "full": 1.5, "plain": 3.0, "wsum": 3.0}
    assert set(frame["raters"]) == {2}
    assert set(frame["ratings"]) == {5}
    assert (frame.loc["plain", "low"], frame.loc["plain", "high"]) == (3.0, 3.0)
    notes = " ".join(opinion_notes("sample", "ntire2020"))
    assert "4 patches of 32 px, 2 raters (unfinished: 1)." in notes
    assert "Of rows that were trained here they saw seed 1." in notes
    assert "lower is better" in notes
    assert "bicubic 4.500" in opinions_in_words("sample", "ntire2020")


def test_the_last_answer_of_a_changed_mind_is_the_one_that_counts(root, study):
    rate(study, "anna", {"bicubic": 0, "plain": 0, "wsum": 0, "full": 5})
    rate(study, "anna", {"bicubic": 4, "plain": 3, "wsum": 3, "full": 1})
    frame = read_opinions("sample", "ntire2020").set_index("method")
    assert frame["mean"].to_dict() == {"bicubic": 4.0, "full": 1.0, "plain": 3.0, "wsum": 3.0}
    assert set(frame["ratings"]) == {4}


def test_opinions_of_images_that_are_no_longer_there_are_left_out_and_said(root, study):
    rate(study, "anna", {"bicubic": 4, "plain": 3, "wsum": 3, "full": 1})
    for patch in study.patches:
        name = f"{patch.place.image}.png"
        (root / "restored/ntire2020/full/seed1" / name).write_bytes(
            (root / "raw/ntire2020/im0_HR.png").read_bytes()
        )
    assert list(read_opinions("sample", "ntire2020")["method"]) == ["bicubic", "plain", "wsum"]
    assert "changed since: full." in opinion_notes("sample", "ntire2020")[-1]


def test_equal_answers_give_equal_intervals_however_often_they_are_read(root, study):
    for rater, shift in (("anna", 0), ("bo", 1), ("cy", 2)):
        rate(study, rater, {"bicubic": 3, "plain": 1 + shift, "wsum": 2, "full": shift})
    first = read_opinions("sample", "ntire2020")
    pd.testing.assert_frame_equal(first, read_opinions("sample", "ntire2020"))
    assert (first.set_index("method").loc["plain", ["low", "high"]] != 2).all()
