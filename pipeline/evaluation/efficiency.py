"""What the networks of Table VII cost: parameters and MACs counted, time measured side by side.

A round times every network once, on one LR image; the first one changes from round to round, so that none always
has the same place. Ratios are taken within a round, where a busy machine slows all alike.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline import streams
from pipeline.environment import device_name
from pipeline.files import whole_folder, write_json
from pipeline.networks import build, parameter_count
from pipeline.networks.edsr import EDSR
from pipeline.progress import progress
from pipeline.settings import Configuration, Efficiency, Network
from pipeline.streams import Purpose

SCALE = 4
PUBLISHED = Network(layout="paper", features=64, blocks=23, growth=32, branch_blocks=3)
"""The networks as published (facts/methods.md 1.1, 2.1)."""
RELEASED = PUBLISHED.model_copy(update={"layout": "released"})
PLAIN = Configuration(branches=False, mask=False, align=False, unif=False)
CRIA = Configuration(branches=True, mask=True, align=False, unif=False)
"""The networks of the configurations `plain` and `full`: the comparative terms change the training only."""
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}

Build = Callable[[], nn.Module]


@dataclass(frozen=True)
class Cost:
    """What a network costs for one image.

    Attributes:
        parameters: their number.
        macs: multiply-accumulate operations of its convolutions.
        peak_bytes: the most CUDA memory at once, weights included; None on a CPU.
    """

    parameters: int
    macs: int
    peak_bytes: int | None


def networks(size: Network) -> dict[str, Build]:
    """Every network of the table that can be built, by name; `*_here` are of the preset's `size`."""
    published = {
        "esrgan": lambda: build(PLAIN.network(PUBLISHED), SCALE),
        "full": lambda: build(CRIA.network(PUBLISHED), SCALE),
        "released": lambda: build(CRIA.network(RELEASED), SCALE),
        "edsr": lambda: EDSR(features=256, blocks=32),
        "edsr_baseline": lambda: EDSR(features=64, blocks=16),
    }
    if size in (PUBLISHED, RELEASED):
        return published
    return published | {
        "plain_here": lambda: build(PLAIN.network(size), SCALE),
        "full_here": lambda: build(CRIA.network(size), SCALE),
    }


def macs(build: Build, height: int, width: int) -> int:
    """Multiply-accumulates of one LR image of that size; counted without computing anything."""
    with torch.device("meta"):
        network = build()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, height, width))
    return int(counter.get_total_flops()) // 2


def measure(
    builds: Mapping[str, Build], block: Efficiency, device: torch.device, folder: Path, threads: int
) -> None:
    """Write `folder`/efficiency.json, costs and circumstances, and rounds.csv, seconds by round and network.

    Args:
        builds: networks by name.
        block: the size of the image, the number of rounds, the precision.
        threads: of the CPU.
    """
    torch.set_num_threads(threads)
    stream = streams.torch_generator("cpu", 0, Purpose.EFFICIENCY_IMAGE)
    lr = torch.rand(1, 3, block.height, block.width, generator=stream).to(device)
    with torch.inference_mode(), _precision(block, device), _cudnn():
        ready = {name: build().eval() for name, build in builds.items()}
        costs = {
            name: Cost(
                parameter_count(network),
                macs(builds[name], block.height, block.width),
                _peak_bytes(network, lr) if device.type == "cuda" else None,
            )
            for name, network in ready.items()
        }
        seconds = _rounds({name: network.to(device) for name, network in ready.items()}, lr, block)
    with whole_folder(folder) as temporary:
        seconds.to_csv(temporary / "rounds.csv", index_label="round", lineterminator="\n")
        circumstances = {
            "device": device.type,
            "device_name": device_name(device.type),
            "threads": threads,
            "torch": torch.__version__,
        }
        image = block.model_dump(mode="json") | {"scale": SCALE}
        networks = {name: vars(cost) for name, cost in costs.items()}
        write_json(temporary / "efficiency.json", {**circumstances, **image, "networks": networks})


def _rounds(ready: Mapping[str, nn.Module], lr: Tensor, block: Efficiency) -> pd.DataFrame:
    """Seconds, a row a round (from 1), a column a network. Rounds that warm up are thrown away."""
    names, rows = list(ready), []
    with progress("efficiency", (block.warm_up + block.rounds) * len(names)) as meter:
        for turn in range(block.warm_up + block.rounds):
            first = turn % len(names)
            row = {}
            for name in (*names[first:], *names[:first]):
                row[name] = _seconds(ready[name], lr)
                meter.update()
            rows.append(row)
    return pd.DataFrame(rows[block.warm_up :], columns=names, index=range(1, block.rounds + 1))


def _seconds(network: nn.Module, lr: Tensor) -> float:
    """Of one forward pass, until the device has finished it."""
    _synchronise(lr.device)
    began = time.perf_counter()
    network(lr)
    _synchronise(lr.device)
    return time.perf_counter() - began


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_bytes(network: nn.Module, lr: Tensor) -> int:
    """CUDA memory of one forward pass with no other network on the device."""
    network.to(lr.device)
    torch.cuda.reset_peak_memory_stats(lr.device)
    network(lr)
    peak = torch.cuda.max_memory_allocated(lr.device)
    network.cpu()
    return int(peak)


def _precision(block: Efficiency, device: torch.device) -> AbstractContextManager[None]:
    """bf16 as when restoring: the convolutions under autocast, weights in float32."""
    return torch.autocast(device.type, PRECISIONS["bf16"], enabled=block.precision == "bf16")


def _cudnn() -> AbstractContextManager[None]:
    """The fastest algorithms, chosen in the warm-up; float32 that is float32 (no TF32)."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=True, deterministic=False, allow_tf32=False
    )
    return flags
