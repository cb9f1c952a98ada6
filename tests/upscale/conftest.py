"""What the tests of the command share: a project folder with a small trained model, and the command in it."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.__main__ import app
from tests.conftest import ROOT


def picture(width, height, mode="RGB", seed=0):
    """Noise of few frequencies, as a Pillow picture."""
    import numpy as np

    bands = len(Image.new(mode, (1, 1)).getbands())
    small = np.random.default_rng(seed).integers(0, 256, (5, 6, bands), dtype=np.uint8)
    bands = [Image.fromarray(small[..., band]).resize((width, height), 3) for band in range(bands)]
    return Image.merge(mode, bands) if len(bands) > 1 else bands[0]


class Project:
    """A folder with the shipped params.yaml; `upscale` runs there as a person would."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copy(ROOT / "params.yaml", folder)

    def upscale(self, *arguments, **options):
        """The command in a process of its own."""
        command = [sys.executable, "-m", "pipeline", "upscale", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, **options
        )

    def photo(self, name, image=None, **saved):
        """Save a photo; returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (image or picture(24, 18)).save(path, **saved)
        return path

    def here(self, *arguments):
        """The command in this process: to start torch anew takes seconds."""
        with contextlib.chdir(self.folder):
            return CliRunner().invoke(app, ["upscale", *map(str, arguments)])

    def refused(self, *arguments):
        """The one line with which the command refuses."""
        before = self.files()
        done = self.here(*arguments)
        assert isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == 1, done.output
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert self.files() == before
        return line

    def files(self):
        """Every file with its content."""
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def model(self, data="ntire2020", scale=4, name="full", preset="sample"):
        """A small untrained generator, as the stage train would leave it; returns its folder."""
        import torch
        from safetensors.torch import save_file

        from pipeline.files import write_json
        from pipeline.networks import build

        network = {"kind": "cria", "features": 8, "blocks": 1, "growth": 4, "branch_blocks": 1, "masked": True}
        torch.manual_seed(0)
        generator = build(network, scale)
        folder = self.folder / "runs" / preset / "models" / data / name / "seed1"
        folder.mkdir(parents=True)
        save_file(generator.state_dict(), folder / "generator.safetensors")
        write_json(folder / "model.json", {"run": f"{data}-{name}-s1", "scale": scale, "network": network})
        return folder


@pytest.fixture
def project(tmp_path):
    """A project without any model."""
    return Project(tmp_path)
