"""Scores of restored images, as the stage `score` computes them and as they are usually computed.

The values are the same, within the rounding of each; the topic's test holds them against each other.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import cv2
import torch
from torch import Tensor, nn

from benchmarks.pairs import SCALE, decoded, write_folder
from benchmarks.rounds import Result, in_turns, machine
from benchmarks.usual_scores import BORDER, OneByOne, Scores, Script, Truth
from pipeline.datasets.images import read_rgb, write_png
from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS, Picture, Scorer
from pipeline.weights import obtain, store

T = TypeVar("T")
Way = Callable[[Sequence[Truth]], Scores]
SCRIPT, PYIQA, STUDY = "authors' script", "pyiqa, one by one", "study"
ENLARGED = (cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_LINEAR, cv2.INTER_NEAREST)
"""The restorations, by as many methods as are asked for."""


@dataclass(frozen=True)
class Setup:
    """What the rates depend on: images of 600x840, methods that restored them, whether files are read or kept."""

    images: int = 2
    methods: int = 4
    in_memory: bool = False


def known(text: str) -> list[str]:
    """Names of metrics, from a text with commas between. Raises `UserError` for one that there is not."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise UserError(f"there is no metric {', '.join(map(repr, unknown))}; known are {', '.join(METRICS)}")
    return names


def measure(setup: Setup, names: Sequence[str], rounds: int) -> Result:
    """Restored images of each way that has all of the metrics `names`, a second of processor time.

    All work is on one thread and its files are in the page cache, so that on an idle machine this is the time that
    passes; on a busy one, what other processes take is left out (facts/performance.md).
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with TemporaryDirectory(prefix="benchmark-") as root:
        truths = write_truths(Path(root), setup)
        ways = prepared(Path(root), names, in_memory=setup.in_memory)
        for way in ways.values():
            way(truths)
        rates = in_turns({name: _timed(way, truths) for name, way in ways.items()}, rounds)
    usual = [name for name in ways if name != STUDY]
    return Result(
        ", ".join(METRICS[name].title for name in names), "images/CPU s", asdict(setup), machine(), rates, usual
    )


def write_truths(root: Path, setup: Setup) -> list[Truth]:
    """Photographs, and what each method makes of a quarter of their side, as PNG files."""
    folder = write_folder(root / "pairs", setup.images)
    truths = []
    for name in folder.names():
        lr, restored = read_rgb(folder.lr(name)), []
        for number, kind in enumerate(ENLARGED[: setup.methods]):
            file = root / "restored" / str(number) / name
            write_png(file, cv2.resize(lr, None, fx=SCALE, fy=SCALE, interpolation=kind).astype(lr.dtype))
            restored.append(file)
        truths.append(Truth(folder.hr(name), restored))
    return truths


def prepared(root: Path, names: Sequence[str], *, in_memory: bool) -> dict[str, Way]:
    """The ways that have all of the metrics `names`; `in_memory`, a file is read the first time only."""
    pretrained = _pretrained(root / "pretrained")
    model = _official_lpips(pretrained)
    ways: dict[str, Way] = {}
    if Script.can >= set(names):
        ways[SCRIPT] = Script(names, _reader(decoded, in_memory), model)
    if OneByOne.can >= set(names):
        ways[PYIQA] = OneByOne(names, _reader(_tensor, in_memory), model, _matlab_file(pretrained))
    ways[STUDY] = _study(Scorer(names, pretrained), _reader(_rgb, in_memory))
    return ways


def _study(scorer: Scorer, read: Callable[[Path], Picture]) -> Way:
    """As pipeline/evaluation/score.py goes through cases and methods."""

    def scores(truths: Sequence[Truth]) -> Scores:
        values: Scores = []
        for truth in truths:
            hr = Picture(read(truth.hr).pixels, BORDER)  # a picture keeps what was computed of it
            values += [scorer(Picture(read(sr).pixels, BORDER), hr) for sr in truth.restored]
        return values

    return scores


def _timed(way: Way, truths: Sequence[Truth]) -> Callable[[], float]:
    def rate() -> float:
        start = time.process_time()
        return len(way(truths)) / (time.process_time() - start)

    return rate


def _reader(read: Callable[[Path], T], in_memory: bool) -> Callable[[Path], T]:
    return cache(read) if in_memory else read


def _rgb(file: Path) -> Picture:
    return Picture(read_rgb(file))


def _tensor(file: Path) -> Tensor:
    """As pyiqa takes it: 1 x 3 x H x W, RGB in [0, 1]."""
    return torch.tensor(read_rgb(file)).permute(2, 0, 1)[None].float() / 255


def _pretrained(folder: Path) -> Path:
    """The weights of all metrics, from installed packages."""
    for name in sorted({name for metric in METRICS.values() for name in metric.weights}):
        (folder / name).mkdir(parents=True)
        store.write(obtain(name, ["package"], None, folder), folder / name)
    return folder


def _official_lpips(pretrained: Path) -> nn.Module:
    """The official package's model in its own memory layout."""
    from safetensors.torch import load_file

    from pipeline.evaluation.metrics.lpips import Lpips

    ours = Lpips("alex", load_file(pretrained / "alexnet_lpips" / "weights.safetensors"), "cpu")
    model: nn.Module = deepcopy(ours.model).to(memory_format=torch.contiguous_format)
    return model


def _matlab_file(pretrained: Path) -> Path:
    """NIQE's parameters under the names that pyiqa reads."""
    from safetensors.numpy import load_file
    from scipy.io import savemat

    tensors: Mapping[str, object] = load_file(pretrained / "niqe" / "weights.safetensors")
    file = pretrained / "niqe.mat"
    savemat(file, {"mu_prisparam": tensors["mu_pris_param"], "cov_prisparam": tensors["cov_pris_param"]})
    return file
