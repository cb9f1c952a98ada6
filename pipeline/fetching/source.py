"""What a published file is, as the registries state it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Checksum = Annotated[
    str, Field(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}|sha256-prefix:[0-9a-f]{8}|git-blob:[0-9a-f]{40})$")
]
"""A digest by its kind; `sha256-prefix` is what torchvision and BasicSR put into file names."""
Url = Annotated[str, Field(pattern=r"^(https?|file)://\S+$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\]+$")]


class Entry(BaseModel):
    """A block of a registry: unknown keys refused, values frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Entry):
    """One file to fetch, and where from.

    Attributes:
        name: what it is called in the downloads folder and under a mirror root; may hold folders.
        bytes: its exact size; None where not published.
        about: a rounded size, for messages.
        checksum: a digest with its kind before it, `md5:...`; None where none is published.
        urls: places that hold these very bytes, best first.
        by_hand: where a person gets it with a browser.
    """

    name: str
    bytes: int | None
    about: str | None = None
    checksum: Checksum | None
    urls: tuple[Url, ...]
    by_hand: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """The size, in words."""
        return f"{self.bytes} bytes" if self.bytes else self.about or "size not published"
