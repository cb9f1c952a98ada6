"""What to tell a person whose download failed everywhere: what to get, with a browser, and where to put it."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.fetching.download import Failure, UnavailableError
from pipeline.fetching.source import Source


def explain(
    title: str,
    failures: Sequence[Failure],
    wanted: Sequence[Source],
    downloads: Path,
    subfolder: str,
    notes: Sequence[str],
) -> UnavailableError:
    """The error for a file that no place gave, with the instructions for a person.

    Args:
        title: what could not be had.
        failures: every place and why it failed.
        wanted: files of which any one will do.
        downloads: the folder that they are looked for in.
        subfolder: their place under a mirror root.
        notes: further lines: what not to take, the licence.
    """
    return UnavailableError(title, failures, instructions(wanted, downloads, subfolder, notes))


def instructions(wanted: Sequence[Source], downloads: Path, subfolder: str, notes: Sequence[str]) -> str:
    """How to finish by hand; see `explain`."""
    lines = ["Get it with a browser, then run the same command again:"]
    for number, file in enumerate(wanted):
        known = f"{file.size}; {file.checksum or 'no checksum published'}"
        lines += [
            f"  {'or ' if number else ''}file: {file.name} ({known})",
            *(f"    from: {place}" for place in dict.fromkeys((*file.by_hand, *file.urls))),
            f"    to:   {downloads / file.name}",
            f"    or:   <mirror root>/{subfolder}/{file.name}, with CRIA_MIRROR=<mirror root>",
        ]
    return "\n".join([*lines, *(f"  {note}" for note in notes)])
