"""What to tell a person whose download failed everywhere: what to get, with a browser, and where to put it."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.datasets.download import UnavailableError
from pipeline.datasets.registry import Collection, Source, mirror_folder


def instructions(name: str, entry: Collection, wanted: Sequence[Source], downloads: Path) -> str:
    """How to finish by hand. `wanted` are the files of which any one will do; `downloads` is the collection's."""
    lines = ["Get it with a browser, then run the same command again:"]
    for number, file in enumerate(wanted):
        known = f"{file.size}; {file.checksum or 'no checksum published'}"
        lines += [
            f"  {'or ' if number else ''}file: {file.name} ({known})",
            *(f"    from: {place}" for place in dict.fromkeys((*file.by_hand, *file.urls))),
            f"    to:   {downloads / file.name}",
            f"    or:   <mirror root>/{mirror_folder(name)}/{file.name}, with CRIA_MIRROR=<mirror root>",
        ]
    if entry.loose:
        lines.append(
            "  The other files of the collection may be missing too: get the whole folder, names unchanged."
        )
    lines += [f"  not:  {refused.title} ({' '.join(refused.urls)}): {refused.why}." for refused in entry.refused]
    lines.append(f"  licence: {entry.licence}. {entry.terms}")
    return "\n".join(lines)


def explain(
    error: UnavailableError, name: str, entry: Collection, wanted: Sequence[Source], downloads: Path
) -> UnavailableError:
    """The same error, with the collection's title and the instructions."""
    return UnavailableError(
        f"{error.name} of {entry.title}", error.failures, instructions(name, entry, wanted, downloads)
    )
