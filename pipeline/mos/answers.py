"""What raters answered: a JSON line an answer, one file a rater, on the disk before the rater is told so.

Nothing is ever rewritten: a changed mind is one more line, and the last line about a version counts.
"""

import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

from filelock import FileLock
from pydantic import Field, ValidationError

from pipeline.errors import UserError
from pipeline.mos.study import Study
from pipeline.settings.base import Block

SCORES = {
    0: "excellent, like a good photograph",
    1: "very good, flaws only on close inspection",
    2: "good, slight flaws",
    3: "fair, clear flaws",
    4: "poor, strong flaws",
    5: "bad, disturbing all over",
}
"""The scale: 0 to 5, lower is better, as in Table I (facts/methods.md 0.1). The words are this study's own: the
paper's are not known."""

_LETTER = r"(?:[0-9A-Za-z]|[^\x00-\x7f\s])"  # \w is another set in every language
RATER = rf"^{_LETTER}(?:{_LETTER}|-){{0,47}}$"
"""A rater's id: it names the file, so of ASCII it has letters, digits and hyphens alone."""


class Answer(Block):
    """A score given by a rater.

    Attributes:
        study: id of the study.
        rater: id of the rater.
        version: opaque id of what was rated.
        score: one of `SCORES`.
        screen, position: where it stood for this rater, from 1: the screen, and the place on it.
        time: UTC, to the millisecond.
    """

    study: str
    rater: Annotated[str, Field(pattern=RATER)]
    version: str
    score: Annotated[int, Field(ge=min(SCORES), le=max(SCORES))]
    screen: Annotated[int, Field(ge=1)]
    position: Annotated[int, Field(ge=1)]
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]


def parse(line: str | bytes, study: Study) -> Answer:
    """One answer of a study. Raises `ValueError` that says in a sentence what is wrong."""
    try:
        answer = Answer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where + ': ' if where else ''}{first['msg']}") from None
    if answer.study != study.id:
        raise ValueError("this answer belongs to another study")
    if answer.version not in study.key:
        raise ValueError("the study has no such version")
    return answer


def record(folder: Path, answers: Sequence[Answer]) -> int:
    """Append those that are not there yet to their raters' files, and see them on the disk; their number."""
    added = 0
    with FileLock(folder / ".lock"):
        for rater, own in groupby(
            sorted(answers, key=lambda answer: answer.rater), key=lambda answer: answer.rater
        ):
            file = folder / f"{rater}.jsonl"
            known = set(_whole_lines(file))
            lines = list(dict.fromkeys(answer.model_dump_json() for answer in own))
            new = [line for line in lines if line not in known]
            _append(file, new)
            added += len(new)
    return added


def read_answers(folder: Path, study: Study) -> list[Answer]:
    """All answers in an opinions folder, of each rater in the order given.

    Raises `UserError` naming the file and line of anything that is no answer of the study.
    """
    return [answer for file in sorted(folder.glob("*.jsonl")) for answer in read_file(file, study)]


def read_file(file: Path, study: Study) -> list[Answer]:
    """The answers in a rater's file. Raises `UserError` naming the line of anything that is none of the study."""
    return _parsed(file, list(_whole_lines(file)), study)


def read_export(file: Path, study: Study) -> list[Answer]:
    """The answers in a file that a rater saved. Raises `UserError` as `read_file`, and when missing."""
    try:
        return _parsed(file, file.read_text(encoding="utf-8").splitlines(), study)
    except FileNotFoundError:
        raise UserError(f"{file} is missing. Name a file that a rater saved from the page.") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{file} is not a file of answers ({error.reason}). Ask the rater to save it again."
        ) from None


def _parsed(file: Path, lines: Sequence[str], study: Study) -> list[Answer]:
    answers = []
    for number, line in enumerate(lines, start=1):
        try:
            answers.append(parse(line, study))
        except ValueError as error:
            raise UserError(f"{file}, line {number}: {error}. Mend or remove that line.") from None
    return answers


def latest(answers: Sequence[Answer]) -> dict[tuple[str, str], Answer]:
    """The answer that counts, by rater and version."""
    return {(answer.rater, answer.version): answer for answer in answers}


def _whole_lines(file: Path) -> Iterator[str]:
    """The lines that end: one that was cut short (power loss) had not been acknowledged, and is sent again."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return
    try:
        yield from data[: data.rfind(b"\n") + 1].decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not a file of answers ({error.reason}). Restore it from a copy.") from None


def _append(file: Path, lines: Sequence[str]) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b") as stream:
        stream.seek(stream.read().rfind(b"\n") + 1)
        stream.truncate()
        stream.write("".join(f"{line}\n" for line in lines).encode())
        stream.flush()
        os.fsync(stream.fileno())
