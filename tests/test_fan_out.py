"""What Snakemake runs again: by real dry runs over a finished study whose results are stand-ins."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.files import write_json, write_text
from pipeline.paths import scores_file

COPIED = ("Snakefile", "params.yaml", "pipeline", "stages", "rules", "profiles", "reports/paper")
FINISH = """
from pipeline import settings
from pipeline.training.experiment import marker, plan, wanted
params = settings.load()
for experiment in wanted(params, "sample"):
    file = marker(plan(params, "sample", experiment)[-1])
    for old in file.parent.glob("*.done"):
        old.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
"""
"""Leaves what says that every training is finished, as the code and the settings of this folder are."""


def run(folder, *command):
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def snakemake(folder, *arguments):
    return run(folder, str(Path(sys.executable).with_name("snakemake")), *arguments)


def planned(folder, target="ablations"):
    """How many jobs of each rule a dry run plans."""
    counts = re.findall(r"^(\w+) +(\d+)$", snakemake(folder, "-n", "--quiet", "rules", "--", target), re.MULTILINE)
    return {rule: int(count) for rule, count in counts if rule not in ("total", "ablations", "experiments", target)}


@pytest.fixture(scope="module")
def params(root):
    return settings.load(root / "params.yaml")


@pytest.fixture(scope="module")
def finished(root, params, tmp_path_factory):
    """A copy of the checkout in which everything that Snakemake makes lies, and Snakemake knows of it."""
    folder = tmp_path_factory.mktemp("fan_out")
    for name in COPIED:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(root / name, folder / name)
    data, ablation = folder / "runs/sample", params.ablation
    for name in params.study.training_sets:
        write_json(data / "packs" / name / "index.json", {"hashes": {"pairs": "0"}})
    write_json(data / "weights/perceptual.json", {"sha256": "0"})
    write_text(data / "splits" / f"{ablation.data}.csv", "")
    for name in params.weights("sample"):
        write_text(data / "pretrained" / name / "weights.safetensors", "")
        write_json(data / "pretrained" / name / "weights.json", {"sha256": "0"})
    run(folder, sys.executable, "-c", FINISH)
    for seed in params.sample.seeds:
        for row in ablation.configurations:
            write_text(scores_file(data, ablation.data, row, seed), "")
    for file in ("tables/ablations/table_5.csv", "tables/ablations/table_6.csv"):
        write_text(folder / "reports/sample" / file, "")
    for file in ("figures/ablations/figure_1.svg", "figures/ablations/figure_1.png"):
        write_text(folder / "reports/sample" / file, "")
    snakemake(folder, "--touch", "--forceall", "--", "ablations", "experiments")
    assert planned(folder) == planned(folder, "experiments") == {}
    return folder


@pytest.fixture
def edit(finished):
    """Change a file for one test; a file that was not there is removed again."""
    before = {}

    def change(path, change):
        file = finished / path
        before.setdefault(file, file.read_bytes() if file.exists() else None)
        file.write_text(change(file.read_text() if file.exists() else ""))

    yield change
    for file, content in before.items():
        file.unlink() if content is None else file.write_bytes(content)


def add(text):
    return lambda before: f"{before}\n{text}\n"


SHOWN = {"ablation_tables": 1, "ablation_figures": 1}
EDITS = {
    "reports/paper/table_5.csv": SHOWN,
    "pipeline/reporting/tables.py": SHOWN,
    "runs/sample/splits/ntire2020.csv": {"evaluate": 1, "ablation_tables": 1},
}


@pytest.mark.parametrize("edited", EDITS)
def test_an_edit_makes_again_what_is_shown_of_it_and_trains_nothing(finished, edit, edited):
    edit(edited, add("# an edit"))
    assert planned(finished) == EDITS[edited]
    assert planned(finished, "experiments") == {}


def test_code_that_every_training_runs_trains_everything(finished, edit, params):
    edit("pipeline/degradations/borders.py", add("# an edit"))
    sets, seeds = params.study.training_sets, params.sample.seeds
    rows = sum(len(params.rows(name)) for name in sets)
    assert planned(finished, "experiments") == {"train": len(sets) + rows * len(seeds)}
    assert planned(finished)["train"] == 1 + len(params.ablation.configurations) * len(seeds)


@pytest.mark.parametrize("package", ["recipes", "networks", "criteria", "degradations"])
def test_a_file_that_is_added_trains_nothing(finished, edit, package):
    edit(f"pipeline/{package}/added.py", add("x = 1"))
    assert planned(finished, "experiments") == {}


def test_a_changed_weight_trains_the_rows_that_read_it(finished, edit, params):
    edit("params.yaml", lambda text: text.replace("unif: 0.01, eta", "unif: 0.02, eta"))
    reading = [name for name in params.ablation.configurations if params.configurations[name].unif]
    elsewhere = [name for name in params.study.configurations if params.configurations[name].unif]
    others = [name for name in params.study.training_sets if name != params.ablation.data]
    expected = (len(reading) + len(elsewhere) * len(others)) * len(params.sample.seeds)
    assert planned(finished, "experiments") == {"train": expected}


def test_a_changed_pack_trains_its_own_rows_trunk_included(finished, edit, params):
    edit("runs/sample/packs/realsr/index.json", lambda text: text.replace('"0"', '"1"'))
    expected = 1 + len(params.rows("realsr")) * len(params.sample.seeds)
    assert planned(finished, "experiments") == {"train": expected}


def test_several_processes_share_a_training_by_torchrun_and_it_stays_the_same_training(finished, edit):
    edit("params.yaml", lambda text: text.replace("threads: 1\n", "threads: 1\n    processes: 2\n"))
    assert planned(finished, "experiments") == {}
    (file,) = (finished / "runs/sample/models/realsr/full/seed2").glob("*.done")
    file.unlink()
    try:
        said = snakemake(finished, "-n", "-p", "--", "realsr_full_seed2")
    finally:
        file.touch()
    assert "torchrun --standalone --nproc-per-node 2 -m stages.train --preset sample --data realsr" in said


def test_neither_file_times_nor_what_ran_before_decide(finished):
    for file in (finished / "runs/sample").rglob("*"):
        os.utime(file)
    hidden = (finished / ".snakemake").rename(finished / "hidden")
    try:
        assert planned(finished, "experiments") == {}
    finally:
        shutil.rmtree(finished / ".snakemake")
        hidden.rename(finished / ".snakemake")


def test_a_single_missing_training_is_run_by_its_name_and_by_all(finished):
    (file,) = (finished / "runs/sample/models/realsr/full/seed2").glob("*.done")
    file.unlink()
    try:
        assert planned(finished, "experiments") == {"train": 1}
        assert planned(finished, "realsr_full_seed2") == {"train": 1}
        assert planned(finished, "realsr_full_seed1") == {}
    finally:
        file.touch()
