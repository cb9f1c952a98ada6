"""What a device can do at most, measured: the rate of a large matrix product and of a large copy."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline import streams
from pipeline.streams import Purpose

SIDES = {"cpu": 1024, "cuda": 8192}
"""Of the square matrices: large enough for the full rate, small enough for a second."""
REPEATS = 5


def finished(device: torch.device) -> None:
    """Return when the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def clock(device: torch.device) -> float:
    """Seconds: on a CPU, which others may share, of the processor; on a GPU, when it is done, of passing time."""
    finished(device)
    return time.perf_counter() if device.type == "cuda" else time.process_time()


def matmul_flops(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Floating-point operations a second of a product of two matrices."""
    side = SIDES[device.type]
    stream = streams.torch_generator(device, 0, Purpose.BENCHMARK)
    left, right = (torch.rand(side, side, generator=stream, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / _best(lambda: left @ right, device)


def copy_bytes(device: torch.device) -> float:
    """Bytes a second, read and written, of a copy of 256 MiB."""
    source = torch.zeros(2**26, device=device)
    goal = torch.empty_like(source)
    return 2 * source.nbytes / _best(lambda: goal.copy_(source), device)


def operations(work: Callable[[], object]) -> int:
    """Floating-point operations of the products and convolutions that `work` does, both passes."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())


def _best(work: Callable[[], object], device: torch.device) -> float:
    """The least seconds of some repetitions, after one that does not count."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = clock(device)
        work()
        seconds.append(clock(device) - start)
    return min(seconds)
