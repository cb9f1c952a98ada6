"""Where the images of a dataset come from: made here (`standin`, `ntire_like`, `camerasr_bicubic`) or fetched."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.datasets.obtain import obtain
from pipeline.datasets.registry import collection
from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.settings import Composition, Recipe


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
            _made(name, composition, origin, seed, mirror, downloads, place)
        else:
            obtain(name, mirror, downloads, place)


def _made(
    name: str, composition: Composition, origin: str, seed: int, mirror: str | None, downloads: Path, folder: Path
) -> None:
    """A collection that is made of another one's photographs."""
    entry, recipe = collection(name), composition.recipe
    make = _maker(name, recipe, seed)
    with tempfile.TemporaryDirectory(dir=folder.parent) as photographs:
        obtain(origin, mirror, downloads, Path(photographs))
        make(Path(photographs), folder)
    made = {"collection": name, "made_of": origin, "seed": seed, "recipe": recipe.model_dump() if recipe else None}
    terms = {"title": entry.title, "licence": entry.licence, "terms": entry.terms}
    write_json(folder / "provenance.json", made | terms)


def _maker(name: str, recipe: Recipe | None, seed: int) -> Callable[[Path, Path], None]:
    """What makes the collection `name`: from the folder with its photographs into an empty one."""
    from pipeline.datasets import camerasr_bicubic, ntire_like

    if name == "camerasr_bicubic":
        return camerasr_bicubic.write
    if recipe is None:
        raise UserError("params.yaml: ntire_like needs the dataset's `recipe`: its noise lies on the test images")
    return partial(ntire_like.write, recipe, seed)
