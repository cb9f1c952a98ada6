"""Whether the state of a training is fit to be kept: all of its numbers are finite."""

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm


def not_finite(state: object) -> list[str]:
    """The tensors of a state that hold NaN or infinite numbers, by their paths, e.g. `discriminator.last.weight`.

    Args:
        state: mappings and sequences, nested in any way, of tensors on any device, and of whatever else, which is
            not looked at.

    One norm over everything answers for a state in order, with one wait for the device; only where it is not finite
    are the tensors looked at one by one (a norm overflows before its numbers do).
    """
    tensors = {path: tensor for path, tensor in _tensors(state, "") if tensor.is_floating_point()}
    if get_total_norm(tensors.values()).isfinite():
        return []
    return [path for path, tensor in tensors.items() if not torch.isfinite(tensor).all()]


def _tensors(value: object, path: str) -> Iterator[tuple[str, Tensor]]:
    """Every tensor below `value`, with the path to it."""
    if isinstance(value, Tensor):
        yield path, value
        return
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    for key, below in inner:
        yield from _tensors(below, f"{path}.{key}" if path else str(key))
