"""What a killed DVC left half-written is mended, and nothing else is touched."""

import subprocess

import pytest

from pipeline.unlock import LOCKS, PATHS, unlock

WHOLE = """\
schema: '2.0'
stages:
  fetch:
    cmd: echo
    outs:
    - path: raw
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 1
"""


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose dvc.lock is committed and whose stages/dvc.lock is not."""
    for lock in LOCKS:
        (tmp_path / lock).parent.mkdir(exist_ok=True)
        (tmp_path / lock).write_text(WHOLE)
    (tmp_path / PATHS).parent.mkdir(parents=True)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "dvc.lock")
    git(tmp_path, "commit", "-qm", "a lock")
    return tmp_path


def test_whole_files_stay_as_they_are(checkout):
    (checkout / "dvc.lock").write_text(WHOLE + "  split:\n    cmd: echo\n")
    (checkout / PATHS).write_text("{}")
    before = {path: path.read_bytes() for path in (checkout / "dvc.lock", checkout / LOCKS[1], checkout / PATHS)}
    assert list(unlock(checkout)) == []
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("length", [0, 4, 10, 30, WHOLE.index("cmd") + 2])
def test_a_half_written_lock_is_the_committed_one_again_or_gone(checkout, length):
    for lock in LOCKS:
        (checkout / lock).write_text(WHOLE[:length])
    assert [line.split(":")[0] for line in unlock(checkout)] == ["dvc.lock", "stages/dvc.lock"]
    assert (checkout / "dvc.lock").read_text() == WHOLE
    assert not (checkout / "stages/dvc.lock").exists()


def test_an_empty_lock_of_paths_is_removed(checkout):
    (checkout / PATHS).write_text("")
    (line,) = unlock(checkout)
    assert line.startswith(".dvc/tmp/rwlock: ")
    assert not (checkout / PATHS).exists()


def test_a_folder_without_any_is_left_alone(tmp_path):
    assert list(unlock(tmp_path)) == []
