"""Where the images of a dataset come from: made here (`standin`, `ntire_like`) or fetched (`obtain`)."""

import tempfile
from pathlib import Path

from pipeline.datasets.obtain import obtain
from pipeline.datasets.registry import collection
from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.settings import Composition


def fetch(composition: Composition, seed: int, mirror: str | None, downloads: Path, folder: Path) -> None:
    """Fill an empty `folder` with a dataset's collections, each in a folder of its own, in its official layout.

    Args:
        seed: of what is made here.
        mirror: a folder or URL that is tried before the official sources.
        downloads: where archives stay.

    Raises `UserError` when a collection cannot be had, saying what to do.
    """
    for name in composition.collections:
        place = folder / name
        place.mkdir(parents=True)
        if composition.standin:
            from pipeline.datasets import standins  # imports torch, which what is fetched does not need

            standins.write(composition, name, seed, place)
        elif origin := collection(name).made_of:
            _made(name, origin, composition, seed, mirror, downloads, place)
        else:
            obtain(name, mirror, downloads, place)


def _made(
    name: str, origin: str, composition: Composition, seed: int, mirror: str | None, downloads: Path, folder: Path
) -> None:
    """NTIRE-like images of another collection's photographs, the one collection that is made of another."""
    from pipeline.datasets import ntire_like

    if composition.recipe is None:
        raise UserError("params.yaml: ntire_like needs the dataset's `recipe`: its noise lies on the test images")
    with tempfile.TemporaryDirectory(dir=folder.parent) as photographs:
        obtain(origin, mirror, downloads, Path(photographs))
        ntire_like.write(Path(photographs), composition.recipe, seed, folder)
    made = {"collection": name, "made_of": origin, "seed": seed, "recipe": composition.recipe.model_dump()}
    entry = collection(name)
    write_json(
        folder / "provenance.json", made | {"title": entry.title, "licence": entry.licence, "terms": entry.terms}
    )
