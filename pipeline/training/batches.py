"""From the crops of a pack to what a step reads: noise added, missing LR made, on the device."""

from collections.abc import Collection

import torch
from torch import Tensor

from pipeline.datasets.packs import Pack, context
from pipeline.datasets.sampling import Slice
from pipeline.degradations import noise_pool, second_order
from pipeline.settings import Kind
from pipeline.streams import Purpose
from pipeline.training.phase import Batch


def batch(pack: Pack, part: Slice, crop: int, reads: Collection[Kind], device: torch.device) -> Batch:
    """The crops of a slice of a batch, of the kinds that are read, float in [0, 1], on `device`.

    Other arguments and errors as of `Pack.pairs`.
    """
    crops: dict[str, Tensor] = {}
    if "pairs" in reads:
        crops["lr"], crops["hr"] = _pairs(pack, part, crop, device)
    if "clean" in reads:
        crops["clean"] = _levels(pack.clean(part, crop), device)
    if "real" in reads:
        crops["real"] = _levels(pack.real(part, crop), device)
    return Batch(crops, context(crop, pack.scale) if "clean" in reads else 0)


def _pairs(pack: Pack, part: Slice, crop: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """LR and HR."""
    crops = pack.pairs(part, crop)
    lr, hr, noise, wide = (_levels(part, device) for part in (crops.lr, crops.hr, crops.noise, crops.wide))
    lr = noise_pool.inject(lr, noise)
    if crops.degraded:
        streams = [part.stream(Purpose.DEGRADATION, place) for place in crops.degraded]
        made = second_order.degrade(wide, pack.scale, streams)
        inner = slice(crops.context // pack.scale, made.shape[-1] - crops.context // pack.scale)
        lr[list(crops.degraded)] = made[..., inner, inner]
    return lr, hr


def _levels(crops: Tensor, device: torch.device) -> Tensor:
    """uint8 as float in [0, 1]. Bytes travel to the device, not floats, and nothing waits for them."""
    if device.type == "cuda":
        crops = crops.pin_memory()
    return crops.to(device, non_blocking=True).div(255).contiguous()
