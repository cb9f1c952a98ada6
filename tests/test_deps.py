"""dvc.yaml depends on the code that its stages run, file by file."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from pipeline import code
from pipeline.deps import SETTINGS, code_of, updated
from pipeline.errors import UserError

OTHER = ("opinions", "reports/", "runs/", "checkpoints")
"""What stages depend on beside code."""


@pytest.fixture(scope="module")
def stages(root):
    return yaml.safe_load((root / "dvc.yaml").read_text())["stages"]


def test_dvc_yaml_is_in_step_with_the_imports(root):
    text = (root / "dvc.yaml").read_text()
    assert updated(text, root) == text, "the imports have changed: run `make deps`"


def test_no_other_code_is_among_the_dependencies_and_no_folder_of_code(root, stages):
    for name, stage in stages.items():
        for place in stage["deps"]:
            is_code = place in code_of(stage["cmd"], root)
            assert is_code != place.startswith(OTHER), f"{name}: {place}"
            assert not is_code or place == SETTINGS or not list((root / place).glob("*.py")), f"{name}: {place}"


def test_every_stage_loads_the_settings(root):
    for file in (root / "stages").glob("[!_]*.py"):
        assert "settings.load()" in file.read_text(), file


def depending(stages, module):
    return {name for name, stage in stages.items() if module in stage["deps"]}


TRAIN = {"trunk", "train", "ablations"}
EVALUATE = {"evaluate", "evaluate_transfer", "evaluate_rivals", "ablations"}
TABLES = {"tabulate", "tabulate_efficiency"}
EDITED = {
    "pipeline/training/trainer.py": TRAIN,
    "pipeline/training/checkpoints.py": TRAIN,
    "pipeline/criteria/comparative.py": TRAIN,
    "pipeline/networks/discriminators.py": TRAIN,
    "pipeline/degradations/second_order.py": {*TRAIN, "pack"},
    "pipeline/evaluation/restore.py": EVALUATE,
    "pipeline/evaluation/score.py": EVALUATE,
    "pipeline/evaluation/validation.py": TRAIN,
    "pipeline/evaluation/metrics/niqe.py": {*EVALUATE, *TABLES, "illustrate", "illustrate_parts", "report"},
    "pipeline/methods/classical.py": EVALUATE,
    "pipeline/methods/rivals.py": {*EVALUATE, "rival"},
    "pipeline/methods/trained.py": {*EVALUATE, *TRAIN},
    "pipeline/degradations/kernelgan.py": {"fetch", "pools", "pack", "report"},
    "pipeline/datasets/standins.py": {"fetch"},
    "pipeline/fetching/unpack.py": {"fetch", "features", "weights"},
    "pipeline/weights/convert/ncnn.py": {"features", "weights"},
    "pipeline/networks/edsr.py": {*EVALUATE, "rival", "efficiency"},
    "pipeline/evaluation/efficiency.py": {"efficiency"},
    "pipeline/mos/server.py": set(),
    "pipeline/upscale/tiled.py": set(),
    "pipeline/reporting/page.py": {"report"},
    "pipeline/tracking/run.py": set(),
    "Snakefile": {"ablations"},
    "rules/common.smk": {"ablations"},
}


@pytest.mark.parametrize("module", EDITED)
def test_an_edit_makes_those_stages_stale_that_run_the_module(stages, module):
    assert depending(stages, module) == EDITED[module]


def test_the_fan_out_depends_on_what_the_stages_that_it_calls_depend_on(root):
    fan_out = code_of("snakemake -- ablations", root)
    for stage in ("train", "evaluate", "tabulate", "illustrate"):
        assert code.modules(f"stages.{stage}") <= set(fan_out)
    assert {"Snakefile", "rules/common.smk", "pipeline/evaluation/metrics/table.py"} <= set(fan_out)


def test_a_new_import_is_written_by_the_command(root, tmp_path):
    for name in ("pipeline", "stages", "rules"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "dvc.yaml"):
        shutil.copy(root / name, tmp_path)
    before = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"]
    (tmp_path / "pipeline/added.py").write_text("x = 1\n")
    edited = tmp_path / "pipeline/datasets/standins.py"
    edited.write_text(f"{edited.read_text()}\n\ndef added():\n    from pipeline.added import x\n")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "deps"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "dvc.yaml\n"), done.stderr
    after = yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"]
    assert {name: set(after[name]["deps"]) - set(before[name]["deps"]) for name in after} == {
        name: {"pipeline/added.py"} if name == "fetch" else set() for name in after
    }
    assert all({**after[name], "deps": 0} == {**before[name], "deps": 0} for name in after)


def test_a_stage_whose_dependencies_cannot_be_written_is_named(root):
    text = "stages:\n  split:\n    cmd: python -m stages.split\n    deps: [raw]\n"
    with pytest.raises(UserError, match=r"dvc\.yaml: split: write `deps:` as a list"):
        updated(text, root)
