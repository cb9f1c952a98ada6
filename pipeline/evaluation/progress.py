"""Progress of work on a list: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
LINES = 10  # at most about this many lines in a log


def progress(items: Sequence[Item], title: str, unit: str = "image") -> Iterator[Item]:
    """Yield `items`, saying on standard error how many are done, the rate and the time left."""
    if sys.stderr.isatty():
        yield from tqdm(items, desc=title, unit=unit)
        return
    start, total = time.monotonic(), len(items)
    every = max(1, total // LINES)
    for done, item in enumerate(items, start=1):
        yield item
        if done % every == 0 or done == total:
            rate = done / max(time.monotonic() - start, 1e-9)
            left = (total - done) / rate
            sys.stderr.write(f"{title}: {done}/{total}, {rate:.1f} {unit}/s, {left:.0f} s left\n")
