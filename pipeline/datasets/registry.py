"""The published collections, as data: `registry.yaml` read into frozen, validated objects.

`collection("realsr")` gives one. A collection is published either as archives (`files`) or as single files
(`loose`), whose checksums lie in `checksums/`. Sources: facts/datasets.md 1 to 9.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import quote

import yaml
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from pipeline.errors import UserError
from pipeline.fetching.source import Entry, FileName, Source, Url

REGISTRY = Path(__file__).with_name("registry.yaml")

Side = Literal["hr", "lr"]


def _names_an_id(pattern: str) -> str:
    if "id" not in re.compile(pattern).groupindex:
        raise ValueError("the pattern lacks the group (?P<id>...) that pairs HR with LR")
    return pattern


Pattern = Annotated[str, AfterValidator(_names_an_id)]


class Archive(Source):
    """A zip or tar; `alternatives` are other archives with the same images."""

    name: FileName
    alternatives: tuple["Archive", ...] = ()


class Loose(Entry):
    """Files published one by one: `base` + the path of every line of `checksums`."""

    base: Url
    checksums: FileName
    by_hand: tuple[str, ...] = ()


class Refused(Entry):
    """A published archive that looks right and is wrong."""

    title: str
    why: str
    urls: tuple[Url, ...]


class Place(Entry):
    """Where the HR or the LR images of a part are: the end of their paths, and what one looks like."""

    pattern: Pattern
    example: str

    def match(self, path: str) -> str | None:
        """The id in a path (with `/`), or None. The case of letters does not matter."""
        found = re.search(rf"(?:^|/){self.pattern}$", path, re.IGNORECASE)
        return found["id"] if found else None


class Part(Entry):
    """An official division. `count` items, inferred where not `certain`; HR is `scale` times LR in size.

    `test_only`: somebody's official test images, DIV2K 0801 to 0900 among them, or what such are made of; never
    trained on.
    """

    count: Annotated[int, Field(ge=1)]
    certain: bool
    test_only: bool = False
    scale: int | None = None
    hr: Place | None = None
    lr: Place | None = None

    @property
    def places(self) -> Mapping[Side, Place]:
        """The sides it has."""
        both: dict[Side, Place | None] = {"hr": self.hr, "lr": self.lr}
        return {side: place for side, place in both.items() if place}

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if not self.places:
            raise ValueError("a part needs `hr`, `lr` or both")
        return self


class Collection(Entry):
    """Something published that can be fetched, or that is made of another collection (`made_of`)."""

    title: str
    licence: str
    terms: str
    source: str
    mirror: str | None = None
    files: tuple[Archive, ...] = ()
    loose: Loose | None = None
    made_of: str | None = None
    refused: tuple[Refused, ...] = ()
    parts: Mapping[str, Part]

    @model_validator(mode="after")
    def _comes_one_way(self) -> Self:
        if [bool(self.files), bool(self.loose), bool(self.made_of)].count(True) != 1:
            raise ValueError("a collection needs one of `files`, `loose` and `made_of`")
        return self

    def wants(self, path: str) -> bool:
        """Whether a path (with `/`) is that of an image of some part; not what archives and desktops leave."""
        return not is_litter(path) and any(
            place.match(path) is not None for part in self.parts.values() for place in part.places.values()
        )


def is_litter(path: str) -> bool:
    """Whether a path (with `/`) is something that archives and desktops leave behind: __MACOSX, dot files."""
    return any(part == "__MACOSX" or part.startswith(".") for part in path.split("/"))


def collections() -> Mapping[str, Collection]:
    """All of `registry.yaml`. Raises `UserError` when it is not well formed."""
    return _read(REGISTRY)


def collection(name: str) -> Collection:
    """One collection. Raises `UserError` when the registry has none of that name."""
    known = collections()
    if name not in known:
        raise UserError(f"there is no collection {name!r}; {REGISTRY.name} has {', '.join(known)}")
    return known[name]


def mirror_folder(name: str) -> str:
    """The collection's subfolder under a mirror root."""
    return collection(name).mirror or name


def loose_files(name: str) -> list[Source]:
    """The files of a collection that is published one by one, each pinned by its sha256; [] for archives."""
    loose = collection(name).loose
    if loose is None:
        return []
    lines = (REGISTRY.parent / "checksums" / loose.checksums).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ", 1) for line in lines]
    return [
        Source(
            name=path,
            bytes=None,
            checksum=f"sha256:{digest}",
            urls=(loose.base + quote(path),),
            by_hand=loose.by_hand,
        )
        for digest, path in pairs
    ]


@cache
def _read(path: Path) -> Mapping[str, Collection]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, Collection]).validate_python(values)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: restore it from the repository.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise UserError("\n".join(lines)) from None
