"""Answers on the disk: the last one counts, a cut line is no answer, anything else is named."""

import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.mos.answers import RATER, Answer, latest, parse, read_answers, read_export, record
from pipeline.mos.patches import Place
from pipeline.mos.study import Patch, Study, Version

VERSIONS = ("aa", "bb")
STUDY = Study(
    id="s1",
    preset="sample",
    dataset="realsr_zero",
    seed=1,
    side=64,
    asked=1,
    methods=("bicubic", "full"),
    patches=(
        Patch(
            place=Place("im", 0, 0, 64, 64),
            reference="rr",
            versions=tuple(
                Version(id=name, method=method, sha256="")
                for name, method in zip(VERSIONS, ("bicubic", "full"), strict=True)
            ),
        ),
    ),
)


def answer(score=1, version="aa", rater="anna", second=0, **other):
    time = f"2026-01-01T00:{second // 60:02}:{second % 60:02}.000Z"
    values = {"study": "s1", "rater": rater, "version": version, "score": score, "screen": 1, "position": 1}
    return Answer.model_validate({**values, "time": time, **other})


def test_a_changed_mind_is_kept_and_the_last_answer_counts(tmp_path):
    given_ = [answer(5), answer(2, second=1), answer(4, "bb", second=2)]
    for one in given_:
        assert record(tmp_path, [one]) == 1
    assert read_answers(tmp_path, STUDY) == given_
    assert {key: one.score for key, one in latest(given_).items()} == {("anna", "aa"): 2, ("anna", "bb"): 4}


def test_an_answer_that_is_there_is_not_written_twice(tmp_path):
    assert record(tmp_path, [answer(), answer(), answer(3)]) == 2
    assert record(tmp_path, [answer(), answer(2)]) == 1
    assert [one.score for one in read_answers(tmp_path, STUDY)] == [1, 3, 2]


def test_a_line_cut_short_is_no_answer_and_the_next_one_takes_its_place(tmp_path):
    record(tmp_path, [answer(1), answer(2, "bb")])
    file = tmp_path / "anna.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert [one.score for one in read_answers(tmp_path, STUDY)] == [1]
    record(tmp_path, [answer(3, "bb")])
    assert [one.score for one in read_answers(tmp_path, STUDY)] == [1, 3]


def test_the_last_line_of_a_saved_file_counts_without_its_end(tmp_path):
    file = tmp_path / "saved.jsonl"
    file.write_text("\n".join(one.model_dump_json() for one in (answer(1), answer(2, "bb"))))
    assert [one.score for one in read_export(file, STUDY)] == [1, 2]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"score": 6}, "score: Input should be less than or equal to 5"),
        ({"score": -1}, "score: Input should be greater than or equal to 0"),
        ({"score": 2.5}, "score: Input should be a valid integer"),
        ({"score": True}, "score: Input should be a valid integer"),
        ({"rater": "../anna"}, "rater: String should match pattern"),
        ({"rater": ""}, "rater: String should match pattern"),
        ({"rater": "a.b"}, "rater: String should match pattern"),
        ({"rater": "-a"}, "rater: String should match pattern"),
        ({"rater": "a\n"}, "rater: String should match pattern"),
        ({"rater": "a" * 49}, "rater: String should match pattern"),
        ({"version": "rr"}, "the study has no such version"),
        ({"study": "s2"}, "this answer belongs to another study"),
        ({"position": 0}, "position: Input should be greater than or equal to 1"),
        ({"time": "yesterday"}, "time: String should match pattern"),
        ({"method": "full"}, "method: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_answer_of_the_study_is_named_with_file_and_line(tmp_path, change, named):
    import json

    file = tmp_path / "anna.jsonl"
    bad = {**answer(2).model_dump(), **change}
    file.write_text(f"{answer().model_dump_json()}\n{json.dumps(bad)}\n")
    with pytest.raises(UserError) as refusal:
        read_answers(tmp_path, STUDY)
    assert f"{file}, line 2: {named}" in str(refusal.value)


def test_files_that_are_none_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent\.jsonl is missing"):
        read_export(tmp_path / "absent.jsonl", STUDY)
    picture = tmp_path / "picture.jsonl"
    picture.write_bytes(b"\x89PNG\r\n\xff\n")
    with pytest.raises(UserError, match=r"picture\.jsonl is not a file of answers"):
        read_export(picture, STUDY)
    with pytest.raises(UserError, match=r"picture\.jsonl is not a file of answers"):
        read_answers(tmp_path, STUDY)


def give(folder, rater, seconds):
    for second in seconds:
        record(folder, [answer(second % 6, rater=rater, second=second)])


def test_several_processes_write_one_file_without_losing_a_line(tmp_path):
    context = multiprocessing.get_context("spawn")
    parts = [range(at, 80, 2) for at in range(2)]
    workers = [context.Process(target=give, args=(tmp_path, "anna", part)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = [one.time for one in read_answers(tmp_path, STUDY)]
    assert sorted(found) == sorted(answer(second=second).time for second in range(80))


@given(
    score=st.integers(0, 5),
    rater=st.from_regex(RATER, fullmatch=True),
    screen=st.integers(1, 99),
    position=st.integers(1, 26),
)
def test_a_line_is_read_as_it_was_written(score, rater, screen, position):
    one = answer(score, rater=rater, screen=screen, position=position)
    assert parse(one.model_dump_json(), STUDY) == one
