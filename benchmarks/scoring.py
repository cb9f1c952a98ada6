"""Scores of restored images, as the stage `evaluate` computes them and as they are usually computed.

The values are the same, within the rounding of each; the topic's test holds them against each other.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    """What the rates depend on.

    Attributes:
        images: how many, of 600x840.
        methods: that restored them.
        in_memory: whether files are kept, not read.
        threads: that each way may use, each in its manner.
    """

    images: int = 2
    methods: int = 4
    in_memory: bool = False
    threads: int = 1


def known(text: str) -> list[str]:
    """Names of metrics, from a text with commas between. Raises `UserError` for one that there is not."""
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise UserError(f"there is no metric {', '.join(map(repr, unknown))}; known are {', '.join(METRICS)}")
    return names


def measure(setup: Setup, names: Sequence[str], rounds: int) -> Result:
    """Restored images of each way that has all of the metrics `names`, a second.

    Files are in the page cache. On one thread it is a second of processor time: on an idle machine the time that
    passes; on a busy one, what other processes take is left out (facts/performance.md). On more it is the time that
    passes, which only an idle machine can tell.
    """
    with TemporaryDirectory(prefix="benchmark-") as root:
        truths = write_truths(Path(root), setup)
        ways = prepared(Path(root), names, in_memory=setup.in_memory, threads=setup.threads)
        timed = {name: _timed(way, truths, setup.threads) for name, way in ways.items()}
        for rate in timed.values():
            rate()
        rates = in_turns(timed, rounds)
    usual = [name for name in ways if name != STUDY]
    unit = "images/CPU s" if setup.threads == 1 else "images/s"
    return Result(", ".join(METRICS[name].title for name in names), unit, asdict(setup), machine(), rates, usual)


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


def prepared(root: Path, names: Sequence[str], *, in_memory: bool, threads: int = 1) -> dict[str, Way]:
    """The ways that have all of the metrics `names`; `in_memory`, a file is read the first time only.

    The usual ways go through the images one by one, on as many threads as OpenCV and PyTorch are given.
    """
    pretrained = _pretrained(root / "pretrained")
    model = _official_lpips(pretrained)
    ways: dict[str, Way] = {}
    if Script.can >= set(names):
        ways[SCRIPT] = Script(names, _reader(decoded, in_memory), model)
    if OneByOne.can >= set(names):
        ways[PYIQA] = OneByOne(names, _reader(_tensor, in_memory), model, _matlab_file(pretrained))
    ways[STUDY] = _study(Scorer(names, pretrained), _reader(_rgb, in_memory), threads)
    return ways


def _study(scorer: Scorer, read: Callable[[Path], Picture], threads: int) -> Way:
    """As pipeline/evaluation/score.py goes through cases and methods: a case a thread."""

    def of_case(truth: Truth) -> Scores:
        hr = Picture(read(truth.hr).pixels, BORDER)  # a picture keeps what was computed of it
        return [scorer(Picture(read(sr).pixels, BORDER), hr) for sr in truth.restored]

    def scores(truths: Sequence[Truth]) -> Scores:
        with ThreadPoolExecutor(threads) as pool, _threads(1):
            return [values for case in pool.map(of_case, truths) for values in case]

    return scores


def _timed(way: Way, truths: Sequence[Truth], threads: int) -> Callable[[], float]:
    clock = time.process_time if threads == 1 else time.perf_counter

    def rate() -> float:
        with _threads(threads):
            start = clock()
            return len(way(truths)) / (clock() - start)

    return rate


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """So many for each operation of PyTorch and of OpenCV."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(number)
    cv2.setNumThreads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


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
