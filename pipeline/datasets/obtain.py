"""A collection, whole and checked, in its official layout: from a mirror, or from where it is published.

Two records are written. `provenance.json` in the collection's folder states what it is; it is the same wherever the
bytes came from, so that two fetches hash alike. The one in the downloads folder adds when, from where, and how
each file was checked.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from pipeline.datasets import layouts
from pipeline.datasets.layouts import Item
from pipeline.datasets.registry import Collection, collection, loose_files, mirror_folder
from pipeline.errors import UserError
from pipeline.fetching import by_hand
from pipeline.fetching.download import Failure, Fetched, UnavailableError, download, is_web
from pipeline.fetching.mirror import mirrored, subfolder
from pipeline.fetching.source import Source
from pipeline.fetching.unpack import unpack
from pipeline.files import write_json
from pipeline.progress import progress

PROVENANCE = "provenance.json"
THREADS = 8
"""Small files are fetched so many at a time: each waits for its server, not for the processor."""

LOOKED_AT = 3
"""Pairs of a part whose sizes are read from their headers; the split looks at every one."""


@dataclass(frozen=True)
class Taken:
    """Where the images came from: the files that were fetched, or a mirror that had them unpacked."""

    files: tuple[Fetched, ...]
    unpacked: Path | None = None
    left_out: int = 0


def obtain(name: str, mirror: str | None, downloads: Path, folder: Path) -> None:
    """Fill the empty `folder` with the collection `name`, in its official layout, and check it.

    Args:
        name: a collection of the registry.
        mirror: a folder or URL that is tried before the official places; under it, in the collection's subfolder,
            lie the archives, the single files or, in a local mirror, the unpacked images.
        downloads: where downloaded files are kept, in a subfolder for each collection.
        folder: exists and is temporary: after an error it holds some of the images.

    Raises `UserError` when the mirror is missing, no place has a file (the text then says how to get it by hand),
    or what was got is not the collection.
    """
    entry, kept = collection(name), downloads / name
    near = subfolder(mirror, mirror_folder(name)) if mirror else None
    taken = _take(name, entry, near, kept, folder)
    try:
        items = _inspect(name, folder)
    except UserError as error:
        origins = ", ".join(sorted({str(fetched.path) for fetched in taken.files}))
        raise UserError(
            f"what was fetched is not {entry.title}: {str(error).removeprefix(f'{folder}: ')}\n"
            f"It came from {origins}. Remove that, and fetch again."
        ) from None
    counts = Counter(item.part for item in items)
    _note_inferred(entry, counts)
    _record(name, entry, taken, counts, kept, folder)


def _take(name: str, entry: Collection, near: str | None, kept: Path, folder: Path) -> Taken:
    if entry.loose:
        return _take_loose(name, entry, near, kept, folder)
    candidates = [(archive, *archive.alternatives) for archive in entry.files]
    mirrors = mirrored(near, [file for group in candidates for file in group])
    failures = []
    if near and not is_web(near) and not mirrors:
        try:
            return _take_unpacked(name, Path(near), folder)
        except UserError as error:
            failures.append(Failure(near, str(error).removeprefix(f"{near}: ")))
    fetched, missing = [], []
    for group in candidates:
        try:
            fetched.append(_fetch(name, entry, group, mirrors, kept, failures))
        except UnavailableError as error:
            missing.append(str(error))
    if missing:
        raise UserError("\n".join(missing))  # all at once: a person goes to the browser once
    left_out = 0
    for archive, got in zip(entry.files, fetched, strict=True):
        place = partial(_place, entry, archive.name.partition(".")[0])
        left_out += unpack(got.path, folder, place).left_out
    return Taken(tuple(fetched), left_out=left_out)


def _place(entry: Collection, stem: str, member: str) -> PurePosixPath | None:
    """Where a member of an archive goes: as it is, or below a folder of the archive's name when it needs that."""
    for path in (member, f"{stem}/{member}"):
        if entry.wants(path):
            return PurePosixPath(path)
    return None


def _take_unpacked(name: str, source: Path, folder: Path) -> Taken:
    """Copy the images of a mirror that holds them unpacked; nothing else that lies there."""
    if not source.is_dir():
        raise UserError(f"{source}: the mirror has no such folder")
    paths = [path for item in _inspect(name, source) for path in (item.hr, item.lr) if path]
    with progress(f"copy {name}", len(paths)) as meter:
        for path in paths:
            _copy(source / path, folder / path)
            meter.update()
    return Taken((), unpacked=source)


def _take_loose(name: str, entry: Collection, near: str | None, kept: Path, folder: Path) -> Taken:
    """Fetch the files published one by one; the first that no place has ends it all."""
    files = loose_files(name)
    mirrors, failures = mirrored(near, files), []
    if near and not is_web(near):
        mirrors |= _by_place(entry, files, Path(near))
        failures = [] if mirrors else [Failure(near, "the mirror has none of the images")]
    fetched = []
    with ThreadPoolExecutor(THREADS) as pool, progress(f"fetch {name}", len(files)) as meter:
        jobs = [pool.submit(_fetch, name, entry, [file], mirrors, kept, failures) for file in files]
        try:
            for job in as_completed(jobs):
                fetched.append(job.result())
                meter.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for got in fetched:
        _copy(got.path, folder / got.file.name)
    return Taken(tuple(sorted(fetched, key=lambda got: got.file.name)))


def _by_place(entry: Collection, files: Iterable[Source], source: Path) -> dict[str, str]:
    """Where a local mirror has each file, found as the image it is, whatever the folders above are called."""
    found = {claim: path for path in layouts.files(source) for claim in layouts.claims(entry.parts, path)}
    claims = ((file.name, claim) for file in files for claim in layouts.claims(entry.parts, Path(file.name)))
    return {name: str(source / found[claim]) for name, claim in claims if claim in found}


def _fetch(
    name: str,
    entry: Collection,
    wanted: Sequence[Source],
    mirrors: Mapping[str, str],
    kept: Path,
    before: Sequence[Failure],
) -> Fetched:
    """One of the files `wanted`; when no place has any, the error says how to get one by hand."""
    try:
        return download(wanted, mirrors, kept)
    except UnavailableError as error:
        title, failures = f"{error.name} of {entry.title}", [*before, *error.failures]
        raise by_hand.explain(title, failures, wanted, kept, mirror_folder(name), _notes(entry)) from None


def _notes(entry: Collection) -> list[str]:
    """What else a person should know who gets a collection by hand."""
    whole = "The other files of the collection may be missing too: get the whole folder, names unchanged."
    refused = [f"not:  {other.title} ({' '.join(other.urls)}): {other.why}." for other in entry.refused]
    return [*([whole] if entry.loose else []), *refused, f"licence: {entry.licence}. {entry.terms}"]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _inspect(name: str, folder: Path) -> list[Item]:
    """The items of a collection in `folder`. Raises `UserError` for too few, too many, or another version."""
    entry = collection(name)
    items = layouts.find(name, folder)
    counts = Counter(item.part for item in items)
    for part_name, part in entry.parts.items():
        if part.certain and counts[part_name] != part.count:
            raise UserError(
                f"{folder}: {_told(part_name, counts[part_name], part.count)}. Fetch the collection again."
            )
    _refuse_one_size(entry, items, folder)
    return items


def _told(part: str, found: int, published: int) -> str:
    return f"the part {part} has {found} images or pairs, {published} are published"


def _note_inferred(entry: Collection, counts: Mapping[str, int]) -> None:
    """Where the published number is only inferred, another one is said and let by."""
    for name, part in entry.parts.items():
        if not part.certain and counts[name] != part.count:
            told = _told(name, counts[name], part.count)
            sys.stderr.write(f"note: {entry.title}: {told}, a number that is inferred; going on.\n")


def _refuse_one_size(entry: Collection, items: Sequence[Item], folder: Path) -> None:
    """Older versions have the same names, but LR images as large as the HR images."""
    for name, part in entry.parts.items():
        pairs = [item for item in items if item.part == name and item.hr and item.lr and (part.scale or 1) > 1]
        for item in pairs[:LOOKED_AT]:
            hr, lr = (_size(folder / path) for path in (item.hr, item.lr) if path)
            if hr == lr:
                versions = " or ".join(refused.title for refused in entry.refused) or "another collection"
                why = f" ({entry.refused[0].why})" if entry.refused else ""
                raise UserError(
                    f"{folder}: {item.hr} and {item.lr} are both {hr[0]}x{hr[1]}: this is {versions}, "
                    f"not {entry.title}{why}."
                )


def _size(path: Path) -> tuple[int, int]:
    """Width and height, from the header."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path}: not an image that can be read ({error}). Fetch it again.") from None


def _record(
    name: str, entry: Collection, taken: Taken, counts: Mapping[str, int], kept: Path, folder: Path
) -> None:
    what = {
        "collection": name,
        "title": entry.title,
        "licence": entry.licence,
        "terms": entry.terms,
        "facts": entry.source,
        "parts": {
            key: {"found": counts[key], "published": part.count, "inferred": not part.certain}
            for key, part in entry.parts.items()
        },
        "published": [{"name": file.name, "checksum": file.checksum or "none published"} for file in entry.files],
    }
    got = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "unpacked_mirror": str(taken.unpacked) if taken.unpacked else None,
        "members_left_out": taken.left_out,
        "files": [
            {
                "name": fetched.file.name,
                "origin": fetched.origin,
                "bytes": fetched.path.stat().st_size,
                "sha256": fetched.sha256,
                "checked_by": fetched.file.checksum or "its own checksums; none published",
            }
            for fetched in taken.files
        ],
    }
    write_json(folder / PROVENANCE, what)
    write_json(kept / PROVENANCE, what | got)
