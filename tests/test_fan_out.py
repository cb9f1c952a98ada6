"""What `snakemake ablations` runs again: by real dry runs over a finished study whose results are stand-ins."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.evaluation.metrics import METRICS
from pipeline.files import write_json, write_text

COPIED = ("Snakefile", "params.yaml", "pipeline", "stages", "rules", "profiles", "reports/paper")


def snakemake(folder, *arguments):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("snakemake")), *arguments, "--", "ablations"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def planned(folder):
    """How many jobs of each rule a dry run plans."""
    counts = re.findall(r"^(\w+) +(\d+)$", snakemake(folder, "-n", "--quiet", "rules"), re.MULTILINE)
    return {rule: int(count) for rule, count in counts if rule not in ("total", "ablations")}


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory):
    """A copy of the checkout in which everything that `ablations` makes lies, and Snakemake knows of it."""
    folder = tmp_path_factory.mktemp("fan_out")
    for name in COPIED:
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        copy(root / name, folder / name)
    params = settings.load(root / "params.yaml")
    data, ablation = folder / "runs/sample", params.ablation
    write_json(data / "packs" / ablation.data / "index.json", {"hashes": {"pairs": "0"}})
    write_json(data / "weights/perceptual.json", {"sha256": "0"})
    write_text(data / "models" / ablation.data / "trunk/generator.safetensors", "")
    write_text(data / "splits" / f"{ablation.data}.csv", "")
    for name in {name for metric in METRICS.values() for name in metric.weights}:
        write_text(data / "pretrained" / name / "weights.safetensors", "")
        write_json(data / "pretrained" / name / "weights.json", {"sha256": "0"})
    for seed in params.sample.seeds:
        made = data / "ablations" / f"seed{seed}"
        for name in ablation.configurations:
            for file in ("generator.safetensors", "model.json", "history.jsonl"):
                write_text(made / "models" / ablation.data / name / file, "")
            write_text(made / "scores" / ablation.data / f"{name}.csv", "")
    for file in ("tables/ablations/table_5.csv", "tables/ablations/table_6.csv"):
        write_text(folder / "reports/sample" / file, "")
    for file in ("figures/ablations/figure_1.svg", "figures/ablations/figure_1.png"):
        write_text(folder / "reports/sample" / file, "")
    snakemake(folder, "--touch", "--forceall")
    assert planned(folder) == {}
    return folder


SHOWN = {"ablation_tables": 1, "ablation_figures": 1}


EDITS = {
    "reports/paper/table_5.csv": SHOWN,
    "pipeline/reporting/tables.py": SHOWN,
    "pipeline/degradations/borders.py": {"train": 18, "evaluate": 2, **SHOWN},  # nine configurations, two seeds
    "runs/sample/splits/ntire2020.csv": {"evaluate": 2, "ablation_tables": 1},
}


@pytest.mark.parametrize("edited", EDITS)
def test_an_edit_runs_again_what_reads_it(finished, edited):
    file = finished / edited
    text = file.read_text()
    file.write_text(f"{text}\n# an edit\n")
    try:
        assert planned(finished) == EDITS[edited]
    finally:
        file.write_text(text)
