"""Which patches raters see: chosen from the LR images alone, so that no method is favoured."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np

from pipeline import streams
from pipeline.datasets.images import Pixels
from pipeline.streams import Purpose

RULE = (
    "Squares of the LR image, half a side apart, are ranked by their mean grey gradient; the more textured half of "
    "each image is drawn from at random without overlap, one patch an image and round, until there are enough. An "
    "image smaller than a patch gives its whole height or width."
)


@dataclass(frozen=True)
class Place:
    """A rectangle of a test image, in pixels of the restored image.

    Attributes:
        image: its id.
        top, left: first row and column.
        height, width: its size.
    """

    image: str
    top: int
    left: int
    height: int
    width: int

    def cut(self, pixels: Pixels) -> Pixels:
        """The rectangle's pixels of a restored image."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]

    def reduced(self, scale: int) -> "Place":
        """The same rectangle in pixels of the LR image."""
        sides = (length // scale for length in (self.top, self.left, self.height, self.width))
        return Place(self.image, *sides)

    def overlaps(self, other: "Place") -> bool:
        """Whether the two, of one image, share a pixel."""
        apart = (
            self.top + self.height <= other.top
            or other.top + other.height <= self.top
            or self.left + self.width <= other.left
            or other.left + other.width <= self.left
        )
        return not apart


def choose_places(images: Mapping[str, Pixels], scale: int, side: int, count: int, seed: int) -> list[Place]:
    """At most `count` places by `RULE`; fewer where the images have no room for more.

    Args:
        images: the LR images by id, uint8 (height, width, 3).
        scale: of the restored images to these.
        side: of a patch in pixels of the restored image, a multiple of `scale`.
        count: how many are wanted.
        seed: equal seeds give equal places.
    """
    queues = []
    for name in sorted(images):
        squares = _textured(name, images[name], scale, side // scale)
        streams.generator(seed, Purpose.MOS_PATCHES, name).shuffle(squares)
        queues.append(_apart(squares))
    streams.generator(seed, Purpose.MOS_ORDER).shuffle(queues)
    places = (place for turn in zip_longest(*queues) for place in turn if place)
    return list(islice(places, count))


def _textured(name: str, lr: Pixels, scale: int, side: int) -> list[Place]:
    """The more textured half of an image's squares of `side` LR pixels."""
    down, across = np.gradient(lr.mean(axis=2, dtype=np.float32)) if min(lr.shape[:2]) > 1 else (0, 0)
    texture = np.broadcast_to(np.hypot(down, across), lr.shape[:2])
    height, width = (min(side, length) for length in lr.shape[:2])
    squares = [
        Place(name, top, left, height, width)
        for top in _starts(lr.shape[0], height)
        for left in _starts(lr.shape[1], width)
    ]
    squares.sort(key=lambda square: -float(texture[square.top :, square.left :][:height, :width].mean()))
    best = squares[: (len(squares) + 1) // 2]
    return [Place(name, square.top * scale, square.left * scale, height * scale, width * scale) for square in best]


def _starts(length: int, side: int) -> range:
    return range(0, length - side + 1, max(1, side // 2))


def _apart(places: Iterable[Place]) -> Iterator[Place]:
    """Those that overlap none before them."""
    taken: list[Place] = []
    for place in places:
        if not any(place.overlaps(other) for other in taken):
            taken.append(place)
            yield place
