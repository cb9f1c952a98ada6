"""The processes that share one training under `torchrun`; without torchrun there is one, and nothing here costs.

A process takes its slice of the global batch, and all learn what one process would from the whole batch, to float
tolerance: gradients are averaged, and whatever is not linear in the samples is computed from means over all
processes (batch normalisation, E[D(x)] of the relativistic game, criteria read as scalars). All slices have one
size, so that a mean of means is the mean.

Gradients are averaged by one all-reduce of all of them, in place of DistributedDataParallel: a network stays the
module it is (plain keys, compiled or not), a discriminator may be called twice before its backward pass or not at
all, and no hook or buffer broadcast has to be kept in step. Given up is the overlap with the backward pass: 67 MB
a step for the published generator.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

from pipeline.errors import UserError

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""How long a process waits for the others; the longest they are apart is a validation by the main one."""


@contextmanager
def processes(device: str) -> Iterator[None]:
    """Join the processes that `torchrun` started, for the length of the block; none, where it did not.

    Args:
        device: `cpu` (gloo) or `cuda` (NCCL, a GPU a process; flags and state go through gloo).

    Raises `UserError` when there are fewer GPUs here than processes.
    """
    if not dist.is_torchelastic_launched():
        yield
        return
    if device == "cuda":
        _take_gpu(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def active() -> bool:
    """Whether this process is one of a group (of one or more)."""
    return dist.is_initialized()


def count() -> int:
    """How many processes share the training."""
    return dist.get_world_size() if active() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return dist.get_rank() if active() else 0


def is_main() -> bool:
    """Whether this is the process that writes, validates and speaks."""
    return rank() == 0


def main_only(function: Callable[P, None]) -> Callable[P, None]:
    """`function`, done by the main process alone."""

    @wraps(function)
    def done(*args: P.args, **kwargs: P.kwargs) -> None:
        if is_main():
            function(*args, **kwargs)

    return done


def share(total: int, key: str) -> int:
    """How many of `total` samples each process takes. Raises `UserError` naming `key` for no whole number."""
    if total % count():
        raise UserError(
            f"params.yaml: {key} is {total}, which {count()} processes cannot share evenly. Set it to a multiple "
            f"of {count()}, or start another number of processes (torchrun --nproc-per-node)."
        )
    return total // count()


def from_main(make: Callable[[], T]) -> T:
    """What `make` gives in the main process, in all of them (tensors on the CPU)."""
    if not active():
        return make()
    made: list[Any] = [make() if is_main() else None]
    dist.broadcast_object_list(made, src=0)
    found: T = made[0]
    return found


def any_of(flag: bool) -> bool:
    """Whether `flag` is set in any process; all get the same answer, without waiting for a GPU."""
    if not active():
        return flag
    flags = torch.tensor(int(flag))
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


def barrier() -> None:
    """Wait until every process is here."""
    any_of(False)


def mean(x: Tensor) -> Tensor:
    """The mean of `x` over the processes, any shape; gradients flow back to every process's own `x`."""
    if not active():
        return x
    averaged: Tensor = _Mean.apply(x)
    return averaged


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes, in one all-reduce."""
    if not active():
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = _averaged(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view(gradient.shape))


class _Mean(torch.autograd.Function):
    """With losses averaged over the processes, the gradient of a mean is the mean of the gradients."""

    @staticmethod
    def forward(_: FunctionCtx, x: Tensor) -> Tensor:
        return _averaged(x)

    @staticmethod
    def backward(_: FunctionCtx, gradient: Tensor) -> Tensor:
        return _averaged(gradient)


def _averaged(x: Tensor) -> Tensor:
    total = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total / count()


def _take_gpu(local_rank: int) -> None:
    """Make the process's own GPU the one that `cuda` means."""
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"torchrun started process {local_rank + 1} on a machine with {torch.cuda.device_count()} GPUs. Start "
            "at most one process a GPU (--nproc-per-node), or set run.device to cpu in params.yaml."
        )
    torch.cuda.set_device(local_rank)
