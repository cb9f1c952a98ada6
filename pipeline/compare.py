"""Whether two checkouts have equal results: weights by bytes, images by pixels, scores by their text."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pipeline.errors import UserError
from pipeline.paths import data_root


def _bytes(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def _pixels(file: Path) -> str:
    """An image also says on which machine it was made; that is no part of the result."""
    from pipeline.datasets.images import read_rgb

    pixels = read_rgb(file)
    return sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


RESULTS: Mapping[str, tuple[str, Callable[[Path], str]]] = {
    "models": ("models/**/*.safetensors", _bytes),
    "images": ("restored/**/*.png", _pixels),
    "scores": ("scores/**/*.csv", _bytes),
}
"""What is compared: files under runs/<preset>, and how their content is hashed."""


@dataclass(frozen=True)
class Comparison:
    """Paths of one kind of result: equal ones, different ones, and those in one checkout alone."""

    kind: str
    equal: tuple[str, ...]
    different: tuple[str, ...]
    alone: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether there is nothing but equal results."""
        return not (self.different or self.alone)


def compare(here: Path, there: Path, preset: str) -> Iterator[Comparison]:
    """The results of a preset in two checkouts, by kind.

    Raises `UserError` for a folder without results of that preset.
    """
    roots = [checkout / data_root(preset) for checkout in (here, there)]
    for root in roots:
        if not root.is_dir():
            raise UserError(
                f"{root} is missing: there are no results of the preset {preset}. Run `dvc repro` there."
            )
    for kind, (pattern, content) in RESULTS.items():
        files = [{file.relative_to(root).as_posix(): file for file in root.glob(pattern)} for root in roots]
        both = sorted(files[0].keys() & files[1].keys())
        equal = {name for name in both if content(files[0][name]) == content(files[1][name])}
        yield Comparison(
            kind,
            tuple(sorted(equal)),
            tuple(name for name in both if name not in equal),
            tuple(sorted(files[0].keys() ^ files[1].keys())),
        )
