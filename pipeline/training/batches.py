"""From the crops of a pack to what a step reads: noise added, missing LR made, on the device."""

import torch
from torch import Tensor

from pipeline.datasets.packs import Pack
from pipeline.degradations import noise_pool, second_order
from pipeline.training.phase import Batch


def batch(pack: Pack, seed: int, iteration: int, first: int, count: int, crop: int, device: torch.device) -> Batch:
    """The crops of an iteration, float in [0, 1], on `device`.

    Arguments as of `Pack.crops`; every sample depends on (seed, iteration, its place in the global batch) alone.
    """
    crops = pack.crops(seed, iteration, first, count, crop)
    lr, hr, noise, wide = (_levels(part, device) for part in (crops.lr, crops.hr, crops.noise, crops.wide))
    lr = noise_pool.inject(lr, noise)
    if crops.clean:
        seeds = [[seed, iteration, first + place] for place in crops.clean]
        made = second_order.degrade(second_order.sharpen(wide), pack.scale, seeds)
        inner = slice(crops.context // pack.scale, made.shape[-1] - crops.context // pack.scale)
        lr[list(crops.clean)] = made[..., inner, inner]
    return Batch(lr, hr)


def _levels(crops: Tensor, device: torch.device) -> Tensor:
    """uint8 as float in [0, 1]. Bytes travel to the device, not floats, and nothing waits for them."""
    if device.type == "cuda":
        crops = crops.pin_memory()
    return crops.to(device, non_blocking=True).div(255).contiguous()
