"""The data of the preset `lab`, from a mirror of real photographs to packs, by the stages as a person runs them."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.datasets import layouts, splits
from pipeline.datasets.images import pixel_hash, read_rgb
from pipeline.datasets.packs import Pack
from pipeline.datasets.pools import Pools
from pipeline.degradations import noise_pool
from pipeline.degradations.bicubic import downscale_uint8
from pipeline.degradations.rounding import to_uint8

REPO = Path(__file__).parents[2]
ROLES = {
    "realsr": {
        ("train", "drealsr_crops"): 54,
        ("validation", "drealsr_crops"): 6,
        ("test", "realsr_canon_crops"): 50,
    },
    "ntire2020": {
        ("source", "ntire_like"): 25,
        ("target", "ntire_like"): 35,
        ("validation", "ntire_like"): 10,
        ("test", "ntire_like"): 20,
    },
    "camerasr": {("test", "camerasr"): 20, ("train", "camerasr"): 70, ("validation", "camerasr"): 10},
    "realsr_zero": {("test", "realsrset"): 20},
}

pytestmark = pytest.mark.xdist_group("lab")


class Lab:
    """A folder in which the stages run at `lab`."""

    def __init__(self, folder, mirror):
        self.folder, self.mirror = folder, mirror
        text = (REPO / "params.yaml").read_text(encoding="utf-8")
        # What needs no weights: some metrics, the references.
        fewer = re.sub(r"^  metrics: .*$", "  metrics: [psnr, ssim, psnr_y, ssim_y]", text, flags=re.MULTILINE)
        fewer = re.sub(r"^  (configurations|rivals): \[.*$", r"  \1: []", fewer, flags=re.MULTILINE)
        (folder / "params.yaml").write_text(fewer, encoding="utf-8")

    def run(self, stage, dataset, *more):
        command = [sys.executable, "-m", f"stages.{stage}", "--preset", "lab", "--dataset", dataset, *more]
        environment = os.environ | {
            "PYTHONPATH": str(REPO),
            "CRIA_MIRROR": str(self.mirror),
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def at(self, *parts):
        return self.folder.joinpath("runs/lab", *parts)

    def rows(self, dataset):
        return splits.read(self.at("splits", f"{dataset}.csv"))


@pytest.fixture(scope="session")
def lab(tmp_path_factory, mirror_root):
    made = Lab(tmp_path_factory.mktemp("lab"), mirror_root)
    for dataset in ROLES:
        for stage in ("fetch", "split"):
            made.run(stage, dataset)
    return made


@pytest.mark.parametrize("dataset", ROLES)
def test_every_image_has_the_role_that_the_facts_give_it(lab, dataset):
    assert Counter((row.role, row.collection) for row in lab.rows(dataset)) == ROLES[dataset]


def test_camerasr_is_cut_by_its_official_numbers(lab):
    ids = {
        role: sorted(row.id for row in lab.rows("camerasr") if row.role == role) for role in ("test", "validation")
    }
    assert ids["test"] == [f"{number:03}" for number in range(1, 21)]
    assert ids["validation"] == [f"{number:03}" for number in range(91, 101)]


@pytest.mark.parametrize(
    ("dataset", "method", "golden"),
    [
        # facts/datasets.md 8.
        ("camerasr", "identity", {"psnr": 25.568, "ssim": 0.8015, "psnr_y": 27.162, "ssim_y": 0.8260}),
        ("realsr", "bicubic", {"psnr": 25.559, "ssim": 0.7328, "psnr_y": 27.269, "ssim_y": 0.7699}),
    ],
)
def test_the_golden_numbers_come_out_of_the_stages(lab, dataset, method, golden):
    lab.run("evaluate", dataset)
    means = pd.read_csv(lab.at("scores", dataset, f"{method}.csv"), dtype={"image": str}).mean(numeric_only=True)
    for name, value in golden.items():
        assert means[name] == pytest.approx(value, abs=6e-4 if name.startswith("psnr") else 6e-5)


def test_ntire_like_images_are_camerasr_photographs_and_test_inputs_carry_noise(lab):
    raw = lab.at("raw/ntire2020/ntire_like")
    real = lab.mirror / "camerasr/City100/City100_iPhoneX"
    places = {item.id: (item.part, raw / (item.hr or item.lr)) for item in layouts.find("ntire_like", raw)}
    assert len(places) == 100
    last = {"valid": 20, "source": 45, "valid_noise": 55, "target": 100}
    for number in (1, 20, 21, 45, 46, 55, 56, 100):
        part, file = places[f"{number:04}"]
        assert part == next(name for name, end in last.items() if number <= end)
        assert file.read_bytes() == (real / f"{number:03}H.PNG").read_bytes()
    for number in (1, 20):
        clean = downscale_uint8(read_rgb(real / f"{number:03}H.PNG"), 4)
        added = read_rgb(raw / f"track1-valid-input/{number:04}.png").astype(int) - clean
        assert 0.5 < added.std() < 6
        assert abs(added.mean()) < 0.2


def test_no_noise_of_a_test_image_is_in_the_pools(lab):
    lab.run("pools", "ntire2020")
    made = Pools.read(lab.at("pools/ntire2020"))
    raw = lab.at("raw/ntire2020/ntire_like")
    kept = [read_rgb(file) for file in sorted((raw / "track1-valid-noise").iterdir())]
    own = np.concatenate([noise_pool.collect(image, 128, 20.0) for image in kept])
    assert len(own) > 10
    for number in range(1, 21):
        clean = downscale_uint8(read_rgb(raw / f"track1-valid-gt/{number:04}.png"), 4)[:128, :128]
        corner = read_rgb(raw / f"track1-valid-input/{number:04}.png")[:128, :128]
        assert laid(clean, own, corner)
        assert not laid(clean, made.noise, corner)
        assert not laid(clean, made.held_out, corner)
    rows = lab.rows("ntire2020")
    assert not {row.lr_pixels for row in rows if row.role == "source"} & {pixel_hash(image) for image in kept}


def laid(clean, pool, noisy):
    """Whether some patch of the pool, laid on `clean`, gives `noisy`."""
    levels = torch.from_numpy(clean.copy()).permute(2, 0, 1)[None] / 255
    patches = torch.from_numpy(pool).permute(0, 3, 1, 2) / 255
    made = to_uint8(noise_pool.inject(levels, patches).permute(0, 2, 3, 1).numpy() * 255)
    return bool((made == noisy).all(axis=(1, 2, 3)).any())


def test_the_pools_and_the_pack_hold_what_training_reads(lab):
    for stage in ("pools", "pack"):
        lab.run(stage, "realsr")
    pack = Pack.open(lab.at("packs/realsr"))
    assert (pack.scale, len(pack.training), len(pack.held_out)) == (4, 54, 6)
    lab.run("pools", "ntire2020")
    noise = Pools.read(lab.at("pools/ntire2020")).noise
    assert len(noise) > 25
    grey = noise @ np.array([0.299, 0.587, 0.114])
    assert grey.var(axis=(1, 2)).max() < 20.5


def test_the_provenance_names_the_collection_and_its_licence(lab):
    for dataset, roles in ROLES.items():
        for _, collection in roles:
            record = json.loads(lab.at("raw", dataset, collection, "provenance.json").read_text())
            assert record["collection"] == collection
            assert record["licence"]
            assert record.get("made_of") == ("camerasr" if collection == "ntire_like" else None)
