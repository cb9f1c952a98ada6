"""Progress of long work: a bar on a terminal, a plain line now and then in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm

LOG_SECONDS = 20.0
"""At most one line per this many seconds goes to a log."""


class Meter(Protocol):
    """What the work calls as it goes on."""

    def update(self, steps: int = 1) -> object:
        """`steps` more are done."""


class _LogLines:
    """Lines such as `train plain: 40/80, 3.1/s, 13 s left` on standard error."""

    def __init__(self, label: str, total: int, done: int) -> None:
        self.label, self.total, self.done, self.first = label, total, done, done
        self.began = self.last = time.monotonic()

    def update(self, steps: int = 1) -> None:
        self.done += steps
        now = time.monotonic()
        if self.done < self.total and now - self.last < LOG_SECONDS:
            return
        self.last = now
        rate = (self.done - self.first) / max(now - self.began, 1e-6)
        left = (self.total - self.done) / rate
        sys.stderr.write(f"{self.label}: {self.done}/{self.total}, {rate:.3g}/s, {left:.0f} s left\n")
        sys.stderr.flush()


@contextmanager
def progress(label: str, total: int, done: int = 0, *, shown: bool = True) -> Iterator[Meter]:
    """A meter for `total` steps of which `done` are done already; not `shown`, it counts in silence."""
    if not shown or sys.stderr.isatty():
        with tqdm(total=total, initial=done, desc=label, dynamic_ncols=True, disable=not shown) as bar:
            yield bar
    else:
        yield _LogLines(label, total, done)
