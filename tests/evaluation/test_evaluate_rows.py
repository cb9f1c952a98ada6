"""Rows and their seeds: what a change restores and scores, and what it leaves alone."""

import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from pipeline.evaluation import evaluate as module
from pipeline.evaluation.restore import Restoration
from pipeline.evaluation.score import score
from pipeline.files import write_json
from pipeline.methods.rows import rows
from pipeline.networks import build
from pipeline.paths import restored_folders, score_files
from tests.evaluation.project import CHECKOUT, PARAMS, dataset, evaluated, picture

NETWORK = {"kind": "rrdb", "features": 4, "blocks": 1, "growth": 4}
ALL = {("bicubic", None), ("lanczos", None), ("plain", 1), ("plain", 2), ("full", 1), ("full", 2)}
ROWS = ("bicubic", "lanczos", "plain", "full")


def model(root, row, seed, weights):
    """A model whose weights follow from a number."""
    folder = root / "models/realsr" / row / f"seed{seed}"
    about = {"run": f"realsr-{row}-s{seed}-{weights}", "scale": 4, "network": NETWORK}
    write_json(folder / "model.json", about)
    torch.manual_seed(weights)
    save_file(build(NETWORK, 4).state_dict(), folder / "generator.safetensors")


class Here:
    """Scores in this process: another one takes seconds to start."""

    def __init__(self, measure):
        self.measure, self.scores = measure, []

    def add(self, cases, folders):
        self.scores.append(score(cases, folders, self.measure, threads=1))

    def results(self):
        return iter(self.scores)


@pytest.fixture(scope="module", autouse=True)
def in_this_process():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "scoring", contextmanager(lambda measure: iter([Here(measure)])))
        yield


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A dataset restored by two interpolations and two trained rows with two seeds each."""
    project = tmp_path_factory.mktemp("project")
    dataset(project, "realsr", 4)
    root = project / "runs/sample"
    for number, (row, seed) in enumerate(sorted(made for made in ALL if made[1])):
        model(root, row, seed, number)
    evaluated(root, ROWS, seeds=(1, 2))
    return root


@pytest.fixture
def made(first, tmp_path):
    """A copy to change."""
    return Path(shutil.copytree(first, tmp_path / "runs/sample"))


@pytest.fixture
def work(monkeypatch):
    """What is restored and what is scored, by row and seed."""
    done = {"restored": set(), "scored": set()}

    def restore(self, cases, meter):
        if self.missing(cases):
            done["restored"].add((self.record.row.name, self.record.seed))
        real_restore(self, cases, meter)

    def scored(dataset, works, cases, measure):
        done["scored"] |= {(work.record.row.name, work.record.seed) for work in works}
        return real_scored(dataset, works, cases, measure)

    real_restore, real_scored = Restoration.restore, module._restored_and_scored
    monkeypatch.setattr(Restoration, "restore", restore)
    monkeypatch.setattr(module, "_restored_and_scored", scored)
    return done


def test_seeds_lie_side_by_side(made, work):
    assert set(restored_folders(made, "realsr")) == ALL == set(score_files(made, "realsr"))
    about = json.loads((made / "restored/realsr/full/seed2/restored.json").read_text())
    assert (about["method"], about["dataset"], about["seed"]) == ("full", "realsr", 2)
    assert re.fullmatch(r"realsr-full-s2-\d", about["run"])
    assert about["checkpoint"] is None
    tables = [pd.read_csv(file)["psnr"].tolist() for file in score_files(made, "realsr").values()]
    assert len({tuple(values) for values in tables}) == len(ALL)
    evaluated(made, ROWS, seeds=(1, 2))
    assert work == {"restored": set(), "scored": set()}


def test_a_changed_model_restores_and_scores_its_own_row_and_seed_alone(made, work):
    model(made, "plain", 2, 77)
    evaluated(made, ROWS, seeds=(1, 2))
    assert work == {"restored": {("plain", 2)}, "scored": {("plain", 2)}}


def test_a_run_of_another_name_with_the_same_weights_is_named_and_restores_nothing(made, work):
    file = made / "models/realsr/plain/seed1/model.json"
    write_json(file, json.loads(file.read_text()) | {"run": "another"})
    evaluated(made, ROWS, seeds=(1, 2))
    assert work == {"restored": set(), "scored": set()}
    assert json.loads((made / "restored/realsr/plain/seed1/restored.json").read_text())["run"] == "another"


def test_the_rows_asked_for_leave_the_others_alone(made, work):
    model(made, "plain", 1, 78)
    model(made, "full", 1, 79)
    before = {place: place.stat().st_mtime_ns for place in (made / "restored/realsr").glob("[!f]*/**/*")}
    evaluated(made, ROWS, only=["full"], seeds=(1, 2))
    assert work == {"restored": {("full", 1)}, "scored": {("full", 1)}}
    assert {place: place.stat().st_mtime_ns for place in before} == before
    assert set(restored_folders(made, "realsr")) == ALL == set(score_files(made, "realsr"))
    evaluated(made, ROWS, seeds=(1, 2))
    assert work["scored"] == {("full", 1), ("plain", 1)}


def test_another_metric_or_ground_truth_scores_all_and_restores_nothing(made, work):
    evaluated(made, ROWS, seeds=(1, 2), protocol=PARAMS.protocol.model_copy(update={"metrics": ["psnr", "psnr_y"]}))
    assert work == {"restored": set(), "scored": ALL}
    work["scored"].clear()
    picture(made / "raw/realsr/1_HR.png", 24, 32, 99)
    evaluated(made, ROWS, seeds=(1, 2))
    assert work == {"restored": set(), "scored": ALL}


def test_other_code_of_the_metrics_scores_again(made, work, monkeypatch):
    monkeypatch.setattr("pipeline.evaluation.kept_scores.code_hash", lambda *names: "other")
    evaluated(made, ROWS, only=["bicubic"], seeds=(1, 2))
    assert work == {"restored": set(), "scored": {("bicubic", None)}}


def test_scores_whose_writing_was_cut_short_are_made_again(made, work):
    (made / "scores/realsr/lanczos.json").unlink()
    (made / "scores/realsr/lanczos.csv").write_text("image,psnr\n")
    evaluated(made, ROWS, only=["lanczos"], seeds=(1, 2))
    assert work["scored"] == {("lanczos", None)}
    assert len((made / "scores/realsr/lanczos.csv").read_text().splitlines()) == 3


def test_rows_and_seeds_that_the_study_has_no_more_are_removed(made):
    evaluated(made, ["bicubic", "plain"], seeds=(2,))
    left = {("bicubic", None), ("plain", 2)}
    assert set(restored_folders(made, "realsr")) == left == set(score_files(made, "realsr"))
    assert not (made / "restored/realsr/full").exists()
    assert not (made / "restored/realsr/plain/seed1").exists()


def test_rows_stand_in_the_tables_order_and_ablations_on_their_own_dataset():
    found = {name: [row.name for row in rows(PARAMS, "sample", name)] for name in PARAMS.study.sets}
    references, rivals = ["bicubic", "bicubic_matlab", "lanczos"], ["impressionism", "real_esrgan"]
    assert found["realsr"] == [*references, "plain", "full", *rivals]
    assert found["realsr_zero"] == found["realsr"]
    assert found["camerasr"] == ["identity", "plain", "full", *rivals]
    assert found["calibration"] == [*references, *rivals]
    ablations = [name for name in PARAMS.ablation.configurations if name not in ("plain", "full")]
    assert found["ntire2020"] == [*references, "plain", "full", *ablations, *rivals]
    paper = rows(PARAMS, "paper", "ntire2020")
    assert [row.title for row in paper if row.kind == "published"] == [
        "EDSR",
        "ESRGAN",
        "Impressionism",
        "Real-ESRGAN",
        "Cria-CL, the authors' checkpoint",
    ]


def test_records_are_importable_without_torch():
    script = "import sys, pipeline.methods.records; sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, check=False).returncode == 0
