"""What lies beyond an image's border: the image again, mirrored with its edge pixel repeated."""

import torch
from torch import Tensor


def mirrored(positions: Tensor, length: int) -> Tensor:
    """Positions on the endless line ... c b a | a b c | c b a ... as positions in the line a b c of `length`."""
    positions = positions % (2 * length)
    return torch.where(positions < length, positions, 2 * length - 1 - positions)


def mirror(images: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Continue images along an axis by `before` and `after` pixels, each of any size (0 or more)."""
    length = images.shape[axis]
    positions = mirrored(torch.arange(-before, length + after, device=images.device), length)
    return images.index_select(axis, positions)
