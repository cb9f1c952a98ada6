"""Every weight of the study, as data: `registry.yaml` read into frozen, validated objects (facts/weights.md)."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from pipeline.errors import UserError
from pipeline.fetching.source import Entry, FileName, Source

REGISTRY = Path(__file__).with_name("registry.yaml")

Layout = Literal[
    "alexnet_lpips",
    "dists",
    "edsr",
    "edsr_baseline",
    "niqe",
    "released",
    "rrdb",
    "vgg16_lpips",
    "vgg19",
]
"""The keys and shapes that a weight has (layouts.py)."""
Format = Literal["jax_lpips", "matlab", "ncnn", "npz", "torch", "torch_lpips", "torch_zip"]
"""How the files of an origin are read (convert/)."""
Kind = Literal["package", "official"]


class Packaged(Entry):
    """A file inside an installed package, of which nothing is imported.

    Attributes:
        package: its name and version in requirements.lock.
        path: from the folder that packages are installed in.
        sha256: computed from the package that the lock file pins.
    """

    package: Annotated[str, Field(pattern=r"^[\w.-]+==[\w.]+$")]
    path: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

    @property
    def name(self) -> str:
        """What it is called in records."""
        return self.path

    @property
    def origin(self) -> str:
        """Where it is from, in words."""
        return f"the package {self.package.replace('==', ' ')}"


class Published(Source):
    """A file that its authors publish."""

    name: FileName

    @property
    def origin(self) -> str:
        """Where it is published first."""
        return (*self.urls, *self.by_hand)[0]

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if not (self.urls or self.by_hand):
            raise ValueError("a published file needs `urls` or `by_hand`")
        return self


class Origin(Entry):
    """One way to a weight: files that are needed together, and how they are read.

    Attributes:
        note: what a person should know of it, such as a loss of precision.
    """

    format: Format
    files: Annotated[tuple[Packaged | Published, ...], Field(min_length=1)]
    note: str | None = None

    @property
    def kind(self) -> Kind:
        """Whether everything lies in installed packages, or something must be fetched."""
        return "package" if all(isinstance(file, Packaged) for file in self.files) else "official"


class Weight(Entry):
    """A network trained by others; its `origins` are tried in the order given within a kind."""

    title: str
    licence: str
    facts: str
    layout: Layout
    origins: Annotated[tuple[Origin, ...], Field(min_length=1)]


def weights() -> Mapping[str, Weight]:
    """All of `registry.yaml`. Raises `UserError` when it is not well formed."""
    return _read(REGISTRY)


def weight(name: str) -> Weight:
    """One entry. Raises `UserError` when the registry has none of that name."""
    known = weights()
    if name not in known:
        raise UserError(f"there is no weight {name!r}; {REGISTRY.name} has {', '.join(known)}")
    return known[name]


@cache
def _read(path: Path) -> Mapping[str, Weight]:
    try:
        return TypeAdapter(dict[str, Weight]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: restore it from the repository.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise UserError("\n".join(lines)) from None
