"""A small run folder with made-up scores, as the stages before the tables would leave it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.pools import Pools
from pipeline.evaluation.kept_parts import About, KeptParts, Numbers, Square
from pipeline.files import write_json
from pipeline.paths import restored_folder, scores_file

CHECKOUT = Path(__file__).parents[2]
METRICS = ["psnr", "ssim", "psnr_y", "ssim_y"]
TRAINED = {"plain", "full", "wsum"}
SEEDS = (1, 2)
SCORES = {  # psnr of three images with seed 1, half a dB more with seed 2; the other metrics follow from it
    "realsr": {"bicubic": (24, 26, 25), "plain": (25, 27, 26), "full": (25.5, 27.5, 26.5)},
    "ntire2020": {
        **{"bicubic": (24, 26, 25), "plain": (25, 27, 26), "full": (25, 27, 26)},
        "wsum": (25.5, 27.5, 26.5),
    },
    "camerasr": {"identity": (27, 28, 29), "plain": (25, 26, 27), "full": (26, 27, 28)},
    "realsr_zero": {"bicubic": (None, None, None)},
    "calibration": {"bicubic": (24, 26, 25)},
}


def save(path, height, width, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def seeds_of(method):
    return SEEDS if method in TRAINED else (None,)


def write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_images(root, dataset, methods):
    scale = 1 if dataset == "camerasr" else 4
    rows = []
    for number in range(3):
        name, hr = f"im{number}", f"im{number}_HR.png"
        save(root / "raw" / dataset / f"{name}_LR.png", 112 // scale, 104 // scale, number)
        save(root / "raw" / dataset / hr, 112, 104, number + 10)
        for method in methods:
            for seed in seeds_of(method):
                folder = restored_folder(root, dataset, method, seed)
                save(folder / f"{name}.png", 112, 104, number + 20 + (seed or 0))
        truth = "" if dataset == "realsr_zero" else hr
        files = {"collection": dataset, "hr": truth, "lr": f"{name}_LR.png"}
        files |= dict.fromkeys(["hr_sha256", "lr_sha256", "hr_pixels", "lr_pixels", "adjusted"], "")
        rows.append({"id": name, "role": "test", **files, "height": 112, "width": 104})
    write_csv(root / "splits" / f"{dataset}.csv", rows)


def write_method(root, dataset, method, values, seed=None):
    run = f"{dataset}-{method}-s{seed}-0a1b" if seed else None
    about = {"method": method, "dataset": dataset, "seed": seed, "run": run}
    write_json(restored_folder(root, dataset, method, seed) / "restored.json", about)
    if run:
        model = {"run": run, "training_set": dataset, "row": method, "seed": seed, "parameters": 12345}
        folder = root / "models" / dataset / method / f"seed{seed}"
        write_json(folder / "model.json", model)
        circumstances = {"git": {"commit": "c0ffee" * 6}, "device": {"kind": "cpu", "name": "a processor"}}
        write_json(folder / "run.json", circumstances)
    more = (seed - 1) / 2 if seed else 0
    scores = [None if value is None else value + more for value in values]
    rows = [
        {"image": f"im{n}", **{m: "" if v is None else v / (100 if "ssim" in m else 1) for m in METRICS}}
        for n, v in enumerate(scores)
    ]
    write_csv(scores_file(root, dataset, method, seed), rows)


EFFICIENCY = {  # parameters, MACs, seconds of three rounds
    "esrgan": (16_697_987, 1000, (1.0, 2.0, 4.0)),
    "full": (17_367_368, 1400, (1.5, 2.5, 7.0)),
    "released": (17_286_473, 1520, (2.0, 4.0, 8.0)),
    "full_here": (12_345, 10, (0.01, 0.02, 0.04)),
}


def write_efficiency(root, peak_bytes=None, **changes):
    about = {
        **{"width": 24, "height": 16, "rounds": 3, "warm_up": 1, "precision": "fp32", "scale": 4},
        **{"device": "cpu", "device_name": "a processor", "threads": 1, "torch": "2.0"},
        "networks": {
            name: {"parameters": parameters, "macs": macs, "peak_bytes": peak_bytes}
            for name, (parameters, macs, _) in EFFICIENCY.items()
        },
    }
    write_json(root / "efficiency" / "efficiency.json", about | changes)
    rounds = [{"round": n + 1, **{name: cost[2][n] for name, cost in EFFICIENCY.items()}} for n in range(3)]
    write_csv(root / "efficiency" / "rounds.csv", rounds)


def write_history(root, configuration, seed, psnr):
    """Validations at 0, 20 and 40 iterations, the last at `psnr`."""
    file = root / "models/ntire2020" / configuration / f"seed{seed}" / "history.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    scores = [
        {"iteration": k, "validation/psnr": value, "validation/ssim": value / 40}
        for k, value in ((0, 20.0), (20, psnr - 0.2), (40, psnr))
    ]
    lines = [scores[0], {"iteration": 10, "pix": 0.1}, *scores[1:]]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def kept_parts(dataset, image, mask=0.5, layout="paper", **numbers):
    """Parts of 32 x 32 random pixels, whose mask has the value `mask` everywhere; `numbers` change what is said."""
    rng = np.random.default_rng(len(image))
    pixels = rng.integers(0, 256, (5, 32, 32, 3), np.uint8)
    said = {"minimum": mask, "mean": mask, "maximum": mask, "deviation": 0.0, "above_half": float(mask > 0.5)}
    said |= {
        "difference_mean": 2.0,
        "difference_max": 3.0,
        "mask_effect": 0.0,
        "out_of_range": 0.0,
        "residual": 0.0,
    }
    about = About(
        dataset=dataset,
        configuration="full",
        run=f"{dataset}-full-s1-0a1b",
        image=image,
        layout=layout,
        scale=1 if dataset == "camerasr" else 4,
        ground_truth=True,
        square=Square(0, 0, 32, 32, 32, 32),
        numbers=Numbers(**said | numbers),
    )
    maps = {"mask": np.full((32, 32), mask, np.float32), "difference": 3 * rng.random((32, 32), np.float32)}
    return KeptParts(about, *pixels, **maps)


CONFIGURATIONS = ["plain", "wsum", "align", "unif", "align_unif", "spatial", "full", "anchor_adv", "anchor_perc"]


def build(folder):
    """Put params.yaml, reports/paper and a finished runs/sample into `folder`."""
    shutil.copy(CHECKOUT / "params.yaml", folder)
    shutil.copytree(CHECKOUT / "reports" / "paper", folder / "reports" / "paper")
    shutil.copy(CHECKOUT / "reports" / "golden.csv", folder / "reports")
    root = folder / "runs" / "sample"
    for dataset, methods in SCORES.items():
        write_images(root, dataset, methods)
        for method, values in methods.items():
            for seed in seeds_of(method):
                write_method(root, dataset, method, values, seed)
    for dataset in ("realsr", "ntire2020", "camerasr"):
        folder = root / "pools" / dataset
        folder.mkdir(parents=True)
        noise = np.random.default_rng(0).integers(90, 110, (3 if dataset == "ntire2020" else 0, 8, 8, 3), np.uint8)
        kernels = np.ones((2 if dataset == "realsr" else 0, 5, 5), np.float32) / 25
        Pools(noise, kernels, noise[:0]).write(folder)
    for place, configuration in enumerate(CONFIGURATIONS):
        for seed in SEEDS:
            write_history(root, configuration, seed, 21 + place / 10 + seed / 100)
    write_efficiency(root)
    for dataset in ("realsr", "ntire2020", "camerasr"):
        for image in ("im0", "im1", "im2"):
            kept_parts(dataset, image).write(root / "parts" / dataset / "full" / image)
    write_json(
        root / "weights" / "perceptual.json",
        {"source": "vgg16_lpips", "origin": "VGG-16 <of a test>", "variant": "vgg16"},
    )


@pytest.fixture
def project(tmp_path):
    """A project's root, as `build` makes it."""
    build(tmp_path)
    return tmp_path


@pytest.fixture
def stage(project):
    """Run a stage's real command line in the project."""

    def run(name, *options):
        command = [sys.executable, "-m", f"stages.{name}", "--preset", "sample", *options]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    return run
