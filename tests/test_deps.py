"""Each stage of dvc.yaml depends on the code that it runs, file by file, through stages/dvc.yaml."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import code
from pipeline.deps import BY_NAME, FAN_OUT, SETTINGS, code_of, graph
from pipeline.paths import code_record

CODE = ("pipeline", "stages", "rules", "Snakefile")


@pytest.fixture(scope="module")
def listed(root):
    """The code of each stage, as stages/dvc.yaml lists it."""
    return {
        name: stage["deps"]
        for name, stage in yaml.safe_load((root / "stages/dvc.yaml").read_text())["stages"].items()
    }


def test_the_graph_of_the_code_is_in_step_with_the_imports(root):
    assert (root / "stages/dvc.yaml").read_text() == graph(root), "the imports have changed: run `make deps`"


def test_every_stage_depends_on_its_code_and_on_no_other(root):
    for name, stage in yaml.safe_load((root / "dvc.yaml").read_text())["stages"].items():
        names = re.findall(r"-m stages\.(\w+)", str(stage["cmd"])) or [FAN_OUT]
        records = [code_record(called).as_posix() for called in names]
        assert [place for place in stage["deps"] if place.startswith("runs/code/")] == records, name
        assert not [place for place in stage["deps"] if place.startswith(CODE)], name


def test_folders_are_listed_of_packages_alone_whose_modules_are_chosen_by_name(root, listed):
    folders = {place for places in listed.values() for place in places if list((root / place).glob("*.py"))}
    assert folders == {SETTINGS, *BY_NAME}


def test_every_stage_loads_the_settings(root):
    for file in {*(root / "stages").glob("[!_]*.py")} - {root / "stages/code.py"}:
        assert "settings.load()" in file.read_text(), file


TRAIN = {"experiments"}
EVALUATE = {"evaluate"}
NETWORKS = {"experiments", "evaluate", "efficiency", "parts"}
EDITED = {
    "pipeline/training/trainer.py": TRAIN,
    "pipeline/training/checkpoints.py": TRAIN,
    "pipeline/criteria/comparative.py": TRAIN,
    "pipeline/degradations/second_order.py": {*TRAIN, "pack"},
    "pipeline/evaluation/restore.py": EVALUATE,
    "pipeline/evaluation/score.py": EVALUATE,
    "pipeline/evaluation/validation.py": TRAIN,
    "pipeline/evaluation/metrics/niqe.py": {*EVALUATE, "tabulate", "illustrate", "report"},
    "pipeline/methods/classical.py": EVALUATE,
    "pipeline/methods/published.py": {*EVALUATE},
    "pipeline/methods/trained.py": {*EVALUATE, *TRAIN},
    "pipeline/degradations/kernelgan.py": {"fetch", "pools", "pack", "report"},
    "pipeline/datasets/standins.py": {"fetch"},
    "pipeline/fetching/unpack.py": {"fetch", "features", "weights"},
    "pipeline/weights/convert/ncnn.py": {"features", "weights"},
    "pipeline/networks": NETWORKS,
    "pipeline/recipes": TRAIN,
    "pipeline/evaluation/efficiency.py": {"efficiency"},
    "pipeline/mos/server.py": set(),
    "pipeline/upscale/tiled.py": set(),
    "pipeline/reporting/page.py": {"report"},
    "pipeline/tracking/run.py": set(),
    "pipeline/evaluation/case.py": {*EVALUATE, "parts", "tabulate", "illustrate", "report"},
    "Snakefile": TRAIN,
    "rules/common.smk": TRAIN,
}


@pytest.mark.parametrize("module", EDITED)
def test_an_edit_makes_those_stages_stale_that_run_the_module(listed, module):
    assert {name for name, places in listed.items() if module in places} == EDITED[module]


def test_the_fan_out_depends_on_what_the_stage_that_it_calls_depends_on(root):
    fan_out = code_of(FAN_OUT, root)
    trained = {file for file in code.modules("stages.train") if str(Path(file).parent) not in BY_NAME}
    assert trained <= set(fan_out)
    assert {"Snakefile", "rules/common.smk", "pipeline/criteria/comparative.py", *BY_NAME} <= set(fan_out)
    assert "pipeline/reporting/tables.py" not in fan_out


class Copy:
    """The checkout's code in a folder of its own, under DVC."""

    def __init__(self, root, folder):
        self.folder = folder
        for name in ("pipeline", "stages", "rules"):
            shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Snakefile", ".dvcignore"):
            shutil.copy(root / name, folder)
        self.run("dvc", "init", "--no-scm", "--quiet")

    def run(self, *command, expect=0):
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": paths, "PYTHONPATH": ""}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ran(self):
        """The stages of stages/dvc.yaml that DVC finds stale, and runs."""
        return set(
            re.findall(r"Running stage 'stages/dvc\.yaml:(\w+)'", self.run("dvc", "repro", "stages/dvc.yaml"))
        )

    def edit(self, file, text):
        place = self.folder / file
        before = place.read_text() if place.exists() else ""
        place.write_text(before + text)


@pytest.fixture(scope="module")
def copy(root, tmp_path_factory):
    copy = Copy(root, tmp_path_factory.mktemp("deps") / "checkout")
    assert copy.ran() == set(yaml.safe_load((root / "stages/dvc.yaml").read_text())["stages"])
    return copy


def test_dvc_notices_an_edit_where_it_matters_and_an_added_file_nowhere(copy):
    records = {file: file.read_bytes() for file in (copy.folder / "runs/code").iterdir()}
    copy.edit("pipeline/criteria/added.py", "x = 1\n")
    copy.edit("pipeline/fetching/unpack.py", "\n# an edit\n")
    assert copy.ran() == {"fetch", "features", "weights"}
    changed = {file.stem for file, content in records.items() if file.read_bytes() != content}
    assert changed == {"fetch", "features", "weights"}


def test_an_import_that_the_graph_does_not_list_stops_it_and_the_command_mends_it(copy):
    copy.edit("pipeline/added.py", "x = 1\n")
    copy.edit("pipeline/datasets/standins.py", "\n\ndef added():\n    from pipeline.added import x\n")
    said = copy.run("dvc", "repro", "stages/dvc.yaml:fetch", expect=255)
    assert "the imports of the stage fetch are not those that stages/dvc.yaml lists. Run `make deps`." in said
    assert copy.run("python", "-m", "pipeline", "deps") == "stages/dvc.yaml\n"
    assert copy.ran() == {"fetch"}
    assert '"pipeline/added.py"' in (copy.folder / "runs/code/fetch.json").read_text()
