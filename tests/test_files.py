"""Outputs appear whole or not at all: after an error, a kill, a full disk."""

import hashlib
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.files import fingerprint, read_json, sha256, whole_file, whole_folder, write_json, write_text

HALF_WRITTEN = {
    "file": """
with whole_file(path) as temporary:
    temporary.write_text("half")
    print("half", flush=True)
    sys.stdin.read()
""",
    "folder": """
with whole_folder(path) as temporary:
    (temporary / "a").write_text("half")
    print("half", flush=True)
    sys.stdin.read()
""",
}
HEAD = """
import resource, sys
from pathlib import Path
from pipeline.errors import explained
from pipeline.files import whole_file, whole_folder
path = Path(sys.argv[1])
"""


def start(root, program, path):
    """A Python process that runs `program` on `path`."""
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + program, str(path)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def put(kind, path, text):
    """Write an output of one file, or a folder with one file, by the functions under test."""
    if kind == "file":
        write_text(path, text)
    else:
        with whole_folder(path) as temporary:
            (temporary / "a").write_text(text)


def get(kind, path):
    """What `put` wrote; None where there is nothing."""
    file = path if kind == "file" else path / "a"
    return file.read_text() if file.exists() else None


def names(folder):
    """What lies in a folder, hidden files too."""
    return [file.name for file in folder.iterdir()]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("before", [None, "old"])
def test_an_error_in_the_middle_leaves_what_was_there(tmp_path, kind, before):
    path = tmp_path / "deep" / "out"
    if before:
        put(kind, path, before)
    whole = whole_file if kind == "file" else whole_folder
    with pytest.raises(ZeroDivisionError), whole(path) as temporary:  # noqa: PT012 - the block is what is tested
        (temporary if kind == "file" else temporary / "a").write_text("half")
        raise ZeroDivisionError
    assert get(kind, path) == before
    assert names(path.parent) == (["out"] if before else [])


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("before", [None, "old"])
def test_a_kill_in_the_middle_leaves_what_was_there_and_the_next_writer_clears_up(root, tmp_path, kind, before):
    path = tmp_path / "out"
    if before:
        put(kind, path, before)
    with start(root, HALF_WRITTEN[kind], path) as process:
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert get(kind, path) == before
    assert len(list(tmp_path.glob(".out.*.partial"))) == 1
    put(kind, path, "new")
    assert get(kind, path) == "new"
    assert names(tmp_path) == ["out"]


def test_the_half_written_file_of_a_living_process_is_left_alone(root, tmp_path):
    path = tmp_path / "out"
    with start(root, HALF_WRITTEN["file"], path) as process:
        assert process.stdout.readline() == "half\n"
        write_text(path, "other")
        assert len(list(tmp_path.glob(".out.*.partial"))) == 1
        process.communicate("")
    assert process.returncode == 0
    assert path.read_text() == "half"  # the last to finish wins, whole
    assert names(tmp_path) == ["out"]


def test_a_disk_that_takes_no_more_is_a_message_and_leaves_what_was_there(root, tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    program = """
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with explained(), whole_file(path) as temporary:
    temporary.write_bytes(bytes(5000))
"""
    with start(root, program, path) as process:
        _, stderr = process.communicate()
    assert process.returncode == 1
    assert stderr.splitlines() == [stderr.strip()]
    assert stderr.startswith("error: File too large")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for name in ("first", "second"):
        with whole_folder(tmp_path / "out") as temporary:
            (temporary / name).write_text(name)
    assert names(tmp_path / "out") == ["second"]
    assert names(tmp_path) == ["out"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_json_comes_back_as_it_went(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_equal_values_give_equal_bytes_and_fingerprints_whatever_their_order(tmp_path):
    one, other = {"a": 1, "b": [1.5, None]}, {"b": [1.5, None], "a": 1}
    write_json(tmp_path / "one", one)
    write_json(tmp_path / "other", other)
    assert sha256(tmp_path / "one") == sha256(tmp_path / "other")
    assert fingerprint(one) == fingerprint(other) != fingerprint({"a": 1, "b": [1.5, 0]})


def test_sha256_is_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("content", "expected"), [(None, "is missing"), ("{", "is not valid JSON")])
def test_unreadable_json_is_a_message_with_a_way_on(tmp_path, content, expected):
    path = tmp_path / "value.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=rf"{expected}.*dvc repro"):
        read_json(path)


def test_what_a_zombie_left_is_cleared(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked how
    leftover = tmp_path / f".out.txt.{child.pid}-0123abcd.partial"
    leftover.write_text("half")
    write_text(tmp_path / "out.txt", "whole")
    assert not leftover.exists()
    child.wait()
