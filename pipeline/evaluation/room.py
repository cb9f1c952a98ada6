"""How many images are in work at once: as many as there is memory for, and fewer once a GPU had too little."""

import sys
from collections.abc import Callable
from threading import Condition
from typing import TypeVar

import torch

from pipeline.errors import UserError

T = TypeVar("T")


class Room:
    """Memory that threads share, counted in pixels of the images that they have in work.

    Args:
        pixels: of all images in work at once. An image that is larger is in work alone.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels, self._taken = pixels, 0
        self._changed = Condition()

    def run(self, pixels: int, label: str, work: Callable[[], T]) -> T:
        """What `work` gives, as soon as there is room for it.

        Where a GPU runs out of memory meanwhile, the room is halved, with a line on standard error, and `work` is
        done again.

        Args:
            pixels: of the image that it works on.
            label: of that image, for the message.
            work: what is to be done; it keeps nothing of a first try.

        Raises `UserError` where even an image that is alone does not fit, and whatever `work` raises.
        """
        while True:
            room = self._enter(pixels)
            try:
                return work()
            except torch.OutOfMemoryError:
                pass  # what the failed try holds is let go with the exception: nothing may be retried in here
            finally:
                self._leave(pixels)
            torch.cuda.empty_cache()
            if room <= pixels:
                raise UserError(
                    f"the GPU has not the memory to score {label} ({pixels:,} pixels). Close what else runs on it "
                    "and run `dvc repro` again: what is restored stays, and scoring then has the GPU for itself. "
                    "Or set run.device to cpu in params.yaml."
                )
            self._halve(room)

    def _enter(self, pixels: int) -> int:
        """Wait for a place; the pixels of the room at that moment."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + pixels <= self._pixels)
            self._taken += pixels
            return self._pixels

    def _leave(self, pixels: int) -> None:
        with self._changed:
            self._taken -= pixels
            self._changed.notify_all()

    def _halve(self, room: int) -> None:
        """Halve what was `room` pixels, once for all images that did not fit into it."""
        with self._changed:
            if self._pixels == room:
                self._pixels = room // 2
                sys.stderr.write("the GPU is out of memory: fewer images are scored at once\n")
