"""Photo after photo: a broken one is named and the others go on; what stops all of them is said once."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import whole_file
from pipeline.upscale.models import Model
from pipeline.upscale.photo import PhotoError, check_fits, read_photo, write_photo
from pipeline.upscale.places import Place
from pipeline.upscale.tiled import OVERLAP, upscaled


def check_tile(tile: int) -> None:
    """Raise `UserError` for a side of which the overlap leaves nothing."""
    if 0 < tile <= 2 * OVERLAP:
        raise UserError(
            f"--tile {tile} keeps nothing inside an overlap of {OVERLAP} px a side. Take {4 * OVERLAP} or more, "
            "or 0 for whole photos."
        )


def to_make(places: Sequence[Place], *, force: bool) -> list[Place]:
    """Those whose file is not there yet, or all with `force`; says how many others there are.

    Raises `UserError` for a single photo whose file is there.
    """
    left = [place for place in places if force or place.refusal or not place.target.exists()]
    if len(places) == 1 and not left:
        raise UserError(f"{places[0].target} exists. Give --force to replace it, or name another file.")
    if there := len(places) - len(left):
        sys.stderr.write(f"note: {there} of {len(places)} exist already and stay; --force replaces them\n")
    return left


def upscale(places: Sequence[Place], model: Model, tile: int, quality: int) -> int:
    """Write the file of every place, each whole or not at all, and its name to standard output.

    Photos that cannot be upscaled get a line each on standard error; returns how many. Raises `UserError` when
    a file cannot be written: the next could not either.
    """
    failed = 0
    for place in places:
        try:
            _one(place, model, tile, quality)
            sys.stdout.write(f"{place.target}\n")
            sys.stdout.flush()
        except PhotoError as error:
            sys.stderr.write(f"error: {error}\n")
            failed += 1
    if failed and len(places) > 1:
        sys.stderr.write(f"error: {failed} of {len(places)} photos were not upscaled, for the reasons above\n")
    return failed


def _one(place: Place, model: Model, tile: int, quality: int) -> None:
    if place.refusal:
        raise PhotoError(place.refusal)
    source, target = place.source, place.target
    photo = read_photo(source)
    check_fits(photo, source, target, model.scale)
    try:
        with (
            whole_file(target) as aside,
            aside.open("wb") as stream,
        ):  # before the work: a place that refuses says so
            with _enough_memory(source):
                result = upscaled(photo.image, model.method, model.scale, tile, label=source.name)
            write_photo(stream, result, photo, target.suffix, quality)
    except OSError as error:
        why = error.strerror or error  # Pillow's own JPEG encoder has no more than a number
        raise UserError(f"{target}: cannot be written ({why}). Nothing is half-written.") from None


@contextmanager
def _enough_memory(source: Path) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):  # as torch says it on a CPU
            raise
        raise PhotoError(f"{source}: not enough memory. Give --tile a smaller number, or cut the photo.") from None
