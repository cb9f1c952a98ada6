"""Outputs that appear whole or not at all, and content hashes."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from pipeline.errors import UserError


def _aside(path: Path) -> Path:
    """A sibling of `path` that no other process uses, on the same file system so that a rename is atomic."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent / f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.partial"


def _clear_leftovers(path: Path) -> None:
    """Remove what a killed process left beside `path` (its pid is no longer alive)."""
    for leftover in path.parent.glob(f".{path.name}.*.partial"):
        pid = int(leftover.name.removesuffix(".partial").rsplit(".", 1)[1].split("-")[0])
        if not _alive(pid):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    """Whether the process runs; a killed one whose parent has not noticed yet (a zombie) does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path; rename it to `path` when the block ends without an error, else remove it."""
    _clear_leftovers(path)
    temporary = _aside(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which output had no room
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder; rename it to `path` (replacing it) when the block ends without an error."""
    _clear_leftovers(path)
    temporary, replaced = _aside(path), _aside(path)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            path.replace(replaced)  # a removal that is cut short would leave half of the old folder
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        for folder in (temporary, replaced):
            shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON with sorted keys (equal values give equal bytes)."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The JSON value in `path`. Raises `UserError` when the file is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Run `dvc repro` to make it.") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON ({error}). Delete it and run `dvc repro`.") from None


def sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint(value: object) -> str:
    """First 12 hex digits of the sha256 of a JSON value: the name under which equal work is found again."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]
