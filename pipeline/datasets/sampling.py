"""Which crops a step of a training reads.

A crop is a function of (seed, phase, iteration, k) alone, k being its place in the global batch, so that a run does
not depend on how many processes share a batch or on when it was resumed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline import streams
from pipeline.datasets.packing import Spot
from pipeline.streams import Purpose


@dataclass(frozen=True)
class Slice:
    """One process's slice of the batch of an iteration: samples k = first .. first + count - 1.

    Attributes:
        seed: of the run.
        phase: of the training, by name: two phases of equal seed read different crops.
        iteration: of the phase, from 0.
        first: place of the first sample in the global batch.
        count: how many samples.
    """

    seed: int
    phase: str
    iteration: int
    first: int
    count: int

    def stream(self, purpose: Purpose, place: int) -> np.random.Generator:
        """What is drawn for one purpose and the sample at `place`, 0 .. count - 1, of the slice."""
        return streams.generator(self.seed, purpose, self.phase, self.iteration, self.first + place)


@dataclass(frozen=True)
class Square:
    """Where a crop lies, `top`, `left` and `side` in LR pixels, and which of the eight symmetries of a square it is
    given: flipped left to right or not, then turned by so many quarter turns counter-clockwise."""

    top: int
    left: int
    side: int
    turns: int
    flip: bool


@dataclass(frozen=True)
class Images:
    """The training images that crops of pairs are drawn from.

    Attributes:
        spots: all of them.
        real_share: the probability that a crop is of a real pair, in (0, 1), where there are both real pairs and
            clean images; None gives every image the same probability.
    """

    spots: tuple[Spot, ...]
    real_share: float | None

    def draw(self, rng: np.random.Generator) -> Spot:
        """The image of a crop."""
        spots = self.spots
        if self.real_share is not None:
            spots = self._real if rng.random() < self.real_share else self._clean
        return spots[rng.integers(len(spots))]

    @cached_property
    def _real(self) -> tuple[Spot, ...]:
        return tuple(spot for spot in self.spots if spot.real)

    @cached_property
    def _clean(self) -> tuple[Spot, ...]:
        return tuple(spot for spot in self.spots if not spot.real)


def draw_square(spot: Spot, side: int, rng: np.random.Generator) -> Square:
    """A square of `side` LR pixels inside an image."""
    top, left = rng.integers([spot.height - side + 1, spot.width - side + 1])
    return Square(int(top), int(left), side, turns=int(rng.integers(4)), flip=bool(rng.integers(2)))
