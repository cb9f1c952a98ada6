"""Unpacking what strangers packed: zip and tar, with every member checked before it touches the disk."""

import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from pipeline.errors import UserError
from pipeline.progress import progress

CHUNK = 1024 * 1024
MB = 10**6
LARGE = 10**8
"""From this many bytes on, unpacking shows its progress."""

ZIP = b"PK\x03\x04"
"""How a zip begins. (Python looks for its end instead, which a truncated one lacks.)"""

Placement = Callable[[str], PurePosixPath | None]
"""Where a member (its path with `/`) goes, relative to the folder; None leaves it out."""


@dataclass(frozen=True)
class Limits:
    """What an honest archive of images keeps to: images hardly compress, so that a large ratio is a bomb.

    Attributes:
        members: how many an archive may hold.
        ratio: unpacked bytes per byte of the archive.
        slack: bytes that are allowed on top, for archives so small that the ratio says nothing.
    """

    members: int = 100_000
    ratio: int = 20
    slack: int = 64 * 1024**2


@dataclass(frozen=True)
class Unpacked:
    """How many members were written, and how many were none of the collection's images."""

    written: int
    left_out: int


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    fault: str | None
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, place: Placement, limits: Limits | None = None) -> Unpacked:
    """Write the members of a zip or tar that `place` wants into `folder`.

    Raises `UserError` for an archive that is broken, truncated or encrypted; that has a member outside the folder,
    a link, a device, or two members at one place (letters of either case are one: some disks see no difference);
    that is larger than `limits` or than the disk has room for. `folder` may then hold some members: let it be a
    temporary one.
    """
    limits = limits or Limits()
    size = archive.stat().st_size
    _refuse_full_disk(archive, size, folder)
    budget = limits.ratio * size + limits.slack
    taken: set[str] = set()
    seen = written = shown = 0
    with _readable(archive), progress(f"unpack {archive.name} (MB)", size // MB, shown=size > LARGE) as meter:
        for seen, member in enumerate(_members(archive), 1):
            budget -= member.size
            _refuse(archive, member)
            if seen > limits.members or budget < 0:
                raise UserError(
                    f"{archive}: it unpacks to far more files or bytes than images do (seen at {member.name!r}). "
                    "Nothing of it is used; fetch the official file."
                )
            target = place(member.name)
            if target is None:
                continue
            _claim(archive, target, taken)
            _write(member, folder / target)
            written += member.size
            if written // MB > shown:
                meter.update(written // MB - shown)
                shown = written // MB
    return Unpacked(len(taken), seen - len(taken))


def broken(archive: Path) -> str | None:
    """What is wrong with a zip or tar by its own checksums, or None: the only check where none is published."""
    try:
        with _readable(archive):
            for member in _members(archive):
                _refuse(archive, member)
                with member.open() as stream:
                    while stream.read(CHUNK):
                        pass
    except UserError as error:
        return str(error).removeprefix(f"{archive}: ")
    return None


def _refuse_full_disk(archive: Path, size: int, folder: Path) -> None:
    """Images hardly compress: an archive needs about its own size."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise UserError(
            f"{archive}: unpacking it needs about {size / 1e9:.2f} GB, and the disk of {folder.parent} has "
            f"{free / 1e9:.2f} GB free. Make room and run again."
        )


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        why = str(error).splitlines()[0].removesuffix(":") if str(error) else "it ends too early"
        raise UserError(f"{archive}: truncated or broken ({why}). Delete it and fetch it again.") from None
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(
            f"{archive}: two of its members want one place, {error.filename}. Fetch the official file."
        ) from None
    except NotImplementedError as error:  # what zipfile says of rare methods of compression
        raise UserError(f"{archive}: cannot be unpacked ({error}). Fetch the official file.") from None


def _members(archive: Path) -> Iterator[_Member]:
    """Every file inside, in the order of the archive; folders are made as needed."""
    with archive.open("rb") as stream:
        head = stream.read(len(ZIP))
    return _zip_members(archive) if head == ZIP else _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as stream:
        for info in stream.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            fault = None if kind in (0, stat.S_IFREG, stat.S_IFDIR) else "is a link or a device"
            fault = "is encrypted" if info.flag_bits & 1 else fault
            name = info.filename.replace("\\", "/")
            if not info.is_dir() or fault or _escapes(name):
                yield _Member(name, info.file_size, fault, partial(stream.open, info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as stream:
        for info in stream:
            name = info.name.replace("\\", "/")
            fault = None if info.isfile() or info.isdir() else "is a link or a device"
            if not info.isdir() or _escapes(name):
                yield _Member(name, info.size, fault, partial(_file_of, stream, info))


def _file_of(stream: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = stream.extractfile(info)
    if content is None:
        raise tarfile.ReadError(f"{info.name} has no content")
    return content


def _escapes(name: str) -> bool:
    """Whether a path leaves the folder it is unpacked into, on any system."""
    windows = PureWindowsPath(name)
    return name.startswith("/") or bool(windows.drive or windows.root) or ".." in windows.parts or "\0" in name


def _refuse(archive: Path, member: _Member) -> None:
    fault = "lies outside the folder it is unpacked into" if _escapes(member.name) else member.fault
    if fault:
        raise UserError(
            f"{archive}: its member {member.name!r} {fault}. Nothing of it is used; fetch the official file."
        )


def _claim(archive: Path, target: PurePosixPath, taken: set[str]) -> None:
    key = unicodedata.normalize("NFC", str(target)).casefold()
    if key in taken:
        raise UserError(f"{archive}: two of its members want one place, {target}. Fetch the official file.")
    taken.add(key)


def _write(member: _Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with member.open() as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)
    if path.stat().st_size != member.size:
        raise EOFError(f"{member.name} is cut short")
