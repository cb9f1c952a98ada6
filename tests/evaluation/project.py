"""A small run folder, the stages' command lines in it, and what a refusal looks like."""

import csv
import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import fields
from pathlib import Path
from typing import get_args

import numpy as np
import yaml
from PIL import Image

from pipeline import settings
from pipeline.datasets import splits
from pipeline.evaluation.evaluate import evaluate
from pipeline.settings import Interpolation

CHECKOUT = Path(__file__).parents[2]
PARAMS = settings.load(CHECKOUT / "params.yaml")
METRICS = PARAMS.protocol.metrics
QUICK = PARAMS.protocol.model_copy(update={"metrics": ["psnr"]})


def run(stage, folder, *arguments):
    command = [sys.executable, "-m", f"stages.{stage}", "--preset", "sample", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def picture(path, height, width, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def dataset(project, name, scale, with_hr=True):
    """Two test pairs (the second too small for SSIM) and a training pair that must not be touched."""
    rows = []
    for number, (role, height) in enumerate([("train", 24), ("test", 24), ("test", 16)]):
        hr, lr = f"{number}_HR.png", f"{number}_LR.png"
        picture(project / "runs/sample/raw" / name / lr, height // scale, 32 // scale, number)
        if with_hr:
            picture(project / "runs/sample/raw" / name / hr, height, 32, number + 10)
        truth = hr if with_hr else ""
        files = {"collection": name, "hr": truth, "lr": lr}
        rows.append({"id": f"id{number}", "role": role, **files, "height": height, "width": 32})
    split = project / "runs/sample/splits" / f"{name}.csv"
    split.parent.mkdir(parents=True, exist_ok=True)
    with split.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(splits.Row)])
        writer.writeheader()
        writer.writerows(rows)


def only(project, rivals=(), **study):
    """The shipped params with other rows."""
    params = yaml.safe_load((CHECKOUT / "params.yaml").read_text(encoding="utf-8"))
    params["study"] |= study
    params["sample"]["rivals"] = list(rivals)
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def chosen(methods, params=PARAMS, protocol=QUICK, seeds=(1,)):
    """The settings with these rows alone, and one metric that is soon computed."""
    study = {
        "interpolations": [name for name in methods if name in get_args(Interpolation)],
        "configurations": [name for name in methods if name in params.configurations],
    }
    preset = {"rivals": [name for name in methods if name in params.rivals], "seeds": list(seeds)}
    return params.model_copy(
        update={
            "study": params.study.model_copy(update=study),
            "sample": params.sample.model_copy(update=preset),
            "protocol": protocol,
        }
    )


def evaluated(root, methods=("bicubic",), name="realsr", params=PARAMS, protocol=QUICK, only=(), seeds=(1,)):
    """The function behind the stage, by these rows alone."""
    with chdir(root.parents[1]):
        return evaluate(chosen(methods, params, protocol, seeds), "sample", name, only)


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(done, *words):
    """One message, status 1, no traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    messages = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1, done.stderr
    for word in words:
        assert word in messages[0]
