"""A network as a method: LR images in tiles and batches through it, on its device, in the precision asked for."""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from pipeline.environment import cores
from pipeline.errors import UserError
from pipeline.methods.method import Image
from pipeline.methods.tiles import Tile, tiles
from pipeline.settings import Restoration

Enlarge = Callable[[Tensor], Tensor]
"""LR images B x 3 x h x w in [0, 1] to SR images B x 3 x scale h x scale w around [0, 1]."""

AUTO_PIXELS = 512 * 512
"""LR pixels of a batch on a GPU where its size is left to the method. On a CPU batches are never faster."""
SIDE_BY_SIDE_PIXELS = 256 * 256
"""LR pixels that a CPU has in work at most, where they are several images: an RRDB takes some 30 kB for each."""


class NetworkMethod:
    """Restores by a network; results are clamped and rounded to 8 bit, once.

    On a GPU that has not the memory, batch and then tile are halved for the rest of the run, with a word about it.

    Attributes:
        network: its `architecture` and number of `parameters`.
        how: of the last call: `precision`; `tile`, the side of a tile in LR pixels, 0 for whole images; `batch`,
            how many tiles the network saw at once; `short_of_memory`, whether the tiles are smaller than asked for.
    """

    def __init__(
        self,
        enlarge: Enlarge,
        scale: int,
        restoration: Restoration,
        device: torch.device,
        network: Mapping[str, str | int] | None = None,
    ) -> None:
        self.network: Mapping[str, str | int] = network or {}
        self.enlarge: Enlarge = torch.compile(enlarge) if restoration.compile else enlarge
        self.scale, self.device, self.overlap = scale, device, restoration.overlap
        self.low_precision = restoration.precision == "bf16"
        self.tile, self.batch = restoration.tile, restoration.batch
        self.asked = restoration
        self.how: Mapping[str, str | int | bool] = {}

    def __call__(self, images: Sequence[Image]) -> list[Image]:
        """Restore LR images of one size."""
        if self._one_by_one:
            with ThreadPoolExecutor(len(images)) as pool:
                return [sr for alone in pool.map(lambda image: self._restored([image]), images) for sr in alone]
        while True:
            try:
                return self._restored(images)
            except torch.OutOfMemoryError:
                height, width = images[0].shape[:2]
            self._take_less(height, width)

    def group(self, height: int, width: int) -> int:
        """As many images as make a batch, where an image is one tile; an image of several fills batches alone.

        On a CPU, where each is computed alone, as many as there are cores for and as fit in little memory.
        """
        if self.tile and max(height, width) > self.tile:
            return 1
        if not self._one_by_one:
            return self._batch(height, width)
        return max(1, min(cores() // torch.get_num_threads(), SIDE_BY_SIDE_PIXELS // (height * width)))

    @property
    def _one_by_one(self) -> bool:
        return self.batch == "auto" and self.device.type == "cpu"

    @torch.inference_mode()
    def _restored(self, images: Sequence[Image]) -> list[Image]:
        height, width = images[0].shape[:2]
        restored = [np.empty((height * self.scale, width * self.scale, 3), np.uint8) for _ in images]
        parts = tiles(height, width, self.tile, self.overlap)
        work = [(number, tile) for number in range(len(images)) for tile in parts]
        batch = self._batch(parts[0].rows.size, parts[0].columns.size)
        self.how = {
            "precision": self.asked.precision,
            "tile": self.tile if len(parts) > 1 else 0,
            "batch": min(batch, len(work)),
            "short_of_memory": len(parts) > 1 and self.tile != self.asked.tile,
        }
        for first in range(0, len(work), batch):
            few = work[first : first + batch]
            seen = [images[number][tile.rows.seen(), tile.columns.seen()] for number, tile in few]
            for (number, tile), levels in zip(few, self._levels(np.stack(seen)), strict=True):
                _keep(restored[number], tile, levels, self.scale)
        return restored

    def _batch(self, height: int, width: int) -> int:
        if self.batch != "auto":
            return self.batch
        return 1 if self._one_by_one else max(1, AUTO_PIXELS // (height * width))

    def _levels(self, lr: Image) -> Image:
        """Images B x h x w x 3 through the network. Bytes travel to the device and back, not floats."""
        batch = torch.from_numpy(lr).to(self.device).permute(0, 3, 1, 2).float().div(255).contiguous()
        # By default cuDNN convolves float32 with the 10 bits of TF32, and picks its algorithm by timing.
        exact = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=self.low_precision)
        with exact, torch.autocast(self.device.type, torch.bfloat16, enabled=self.low_precision):
            sr = self.enlarge(batch)
        return to_levels(sr.float())

    def _take_less(self, height: int, width: int) -> None:
        """Halve the batch, or else the tile. Raises `UserError` when there is nothing left to halve."""
        torch.cuda.empty_cache()
        side = min(self.tile or max(height, width), max(height, width))
        batch = self._batch(min(side, height), min(side, width))
        if batch > 1:
            self.batch = batch // 2
            _say(f"batch {self.batch} instead of {batch}")
        elif side // 2 > 2 * self.overlap:
            self.tile = side // 2
            _say(f"tiles of {self.tile} px instead of {side} px")
        else:
            raise UserError(
                f"the GPU has not the memory for a tile of {side} px with an overlap of {self.overlap} px. Close "
                "what else runs on it, or set restore.overlap or run.device (cpu) in params.yaml."
            )


def to_levels(sr: Tensor) -> Image:
    """Images B x 3 x H x W around [0, 1] as uint8 B x H x W x 3, clamped and rounded."""
    levels: Image = sr.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return levels


def _keep(restored: Image, tile: Tile, levels: Image, scale: int) -> None:
    inside = levels[tile.rows.inside(scale), tile.columns.inside(scale)]
    restored[tile.rows.kept(scale), tile.columns.kept(scale)] = inside


def _say(what: str) -> None:
    sys.stderr.write(f"the GPU is out of memory: {what}\n")
