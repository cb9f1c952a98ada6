"""The memory that a piece of work needs at its peak, over what was in use before it."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import torch

RESET = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
MIB = 2**20


def peak_mib(work: Callable[[], object], device: torch.device) -> float | None:
    """MiB of the device's memory, on a CPU of the process's; None where the system does not tell (not Linux)."""
    if device.type == "cuda":
        return _of_cuda(work, device)
    if not RESET.exists():
        work()
        return None
    ctypes.CDLL(None).malloc_trim(0)  # what was freed and kept for later would hide what is taken again
    RESET.write_text("5", encoding="ascii")
    before = _kib("VmRSS")
    work()
    return (_kib("VmHWM") - before) / 1024


def _of_cuda(work: Callable[[], object], device: torch.device) -> float:
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return float(torch.cuda.max_memory_allocated(device) - before) / MIB


def _kib(name: str) -> int:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
