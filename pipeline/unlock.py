"""What DVC leaves behind when it is killed while it writes in place, and then refuses to start with."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

LOCKS = (Path("dvc.lock"), Path("stages", "dvc.lock"))
PATHS = Path(".dvc", "tmp", "rwlock")
"""DVC's lock of paths: empty, it stops every later command."""


def unlock(checkout: Path) -> Iterator[str]:
    """Mend what a killed DVC has left half-written in `checkout`, and say each time what was done.

    A lock file is taken as it was committed, or removed where it was not: DVC then finds in its cache of runs what
    is done already.
    """
    paths = checkout / PATHS
    if paths.exists() and not paths.stat().st_size:
        paths.unlink()
        yield f"{PATHS}: an empty lock of a killed process; removed"
    for lock in LOCKS:
        if (checkout / lock).exists() and not _is_whole(checkout / lock):
            yield f"{lock}: half-written by a killed process; {_committed_again(checkout, lock)}"


def _is_whole(lock: Path) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.load(lock.read_bytes(), yaml.CSafeLoader))
    except (Invalid, yaml.YAMLError):
        return False
    return True


def _committed_again(checkout: Path, lock: Path) -> str:
    command = ["git", "-C", str(checkout), "checkout", "--quiet", "HEAD", "--", lock.as_posix()]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return "the committed one is back"
    (checkout / lock).unlink()
    return "removed"
