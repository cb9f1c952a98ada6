"""How each trained row is trained: one file per recipe, whose `PHASES` are its phases by name, in order."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pipeline.training.phase import Phase


def phases_of(recipe: str) -> Mapping[str, type[Phase[Any]]]:
    """The phases of the recipe in the module of that name here."""
    found: Mapping[str, type[Phase[Any]]] = import_module(f"{__name__}.{recipe}").PHASES
    return found
