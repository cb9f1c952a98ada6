"""Scoring in a process of its own, so that it goes on while the next images are restored.

A process and not a thread, as torch's number of threads holds for a whole process: restored bits depend on it, and
scores are computed with one.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.score import Measure, Row, loaded, score


class Scoring:
    """Images on their way to their scores."""

    def __init__(self, process: ProcessPoolExecutor, measure: Measure) -> None:
        self._process, self._measure = process, measure
        self._scores: list[Future[list[list[Row]]]] = []

    def add(self, cases: Sequence[Case], folders: Sequence[Path]) -> None:
        """Score the images of `cases` in `folders` when those before are done."""
        self._scores.append(self._process.submit(score, cases, folders, self._measure))

    def results(self) -> Iterator[list[list[Row]]]:
        """What `score` gives for everything added, in that order. Raises what it raises."""
        for scores in self._scores:
            yield scores.result()


@contextmanager
def scoring(measure: Measure) -> Iterator[Scoring]:
    """A process that scores. It loads the metrics at once; it ends with the block, or with this process.

    Raises `UserError` when the process was killed.
    """
    context = multiprocessing.get_context("spawn")  # a fork would share the threads and the GPU of this one
    process = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare)
    try:
        process.submit(_load, measure)
        yield Scoring(process, measure)
    except BrokenProcessPool:
        raise UserError(
            "the process that scores was killed, most likely for want of memory. Close what else runs, then go on "
            "with `dvc repro`; what is restored stays so."
        ) from None
    finally:
        process.shutdown(cancel_futures=True)


def _load(measure: Measure) -> None:
    loaded(measure)


def _prepare() -> None:
    """In the new process: one thread an image, so that no value depends on how many there are."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the first one ends this
    threading.Thread(target=_end_with_parent, daemon=True).start()

    import cv2
    import torch

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.backends.cudnn.allow_tf32 = False  # float32 that is float32, as the published values


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
