"""The training step: ESRGAN's as it is usually written, Cria-CL's naively, and both as the study takes them."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from benchmarks.ceilings import clock, copy_bytes, matmul_flops, operations
from benchmarks.memory import peak_mib
from benchmarks.pairs import write_folder, write_pack
from benchmarks.rounds import Result, in_turns, machine
from benchmarks.usual_step import NaiveCria, UsualEsrgan
from pipeline import settings, streams
from pipeline.datasets.packs import Pack
from pipeline.errors import UserError
from pipeline.networks.vgg import VGGFeatures
from pipeline.recipes.cria import Cria
from pipeline.settings import VGG128_CROP, Discriminator
from pipeline.streams import Purpose
from pipeline.training.experiment import Experiment
from pipeline.training.phase import Batch
from pipeline.training.run import trainer_of

Kind = Literal["patchgan", "vgg128", "unet"]
Label = Literal["S", "M", "paper"]
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "channels_last": {"channels_last": True},
    "compile": {"compile": True},
    "bf16": {"precision": "bf16", "channels_last": True},
}
"""Settings of `run` in params.yaml; in bf16 nothing is fast in the other layout."""
REFERENCE, ESRGAN, NAIVE, CRIA = "ESRGAN, usual step", "ESRGAN, here", "Cria-CL, naive", "Cria-CL, here"
IMAGES = 3
"""Pairs in the pack that the batches are cut from."""
PARAMS = Path(__file__).parents[1] / "params.yaml"


@dataclass(frozen=True)
class Size:
    """The generator's features, blocks and growth; batch; side of an HR crop; the discriminator's features."""

    features: int
    blocks: int
    growth: int
    batch: int
    crop: int
    judged: int


SIZES: Mapping[Label, Size] = {
    "S": Size(features=16, blocks=2, growth=8, batch=4, crop=64, judged=16),
    "M": Size(features=64, blocks=4, growth=32, batch=2, crop=128, judged=64),
    "paper": Size(features=64, blocks=23, growth=32, batch=16, crop=128, judged=64),
}
"""As in facts/performance.md."""


class Way(Protocol):
    """One that takes steps."""

    def step(self) -> dict[str, Tensor]:
        """One update; the weighted terms."""

    batches: Callable[[int], Batch]
    """What a step reads."""


@dataclass
class Timed:
    """A way whose steps are timed: by the clock that counts (`ceilings.clock`), and by the time that passes."""

    way: Way
    device: torch.device
    passing: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Steps a second, of one step."""
        began, start = time.perf_counter(), clock(self.device)
        self.way.step()
        seconds = clock(self.device) - start
        self.passing.append(1 / (time.perf_counter() - began))
        start = clock(self.device)
        self.way.batches(0)
        self.waiting.append((clock(self.device) - start) / seconds)
        return 1 / seconds


def measure(label: Label, kind: Kind, device: torch.device, rounds: int, also: Sequence[str] = ()) -> Result:
    """Steps a second of every way, and of those of this study under the settings `also`."""
    size = SIZES[label]
    with TemporaryDirectory(prefix="benchmark-") as root:
        write_pack(write_folder(Path(root), IMAGES), Path(root, "pack"))
        ways = prepared(experiments(size, kind, device), Pack.open(Path(root, "pack")), also)
        peaks = {name: peak_mib(way.step, device) for name, way in ways.items()}  # and all are warm
        counted = {name: operations(way.step) for name, way in ways.items()}
        timed = {name: Timed(way, device) for name, way in ways.items()}
        rates = in_turns(timed, rounds)
    ceiling = matmul_flops(device)
    more: dict[str, Mapping[str, float]] = {
        "steps/s passing": {name: median(way.passing) for name, way in timed.items()},
        "% waiting for data": {name: 100 * median(way.waiting) for name, way in timed.items()},
        "GFLOP": {name: count / 1e9 for name, count in counted.items()},
        "% of fp32 matmul": {name: 100 * counted[name] * median(rate) / ceiling for name, rate in rates.items()},
        "peak MiB": {name: peak for name, peak in peaks.items() if peak is not None},
    }
    if label == "paper":
        steps = settings.load(PARAMS).paper.training.iterations
        more[f"h for {steps} steps"] = {name: steps / median(rate) / 3600 for name, rate in rates.items()}
    unit = "steps/s" if device.type == "cuda" else "steps/CPU s"
    circumstances = machine() | {
        "fp32 matmul GFLOP/s": round(ceiling / 1e9),
        "bf16 matmul GFLOP/s": round(matmul_flops(device, torch.bfloat16) / 1e9),
        "copy GB/s": round(copy_bytes(device) / 1e9, 1),
    }
    title = f"step, size {label}, {kind}"
    return Result(title, unit, vars(size), circumstances, rates, (REFERENCE, NAIVE), more)


def experiments(size: Size, kind: Kind, device: torch.device) -> dict[str, Experiment]:
    """ESRGAN's and Cria-CL's (the configurations `plain` and `full`), in all else as params.yaml says.

    Raises `UserError` for a discriminator that cannot judge crops of this size.
    """
    if kind == "vgg128" and size.crop != VGG128_CROP:
        raise UserError(
            f"vgg128 judges crops of {VGG128_CROP} px; at this size they have {size.crop}. Take --size M or "
            "another --discriminator."
        )
    params = settings.load(PARAMS)
    trunk = {"features": size.features, "blocks": size.blocks, "growth": size.growth}
    run = params.paper.run.model_copy(update={"device": device.type})
    found = {}
    for name, configuration in ((ESRGAN, "plain"), (CRIA, "full")):
        [(phase, published)] = settings.phases(params, "paper", configuration).items()
        assert isinstance(published, settings.CriaPhase)
        sized = {
            "network": {**published.network, **trunk},
            "discriminator": Discriminator(
                kind=kind, features=size.judged, layers=3 if kind == "patchgan" else None
            ),
            "schedule": published.schedule.model_copy(
                update={"batch": size.batch, "crop": size.crop, "ema": 0.999}
            ),
            # The usual step takes the means of the relativistic loss for numbers; so do all, to be comparable.
            "criteria": published.criteria.model_copy(update={"adversarial": "relativistic_detached"}),
        }
        found[name] = Experiment(
            preset="paper",
            training_set="realsr",
            row=configuration,
            recipe=settings.CRIA,
            phase=phase,
            settings=published.model_copy(update=sized),
            border=params.protocol.border,
            run=run,
            seed=run.seed,
            inputs={},
        )
    return found


def prepared(chosen: Mapping[str, Experiment], pack: Pack, also: Sequence[str] = ()) -> dict[str, Way]:
    """The ways of all experiments, equal in weights and batches."""
    given = {"features": random_features()}
    here = {name: trainer_of(experiment, Cria, pack, given) for name, experiment in chosen.items()}
    ways: dict[str, Way] = {REFERENCE: UsualEsrgan(here[ESRGAN]), NAIVE: NaiveCria(here[CRIA]), **here}
    for variant in also:
        for name, experiment in chosen.items():
            run = experiment.run.model_copy(update=VARIANTS[variant])
            ways[f"{name}, {variant}"] = trainer_of(replace(experiment, run=run), Cria, pack, deepcopy(given))
    return ways


def random_features() -> VGGFeatures:
    """VGG-19 of random weights, always the same: what it costs does not depend on them."""
    perceptual = settings.load(PARAMS).paper.perceptual
    return VGGFeatures("vgg19", (perceptual.bottom, perceptual.top), _random_weights())


@cache
def _random_weights() -> dict[str, Tensor]:
    import torchvision

    with streams.torch_weights(0, Purpose.BENCHMARK):
        layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
    return {f"features.{key}": value for key, value in layers.state_dict().items()}
