"""The real graph by its real commands, in a temporary clone."""

import os
import re
import signal
import sqlite3
import time

import pandas as pd
import pytest

from tests.graph.clone import TABLES, Clone

pytestmark = [pytest.mark.graph, pytest.mark.xdist_group("graph")]


def ran(output: str) -> list[str]:
    """The stages that a `dvc repro` ran."""
    return re.findall(r"Running stage '([^']+)'", output)


def test_every_table_and_the_page_are_made(study):
    names = {name.removeprefix("reports/sample/") for name in study.made("reports/sample/**/*")}
    tables = {"comparison/calibration", "efficiency/table_7"}
    tables |= {f"comparison/table_{number}" for number in (1, 2, 3, 4)}
    tables |= {f"ablations/table_{number}{part}" for number in (5, 6) for part in ("", "_contrasts")}
    expected = {f"tables/{name}.{kind}" for name in tables for kind in ("csv", "md", "tex")}
    figures = {f"figures/ablations/figure_1.{kind}" for kind in ("svg", "png")}
    datasets = ("realsr", "ntire2020", "camerasr", "realsr_zero", "calibration")
    cuts = {
        f"figures/comparison/{name}_{what}.{kind}"
        for name in datasets
        for what in ("cuts", "scores")
        for kind in ("svg", "png")
    }
    sets = ("realsr", "ntire2020", "camerasr")
    parts = {f"figures/parts/{name}_full.{kind}" for name in sets for kind in ("svg", "png")}
    assert names == {*expected, *figures, *cuts, *parts, "index.html"}


def test_the_reference_row_equals_an_independent_computation(study):
    import cv2
    import numpy as np

    split = pd.read_csv(study.folder / "runs/sample/splits/realsr.csv")
    scores = pd.read_csv(study.folder / "runs/sample/scores/realsr/bicubic.csv").set_index("image")
    raw = study.folder / "runs/sample/raw/realsr"
    for row in split[split["role"] == "test"].itertuples():
        hr = cv2.imread(str(raw / row.hr)).astype(float)
        lr = cv2.imread(str(raw / row.lr))
        sr = cv2.resize(lr, hr.shape[1::-1], interpolation=cv2.INTER_CUBIC).astype(float)
        error = np.mean((hr - sr)[4:-4, 4:-4] ** 2)
        assert scores.loc[row.id, "psnr"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)


def test_again_does_nothing(study):
    output = study.run("dvc", "repro")
    assert ran(output) == []
    assert "up to date" in output


def test_snakemake_alone_agrees_that_nothing_is_to_be_done(study):
    assert "Nothing to be done" in study.run("snakemake", "-n", "--", "ablations", "experiments")


def test_every_training_and_scoring_is_a_run_in_mlflow(study):
    with sqlite3.connect(study.folder / "mlflow/mlflow.db") as store:
        names = {name for (name,) in store.execute("select name from runs where status = 'FINISHED'")}
    assert {"Table V", "Table VI"} <= names
    trained = {name.rsplit("-", 1)[0] for name in names if not name.startswith(("score-", "Table "))}
    sets = ("realsr", "ntire2020", "camerasr")
    expected = {f"{row}-s{seed}-{data}" for data in sets for row in ("plain", "full") for seed in (1, 2)}
    assert trained == expected | {f"trunk-s1-{data}" for data in sets}
    scored = {name.split("-")[1] for name in names if name.startswith("score-")}
    assert scored == {"realsr", "ntire2020", "camerasr", "realsr_zero", "calibration"}


def test_one_changed_configuration_reruns_itself_and_what_depends_on_it(study):
    models, images = "runs/sample/models/**/*.safetensors", "runs/sample/restored/**/*.png"
    before, times = study.made(models), modified(study, images)
    study.edit(lambda params: params["configurations"]["full"].update(positives=["ssim"]))
    planned = study.run("snakemake", "-n", "--quiet=rules", "--", "experiments")
    assert re.search(r"^train\s+6$", planned, re.MULTILINE), planned  # three training sets, two seeds
    stages = ran(study.run("dvc", "repro"))
    assert not [stage for stage in stages if stage.split("@")[0] in ("fetch", "split", "pack", "features")]
    assert {"experiments@sample", "ablations@sample", "tabulate@sample", "report@sample"} <= set(stages)
    after = study.made(models)
    assert {name for name in after if after[name] != before[name]} == {name for name in after if "/full/" in name}
    again = {name for name, time in modified(study, images).items() if time != times[name]}
    assert again == {name for name in times if "/full/" in name}


def modified(study, pattern):
    """When each file that matches was written."""
    return {str(file.relative_to(study.folder)): file.stat().st_mtime_ns for file in study.folder.glob(pattern)}


MOMENTS = {  # seconds into a stage, short enough to be inside it
    "fetch@sample-ntire2020": 0.3,
    "pack@sample-realsr": 0.3,
    "experiments@": 12.0,
    "evaluate@": 4.0,
    "ablations@": 1.0,
    "report@": 0.5,
}


def test_killed_anywhere_it_ends_with_the_same_tables(study, tmp_path):
    # `study` may have a changed configuration by now: start from the same params.
    clone = Clone(tmp_path / "killed")
    (clone.folder / "params.yaml").write_bytes((study.folder / "params.yaml").read_bytes())
    for stage, seconds in MOMENTS.items():
        kill_at(clone, stage, seconds)
    clone.run("dvc", "repro")
    study.run("dvc", "repro")
    assert clone.made(*TABLES) == study.made(*TABLES)
    assert not list(clone.folder.glob("runs/**/.*.partial"))


def kill_at(clone: Clone, stage: str, seconds: float) -> None:
    """Start `dvc repro` and kill its whole process group, with SIGKILL, `seconds` into `stage`."""
    process = clone.start("dvc", "repro")
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line.startswith(f"Running stage '{stage}"):
            break
    else:
        raise AssertionError(f"{stage} never ran:\n{''.join(seen)}")
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
