"""Where the values of a network's map lie in the image that it was computed from."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import nn


class Grid(NamedTuple):
    """Value k of a map, along either axis, is centred at pixel `first + k * step`; pixel 0 has its centre at 0.

    The size of the image does not matter: zero padding at its edges moves no centre.
    """

    step: int
    first: float


PIXELS = Grid(step=1, first=0.0)
"""A value for each pixel."""


def receptive_fields(network: nn.Module) -> Grid:
    """The centres of the receptive fields of a chain of square convolutions, given in the order of their use."""
    return _centres(layer for layer in network.modules() if isinstance(layer, nn.Conv2d))


def _centres(convolutions: Iterable[nn.Conv2d]) -> Grid:
    step, first = PIXELS
    for layer in convolutions:
        # The first window starts `padding` values before the map and reaches over `kernel` of them.
        first += step * ((layer.kernel_size[0] - 1) / 2 - int(layer.padding[0]))
        step *= layer.stride[0]
    return Grid(step, first)
