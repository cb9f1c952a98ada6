"""How the cost of the parts grows: with batch, crop and network, with the image, with the number of images."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import stages
from benchmarks import scoring
from benchmarks.ceilings import clock
from benchmarks.curves import Curve
from benchmarks.memory import peak_mib
from benchmarks.pairs import write_folder, write_pack
from benchmarks.step import CRIA, SIZES, Size, experiments, random_features
from pipeline import streams
from pipeline.datasets.packs import Pack
from pipeline.methods.network import NetworkMethod
from pipeline.networks import Spec, build
from pipeline.progress import progress
from pipeline.recipes.cria import Cria
from pipeline.settings import CriaPhase, Restoration
from pipeline.streams import Purpose
from pipeline.training.run import trainer_of

CPU = torch.device("cpu")
TRAINING = "imports of a training"
METRICS = ("psnr", "ssim", "lpips")


@dataclass(frozen=True)
class Setup:
    """What is varied. Steps are Cria-CL's of size S but for the one thing varied.

    Attributes:
        steps: for batch, crop and blocks (`Size`), the values.
        sides: of square LR images, in pixels.
        tile, overlap: of the tiled restoration, in LR pixels.
        images: how many are scored.
        repeats: of each measurement after one that does not count; the least counts.
    """

    steps: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {"batch": (1, 2, 4, 8), "crop": (32, 64, 96, 128), "blocks": (1, 2, 4, 8, 16)}
    )
    sides: tuple[int, ...] = (64, 128, 192, 256, 320)
    tile: int = 96
    overlap: int = 16
    images: tuple[int, ...] = (1, 2, 4, 6)
    repeats: int = 2


def measure(setup: Setup) -> dict[str, list[Curve]]:
    """All curves, by topic; on the CPU, in seconds of the processor."""
    parts = {"steps": steps, "restoration": restoration, "evaluation": evaluation, "start-up": start_up}
    found = {}
    with progress("scale", len(parts)) as meter:
        for name, part in parts.items():
            found[name] = part(setup)
            meter.update()
    return found


def steps(setup: Setup) -> list[Curve]:
    """Steps a second against batch, crop and blocks."""
    with TemporaryDirectory(prefix="benchmark-") as root:
        write_pack(write_folder(Path(root), 1), Path(root, "pack"))
        pack = Pack.open(Path(root, "pack"))
        return [
            Curve(name, "steps/CPU s", {"Cria-CL": _steps(setup, {x: _sized(name, x) for x in values}, pack)})
            for name, values in setup.steps.items()
        ]


def restoration(setup: Setup) -> list[Curve]:
    """Seconds and memory of one image by Cria-CL's network of size S, whole and in tiles."""
    network = build(_network(SIZES["S"]), scale=4).eval()
    sides = {"whole": 0, f"tiles of {setup.tile} px": setup.tile}
    methods = {name: NetworkMethod(network, 4, _restored(side, setup), CPU) for name, side in sides.items()}
    seconds: dict[str, dict[int | str, float]] = {name: {} for name in methods}
    memory: dict[str, dict[int | str, float]] = {name: {} for name in methods}
    for side in setup.sides:
        image = streams.generator(0, Purpose.BENCHMARK, side).integers(0, 256, (side, side, 3), np.uint8)
        for name, method in methods.items():
            seconds[name][side] = _least(partial(method, [image]), setup.repeats)
            peak = peak_mib(partial(method, [image]), CPU)
            if peak is not None:
                memory[name][side] = peak
    return [
        Curve("side of the LR image, px", unit, lines)
        for unit, lines in (("CPU s", seconds), ("peak MiB", memory))
        if all(lines.values())
    ]


def evaluation(setup: Setup) -> list[Curve]:
    """Seconds of the metrics that the authors' script has, against the number of images."""
    with TemporaryDirectory(prefix="benchmark-") as root:
        truths = scoring.write_truths(Path(root), scoring.Setup(images=max(setup.images), methods=1))
        way = scoring.prepared(Path(root), METRICS, in_memory=False)[scoring.STUDY]
        line: dict[int | str, float] = {
            count: _least(partial(way, truths[:count]), setup.repeats) for count in setup.images
        }
    return [Curve("images of 840x600", "CPU s", {", ".join(METRICS): line})]


def start_up(setup: Setup) -> list[Curve]:
    """Seconds of the processor until a stage has said what its arguments are, and until a training could begin."""
    folder = Path(stages.__path__[0])
    names = sorted(file.stem for file in folder.glob("[!_]*.py"))
    commands = {name: ["-m", f"stages.{name}", "--help"] for name in names}
    commands[TRAINING] = ["-c", "import pipeline.training.loop, pipeline.training.inputs, pipeline.tracking"]
    line: dict[int | str, float] = {
        name: _of_process(words, folder.parent, setup.repeats) for name, words in commands.items()
    }
    return [Curve("stage", "CPU s", {"until --help": line})]


def _sized(name: str, value: int) -> Size:
    return replace(SIZES["S"], **{name: value})


def _network(size: Size) -> Spec:
    chosen = experiments(size, "patchgan", CPU)[CRIA].settings
    assert isinstance(chosen, CriaPhase)
    return chosen.network


def _restored(side: int, setup: Setup) -> Restoration:
    return Restoration(tile=side, overlap=setup.overlap, batch="auto", precision="fp32", compile=False)


def _steps(setup: Setup, sizes: Mapping[int, Size], pack: Pack) -> dict[int | str, float]:
    rates: dict[int | str, float] = {}
    for x, size in sizes.items():
        chosen = experiments(size, "patchgan", CPU)[CRIA]
        trainer = trainer_of(chosen, Cria, pack, {"features": random_features()})
        rates[x] = 1 / _least(trainer.step, setup.repeats)
    return rates


def _least(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the processor."""
    work()
    return min(_seconds(work) for _ in range(repeats))


def _seconds(work: Callable[[], object]) -> float:
    start = clock(CPU)
    work()
    return clock(CPU) - start


def _of_process(words: Iterable[str], folder: Path, repeats: int) -> float:
    """Seconds of the processor that Python takes for a command; the files are in the page cache."""

    def run() -> float:
        before = os.times()
        subprocess.run([sys.executable, *words], cwd=folder, check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    run()
    return min(run() for _ in range(repeats))
