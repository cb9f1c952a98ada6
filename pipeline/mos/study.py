"""One opinion study: which patches of which methods raters see, and the key from opaque ids to methods.

It is drawn once and written to opinions/<preset>/<dataset>/study.json, beside the answers.
"""

from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.mos.patches import Place
from pipeline.settings import Dataset
from pipeline.settings.base import Block


class Version(Block):
    """A patch as one method left it: opaque id, method, hash of its pixels."""

    id: str
    method: str
    sha256: str


class Patch(Block):
    """One screen: a place, the opaque id of its LR pixels, and a version for each method."""

    place: Place
    reference: str
    versions: tuple[Version, ...]


class Study(Block):
    """A whole study.

    `seed` is that of the trainings whose images are rated; it decides the places too, and with a rater's id the
    order of patches and versions.

    `asked` is the number of patches wanted; there are fewer where the images had no room for more.
    """

    id: str
    preset: str
    dataset: Dataset
    seed: int
    side: int
    asked: int
    methods: tuple[str, ...]
    patches: tuple[Patch, ...]

    @cached_property
    def key(self) -> dict[str, Version]:
        """The versions by their opaque ids."""
        return {version.id: version for patch in self.patches for version in patch.versions}


def read_study(folder: Path) -> Study | None:
    """The study in an opinions folder, None where there is none. Raises `UserError` when its file is damaged."""
    file = folder / "study.json"
    try:
        return Study.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(
            f"{file} is not the key of an opinion study: {where}: {first['msg']}. Restore it from a copy; without "
            "it the answers beside it mean nothing."
        ) from None
