"""A small project with restored images of three methods, its server, and a browser."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.files import write_json
from pipeline.paths import restored_folder

CHECKOUT = Path(__file__).parents[2]
METHODS = ("bicubic", "full", "plain")
SEEDS = {"bicubic": (None,), "full": (1, 2), "plain": (1, 2)}
LR_HEIGHT, LR_WIDTH = 36, 44


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's root with three test images of realsr_zero, each restored by `METHODS`: the current folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(CHECKOUT / "params.yaml", tmp_path)
    root = tmp_path / "runs" / "sample"
    rows = []
    for number in range(3):
        name = f"photo{number}"
        save(root / "raw" / "realsr_zero" / f"{name}.png", noise(LR_HEIGHT, LR_WIDTH, number))
        for place, method in enumerate(METHODS):
            for seed in SEEDS[method]:
                pixels = noise(4 * LR_HEIGHT, 4 * LR_WIDTH, 10 * number + place + 100 * (seed or 0))
                save(restored_folder(root, "realsr_zero", method, seed) / f"{name}.png", pixels)
        files = {"collection": "realsr_zero", "hr": "", "lr": f"{name}.png"}
        files |= dict.fromkeys(["hr_sha256", "lr_sha256", "hr_pixels", "lr_pixels", "adjusted"], "")
        rows.append({"id": name, "role": "test", **files, "height": LR_HEIGHT, "width": LR_WIDTH})
    for method in METHODS:
        for seed in SEEDS[method]:
            about = {"method": method, "dataset": "realsr_zero", "seed": seed, "run": None}
            write_json(restored_folder(root, "realsr_zero", method, seed) / "restored.json", about)
    split = root / "splits" / "realsr_zero.csv"
    split.parent.mkdir(parents=True)
    with split.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


@pytest.fixture
def runs(project):
    """runs/sample of the project."""
    return project / "runs" / "sample"


@pytest.fixture
def opinions(project):
    """The folder of the study and its answers."""
    return project / "opinions" / "sample" / "realsr_zero"


def command(*options):
    return [sys.executable, "-m", "pipeline", "mos", "--preset", "sample", "--dataset", "realsr_zero", *options]


def environment():
    return {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def mos(project):
    """Run `python -m pipeline mos` of the project's realsr_zero to its end."""

    def run(*options):
        return subprocess.run(
            command(*options), cwd=project, env=environment(), capture_output=True, text=True, check=False
        )

    return run


class Served:
    """The real server in a process of its own: 2 patches of 64 px, all methods."""

    def __init__(self, project, port=0):
        options = ["--patches", "2", "--side", "64", "--port", str(port)]
        self.process = subprocess.Popen(
            command(*options), cwd=project, env=environment(), stdout=subprocess.PIPE, text=True
        )
        said = "".join(self.process.stdout.readline() for _ in range(2))
        self.url = re.search(r"http://127\.0\.0\.1:\d+", said)[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(project):
    """Start servers; all are gone in the end."""
    servers = []

    def begin(port=0):
        servers.append(Served(project, port))
        return servers[-1]

    yield begin
    for server in servers:
        server.kill()


@pytest.fixture
def open_browser(start_browser):
    """Open headless Chromium with a profile folder's name; equal names share what the browser keeps."""

    def begin(profile="rater"):
        from tests.mos.browser import Rater

        return start_browser(Rater, profile)

    return begin
