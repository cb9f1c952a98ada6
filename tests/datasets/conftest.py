"""A project folder of its own for every test: params.yaml with small datasets, and the stage commands in it."""

import os
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from pipeline import settings
from pipeline.datasets import standins

REPO = Path(__file__).parents[2]


def small(*parts, recipe=None):
    """The composition of a small stand-in; parts are (collection, part, roles)."""
    named = [{"collection": name, "part": part, "roles": roles} for name, part, roles in parts]
    return {"standin": 64, "parts": named, "recipe": recipe}


SMALL = {
    "realsr": small(("realsr", "train", {"train": 3, "validation": 2}), ("realsr", "test", {"test": 3})),
    "ntire2020": small(
        ("ntire2020", "source", {"source": 3}),
        ("ntire2020", "target", {"target": 3, "validation": 2}),
        ("ntire2020", "valid", {"test": 3}),
        recipe={"kind": "noise", "noise_patch": 32, "noise_variance": 20.0},
    ),
    "camerasr": small(("camerasr", "iphonex", {"test": 3, "train": 3, "validation": 2})),
    "realsr_zero": small(("realsr_zero", "all", {"test": 3})),
    "calibration": small(("camerasr_bicubic", "test", {"test": 3})),
}


class Project:
    """A folder with params.yaml in which stages are run as a person runs them."""

    def __init__(self, root):
        self.root = root
        self.params = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
        self.params["sample"]["datasets"] = deepcopy(SMALL)
        self.save()

    def save(self):
        (self.root / "params.yaml").write_text(yaml.safe_dump(self.params, sort_keys=False), encoding="utf-8")

    def raw(self, dataset):
        return self.root / "runs/sample/raw" / dataset

    def split(self, dataset):
        return self.root / "runs/sample/splits" / f"{dataset}.csv"

    def pack(self, dataset):
        return self.root / "runs/sample/packs" / dataset

    def run(self, stage, dataset):
        command = [sys.executable, "-m", f"stages.{stage}", "--preset", "sample", "--dataset", dataset]
        environment = os.environ | {"PYTHONPATH": str(REPO), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    def refused(self, stage, dataset):
        """The message of a stage that must fail as it should: one message, no traceback, nothing written."""
        before = self.listing()
        done = self.run(stage, dataset)
        assert done.returncode == 1, done.stderr
        assert done.stderr.count("error: ") == 1
        assert "Traceback" not in done.stderr
        assert self.listing() == before
        return done.stderr

    def listing(self):
        folders = (self.raw(""), self.split("").parent, self.root / "runs/sample/pools", self.pack(""))
        return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="session")
def small_sets(tmp_path_factory):
    """The small stand-ins, for copying."""
    folder = tmp_path_factory.mktemp("standins")
    for name, composition in SMALL.items():
        composed = settings.Composition(**composition)
        for collection in composed.collections:
            standins.write(composed, collection, 1, folder / name / collection)
    return folder


@pytest.fixture
def fetched(project, small_sets):
    """A project whose datasets are fetched."""
    shutil.copytree(small_sets, project.raw(""))
    return project
