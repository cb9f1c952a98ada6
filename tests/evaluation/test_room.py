"""Images in work at once: never more pixels than there is room for, and fewer after a GPU ran out of memory."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pipeline.errors import UserError
from pipeline.evaluation import score as scoring
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.room import Room
from tests.evaluation.project import QUICK


class Device:
    """Memory for so many pixels; it knows the most that were ever in work."""

    def __init__(self, pixels):
        self.pixels, self.taken, self.most, self.lock = pixels, 0, 0, threading.Lock()

    def work(self, pixels):
        def done():
            with self.lock:
                self.taken += pixels
                self.most = max(self.most, self.taken)
                short = self.taken > self.pixels
            time.sleep(0.005)
            with self.lock:
                self.taken -= pixels
            if short:
                raise torch.OutOfMemoryError("no memory")
            return pixels

        return done


def through(room, device, sizes):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda pixels: room.run(pixels, f"im{pixels}", device.work(pixels)), sizes))


SIZES = [10, 40, 25, 25, 90, 10, 10, 70, 30, 5] * 3


def test_no_more_pixels_are_in_work_than_there_is_room_for_but_one_large_image_alone():
    device = Device(1000)
    assert through(Room(60), device, SIZES) == SIZES
    assert device.most == 90
    small = Device(1000)
    assert through(Room(60), small, [20] * 20) == [20] * 20
    assert small.most <= 60


def test_a_gpu_that_runs_out_of_memory_gets_fewer_images_at_once_and_all_are_done(capsys):
    device, room = Device(100), Room(200)
    assert through(room, device, SIZES) == SIZES
    said = capsys.readouterr().err.splitlines()
    assert said == ["the GPU is out of memory: fewer images are scored at once"]
    device.most = 0
    assert through(room, device, SIZES) == SIZES
    assert device.most <= 100
    assert capsys.readouterr().err == ""


def test_an_image_that_does_not_fit_alone_is_named(capsys):
    with pytest.raises(UserError, match=r"to score im50 \(50 pixels\)\. Close what .* run.device to cpu"):
        through(Room(200), Device(49), [50])
    assert len(capsys.readouterr().err.splitlines()) == 2  # at 100 and at 50 pixels it was tried again


def test_other_errors_pass_and_free_their_place():
    room = Room(10)

    def broken():
        raise ValueError("broken")

    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            room.run(10, "im", broken)
    assert room.run(10, "im", lambda: 1) == 1


def test_scores_are_the_same_after_a_gpu_ran_out_of_memory(restored, monkeypatch, capsys):
    root = restored / "runs/sample"
    cases, folders = read_cases(root, "realsr"), [root / "restored/realsr/bicubic"]
    measure = scoring.Measure(tuple(QUICK.metrics), root / "pretrained", "cpu", 4, 4)
    expected = scoring.score(cases, folders, measure)
    scorer, failures = scoring.loaded(measure), iter([True, True])

    def short_of_memory(*pair):
        if next(failures, False):
            raise torch.OutOfMemoryError("no memory")
        return scorer(*pair)

    monkeypatch.setattr(scoring, "loaded", lambda _: short_of_memory)
    assert scoring.score(cases, folders, measure) == expected
    assert "fewer images are scored at once" in capsys.readouterr().err
    scoring._room.cache_clear()

    monkeypatch.setattr(scoring, "loaded", lambda _: lambda *_: Device(0).work(1)())
    with pytest.raises(UserError, match=r"not the memory to score id\d"):
        scoring.score(cases, folders, measure)
    scoring._room.cache_clear()
