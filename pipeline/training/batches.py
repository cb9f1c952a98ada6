"""From the crops of a pack to what a step reads: noise added, missing LR made, on the device."""

import torch
from torch import Tensor

from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice
from pipeline.degradations import noise_pool, second_order
from pipeline.streams import Purpose
from pipeline.training.phase import Batch


def batch(pack: Pack, part: Slice, crop: int, device: torch.device) -> Batch:
    """The crops of a slice of a batch, float in [0, 1], on `device`.

    Arguments and errors as of `Pack.crops`.
    """
    crops = pack.crops(part, crop)
    lr, hr, noise, wide = (_levels(part, device) for part in (crops.lr, crops.hr, crops.noise, crops.wide))
    lr = noise_pool.inject(lr, noise)
    if crops.clean:
        streams = [part.stream(Purpose.DEGRADATION, place) for place in crops.clean]
        made = second_order.degrade(wide, pack.scale, streams)
        inner = slice(crops.context // pack.scale, made.shape[-1] - crops.context // pack.scale)
        lr[list(crops.clean)] = made[..., inner, inner]
    return Batch(lr, hr)


def _levels(crops: Tensor, device: torch.device) -> Tensor:
    """uint8 as float in [0, 1]. Bytes travel to the device, not floats, and nothing waits for them."""
    if device.type == "cuda":
        crops = crops.pin_memory()
    return crops.to(device, non_blocking=True).div(255).contiguous()
