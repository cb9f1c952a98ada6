"""An image as tiles: what a network sees of it at once, and which part of that is kept.

Tiles overlap, and of each the inside is kept, so that every kept pixel has seen at least `overlap` pixels on every
side but where the image ends. With an overlap as wide as the network sees, the joined image is that of the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Along one axis, in LR pixels: the tile sees [start, start + size) and is kept in [first, end)."""

    start: int
    size: int
    first: int
    end: int

    def seen(self) -> slice:
        """Of the LR image."""
        return slice(self.start, self.start + self.size)

    def inside(self, scale: int) -> slice:
        """The kept part, of the tile's SR image."""
        return slice((self.first - self.start) * scale, (self.end - self.start) * scale)

    def kept(self, scale: int) -> slice:
        """The kept part, of the whole SR image."""
        return slice(self.first * scale, self.end * scale)


@dataclass(frozen=True)
class Tile:
    """A part of an image."""

    rows: Span
    columns: Span


def tiles(height: int, width: int, side: int, overlap: int) -> list[Tile]:
    """Tiles of one size whose kept parts are the whole image, each pixel once, row by row.

    Args:
        height: of the LR image, like the rest in LR pixels.
        width: of the LR image.
        side: of a tile; an axis that is no longer is seen whole, and with 0 both are.
        overlap: what a tile sees around its kept part; less than half of `side`.
    """
    return [
        Tile(rows, columns) for rows in _spans(height, side, overlap) for columns in _spans(width, side, overlap)
    ]


def _spans(length: int, side: int, overlap: int) -> Iterator[Span]:
    size = min(side or length, length)
    kept = 0
    while kept < length:
        start = min(max(kept - overlap, 0), length - size)
        end = length if start + size == length else start + size - overlap
        yield Span(start, size, kept, end)
        kept = end
