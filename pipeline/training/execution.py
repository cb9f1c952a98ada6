"""How the networks are executed: the part of `run` in params.yaml that belongs to the device, not to the method."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import Trunk
from pipeline.settings import Run
from pipeline.training.phase import Execute

P = ParamSpec("P")
T = TypeVar("T")
Network = TypeVar("Network", bound=nn.Module)


def configure(run: Run) -> None:
    """Settings of the whole process: CPU threads, algorithms with one result, and float32 that is float32."""
    torch.set_num_threads(run.threads)
    torch.set_deterministic_debug_mode("warn")
    if run.compile:  # the same for compiled networks; importing what compiles takes as long as importing torch
        torch.use_deterministic_algorithms(True, warn_only=True)
    # By default cuDNN convolves float32 with the 10 bits of TF32 (facts/ecosystem.md 4.4: off, as published).
    torch.backends.cudnn.allow_tf32 = run.precision != "fp32"


def placed(network: Network, run: Run, device: torch.device) -> Network:
    """`network` on the device, in the run's memory layout, keeping what activations the run says; keys stay."""
    network.to(device)
    for part in network.modules():
        if isinstance(part, Trunk):
            part.recompute = run.recompute
    if run.channels_last:
        network.to(memory_format=torch.channels_last)
    return network


def execution(run: Run, device: torch.device) -> Execute:
    """How a phase calls its networks under `run`."""

    def execute(forward: Callable[..., Any], *, compiled: bool = False) -> Callable[..., Any]:
        # A compiled function shares the network's weights and leaves its keys alone.
        called = torch.compile(forward, dynamic=False) if compiled and run.compile else forward
        lowered = in_precision(called, run, device)
        return lambda *args, **kwargs: lowered(*args, **kwargs)

    return execute


@contextmanager
def room(preset: str, block: str) -> Iterator[None]:
    """Turn a lack of memory in a training of `<preset>.<block>` into a `UserError` that says what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # On a CPU torch has no error of its own for it.
        lacking = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not lacking:
            raise
        raise UserError(
            f"no memory is left for a step ({str(error).partition(chr(10))[0]}). In params.yaml set "
            f"{preset}.run.recompute to true, lower {preset}.{block}.batch or .crop, or share the batch among GPUs "
            f"({preset}.run.processes). What was trained so far is kept."
        ) from None


def in_precision(forward: Callable[P, T], run: Run, device: torch.device) -> Callable[P, T]:
    """`forward` as it is for `precision: fp32`; for `bf16` under autocast, with float32 results.

    Weights, averages and losses stay float32. bf16 has the range of float32, so that no gradient has to be scaled
    (facts/ecosystem.md 4.4). The perceptual features are lowered too, which that section advises against: they are
    most of a step, and whoever needs them in float32 trains in fp32.
    """
    if run.precision == "fp32":
        return forward

    def lowered(*args: P.args, **kwargs: P.kwargs) -> T:
        with torch.autocast(device.type, torch.bfloat16):
            results = forward(*args, **kwargs)
        return cast(T, _float32(results))

    return lowered


def _float32(results: object) -> object:
    """Logits, a generator's parts or features by layer, as float32."""
    if isinstance(results, Parts):
        return Parts._make(None if part is None else part.float() for part in results)
    if isinstance(results, dict):
        return {layer: features.float() for layer, features in results.items()}
    return results.float() if isinstance(results, Tensor) else results
