"""A weight of the registry as tensors: from an installed package, a mirror, or where it is published."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.fetching import by_hand
from pipeline.fetching.download import Fetched, UnavailableError, download
from pipeline.fetching.mirror import mirrored, subfolder
from pipeline.files import write_json
from pipeline.weights import packaged
from pipeline.weights.convert import convert
from pipeline.weights.registry import Kind, Origin, Packaged, Published, Weight, weight

FOLDER = "weights"
"""Of the files, under a mirror root and in the downloads folder."""


@dataclass(frozen=True)
class Original:
    """A file that tensors were made of: where it lies, its sha256, and `fetched` if it is not of a package."""

    file: Packaged | Published
    path: Path
    sha256: str
    fetched: Fetched | None = None


@dataclass(frozen=True)
class Pretrained:
    """A weight as it was obtained.

    Attributes:
        tensors: with the keys and shapes of the entry's layout.
        originals: the files it was made of.
    """

    name: str
    entry: Weight
    origin: Origin
    originals: tuple[Original, ...]
    tensors: dict[str, Tensor]

    @property
    def source(self) -> str:
        """Where it is from, in words; the same wherever the bytes came from."""
        return " and ".join(dict.fromkeys(original.file.origin for original in self.originals))


def obtain(name: str, order: Sequence[Kind], mirror: str | None, downloads: Path) -> Pretrained:
    """The weight `name` from the first of its origins that gives it.

    Args:
        name: an entry of the registry.
        order: which kinds of origin are tried, first to last; none other is.
        mirror: a folder or URL that is tried before the official places; the files lie in its subfolder `weights`.
        downloads: where fetched files are kept, in the subfolder `weights`; a person may put one there.

    Raises `UserError` saying why each origin failed and how to get the official file by hand.
    """
    entry = weight(name)
    origins = [origin for kind in order for origin in entry.origins if origin.kind == kind]
    failures = []
    for origin in origins:
        try:
            pretrained = _take(name, entry, origin, mirror, downloads / FOLDER)
        except UserError as error:
            failures.append(str(error))
        else:
            _tell(pretrained, failures)
            return pretrained
    if not origins:
        failures = [
            f"it has no origin of the kind {' or '.join(order)}; name another one under `pretrained` of the preset "
            "in params.yaml: package, official"
        ]
    raise UserError("\n".join([f"could not get {entry.title}:", *failures]))


def _take(name: str, entry: Weight, origin: Origin, mirror: str | None, kept: Path) -> Pretrained:
    originals = tuple(_original(entry, file, mirror, kept) for file in origin.files)
    paths = [original.path for original in originals]
    try:
        tensors = convert(paths, origin.format, entry.layout)
    except UserError as error:
        where = ", ".join(map(str, paths))
        raise UserError(f"{where}: {error}. Remove it, and get the right one from where it is published.") from None
    if any(original.fetched for original in originals):
        _record(name, originals, kept)
    return Pretrained(name, entry, origin, originals, tensors)


def _original(entry: Weight, file: Packaged | Published, mirror: str | None, kept: Path) -> Original:
    if isinstance(file, Packaged):
        return Original(file, packaged.locate(file), file.sha256)
    near = subfolder(mirror, FOLDER) if mirror else None
    wanted = file.model_copy(update={"urls": (*_in_torchs_cache(file), *file.urls)})
    try:
        fetched = download([wanted], mirrored(near, [file]), kept)
    except UnavailableError as error:
        title, notes = f"{file.name} of {entry.title}", [f"licence: {entry.licence}"]
        raise by_hand.explain(title, error.failures, [file], kept, FOLDER, notes) from None
    return Original(file, fetched.path, fetched.sha256, fetched)


def _in_torchs_cache(file: Published) -> list[str]:
    """The URL of the file where torchvision keeps its own downloads, if it is there and can be checked."""
    cached = Path(torch.hub.get_dir(), "checkpoints", file.name).absolute()
    return [cached.as_uri()] if file.checksum and cached.exists() else []


def _tell(pretrained: Pretrained, failures: Sequence[str]) -> None:
    """That a preferred origin failed, and which one is used instead."""
    if failures:
        note = f" ({pretrained.origin.note})" if pretrained.origin.note else ""
        used = f"{pretrained.entry.title} is taken from {pretrained.source}{note}"
        sys.stderr.write("\n".join([f"note: {used}, because an origin before it failed:", *failures, ""]))


def _record(name: str, originals: Sequence[Original], kept: Path) -> None:
    """When and from where it came; not in the result, which is the same wherever the bytes came from."""
    files = [
        {"name": original.file.name, "from": original.fetched.origin, "sha256": original.sha256}
        for original in originals
        if original.fetched
    ]
    time = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(kept / f"{name}.json", {"time": time, "files": files})
