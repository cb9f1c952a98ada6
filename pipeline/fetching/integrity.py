"""Whether a file is the published one: not a web page, of the right kind, size and checksum."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.fetching import unpack
from pipeline.fetching.source import Source
from pipeline.progress import progress

CHUNK = 1024 * 1024
HEAD = 4096
LARGE = 10**8
"""From this many bytes on, reading a file shows its progress."""


class WrongFileError(Exception):
    """A file is not the published one: the text says how."""


@dataclass(frozen=True)
class Kind:
    """A kind of file: how its name ends, and with which bytes (one of several) it begins at which offset."""

    suffix: str
    name: str
    magic: bytes | tuple[bytes, ...]
    offset: int = 0


CHECKPOINT = (b"PK", b"\x80")
"""A zip archive since PyTorch 1.6, a bare pickle before."""

KINDS = (
    Kind(".gz", "a gzip archive", b"\x1f\x8b"),
    Kind(".zip", "a zip archive", b"PK"),
    Kind(".tar", "a tar archive", b"ustar", 257),
    Kind(".png", "a PNG image", b"\x89PNG\r\n\x1a\n"),
    Kind(".pth", "a PyTorch checkpoint", CHECKPOINT),
    Kind(".pt", "a PyTorch checkpoint", CHECKPOINT),
    Kind(".mat", "a MATLAB file", b"MATLAB 5.0"),
)
ARCHIVES = (".gz", ".zip", ".tar")


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def check(path: Path, file: Source) -> str:
    """The hex sha256 of `path`, which is then known to be `file`.

    Raises `WrongFileError` for a web page, another kind of file than the name says, a wrong size or checksum and,
    where no checksum is published, for an archive that is damaged by its own checksums.
    """
    _check_kind(path, file)
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise WrongFileError(f"it has {size} bytes, the published file has {file.bytes}")
    kind, _, expected = (file.checksum or "").partition(":")
    sha256, found = _digests(path, size, kind)
    if file.checksum and not (found.startswith(expected) if kind == "sha256-prefix" else found == expected):
        raise WrongFileError(f"wrong {kind}: found {found[: len(expected)]}, published is {expected}")
    if not file.checksum and file.name.lower().endswith(ARCHIVES) and (fault := unpack.broken(path)):
        raise WrongFileError(fault)
    return sha256


def _check_kind(path: Path, file: Source) -> None:
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if not head:
        raise WrongFileError("it is empty")
    kind = next((kind for kind in KINDS if file.name.lower().endswith(kind.suffix)), None)
    if kind is None or head[kind.offset :].startswith(kind.magic):
        return
    text = head.lower()
    if b"<html" not in text and b"<!doctype" not in text:
        raise WrongFileError(f"it is not {kind.name}")
    if b"google" in text and (b"quota" in text or b"too many users" in text):
        raise WrongFileError("it is Google Drive's page on an exceeded quota instead of the file")
    raise WrongFileError("it is a web page instead of the file")


def _digests(path: Path, size: int, kind: str) -> tuple[str, str]:
    """The sha256 and the digest of `kind`, in one reading."""
    makers: dict[str, Callable[[], _Hash]] = {"md5": hashlib.md5, "git-blob": lambda: _git_blob(size)}
    sha256 = hashlib.sha256()
    other: _Hash = makers.get(kind, hashlib.sha256)()
    with path.open("rb") as stream, progress(f"check {path.name} (MB)", size // CHUNK, shown=size > LARGE) as meter:
        while block := stream.read(CHUNK):
            sha256.update(block)
            other.update(block)
            meter.update()
    return sha256.hexdigest(), other.hexdigest()


def _git_blob(size: int) -> _Hash:
    """The id that git gives a file: the sha1 of a header and its bytes."""
    return hashlib.sha1(b"blob %d\0" % size)
