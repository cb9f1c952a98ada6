"""The ablations in MLflow: a run a table with its rows under it, test scores on the trainings themselves."""

import os
import subprocess
import sys

import pytest

from pipeline.settings import load
from pipeline.tracking import Table, record_scores, record_tables, tracked

TABLE_V = "tags.tables LIKE 'V%' AND tags.tables != 'VI'"
TABLE_VI = "tags.tables LIKE '%VI'"
"""As the docstring of pipeline.tracking gives them."""

TABLES = {"plain": ("V",), "full": ("V", "VI"), "anchor_adv": ("VI",)}


def search(client, query=""):
    """Runs by name."""
    experiment = client.get_experiment_by_name("cria-cl/sample").experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment], query)}


def train(name, tables=()):
    """The run of a finished training."""
    with tracked("sample", name, params={"a": 1}, environment={}, tables=tables):
        pass


@pytest.fixture
def study(store):
    """A client of a store with three rows, and a comparison that is none."""
    for configuration, tables in TABLES.items():
        train(f"ntire2020-{configuration}-s1-0a", tables)
    train("realsr-full-s1-0b")
    return store


def children(client):
    """Names by the name of their parent."""
    found = search(client)
    names = {run.info.run_id: name for name, run in found.items()}
    return {
        name: names[run.data.tags["mlflow.parentRunId"]]
        for name, run in found.items()
        if "mlflow.parentRunId" in run.data.tags
    }


def test_rows_stand_under_the_first_table_that_they_are_in(study):
    assert children(study) == {
        "ntire2020-plain-s1-0a": "Table V",
        "ntire2020-full-s1-0a": "Table V",
        "ntire2020-anchor_adv-s1-0a": "Table VI",
    }
    assert search(study)["Table V"].info.status == "FINISHED"


def test_the_documented_filters_find_the_rows_of_a_table(study):
    import pipeline.tracking

    assert TABLE_V in pipeline.tracking.__doc__
    assert TABLE_VI in pipeline.tracking.__doc__
    assert set(search(study, TABLE_V)) == {"ntire2020-plain-s1-0a", "ntire2020-full-s1-0a"}
    assert set(search(study, TABLE_VI)) == {"ntire2020-anchor_adv-s1-0a", "ntire2020-full-s1-0a"}


def test_the_comparisons_training_becomes_a_row_when_the_ablations_find_it_again(store):
    train("ntire2020-full-s1-0a")
    assert children(store) == {}
    train("ntire2020-full-s1-0a", ("V", "VI"))
    train("ntire2020-full-s1-0a")
    assert children(store) == {"ntire2020-full-s1-0a": "Table V"}


def test_params_say_which_tables_a_configuration_is_in(root):
    ablation = load(root / "params.yaml").ablation
    assert [ablation.tables_of(name) for name in ("plain", "full", "anchor_adv")] == list(TABLES.values())
    assert ablation.tables_of("trunk") == ()


def test_test_scores_arrive_at_the_training_that_made_them(study, tmp_path):
    (tmp_path / "plain.csv").write_text("image,psnr,niqe\na,20.0,\nb,23.0,\n")
    (tmp_path / "full.csv").write_text("image,psnr,niqe\na,21.0,4.0\nb,24.0,5.0\n")
    (tmp_path / "bicubic.csv").write_text("image,psnr,niqe\na,19.0,4.0\nb,19.0,5.0\n")
    runs = {"plain": "ntire2020-plain-s1-0a", "full": "ntire2020-full-s1-0a"}
    for dataset in ("ntire2020", "realsr_zero"):
        record_scores("sample", dataset, tmp_path, params={"dataset": dataset}, environment={}, runs=runs)
    found = search(study, TABLE_V)
    own = {"test/psnr": 21.5, "test/realsr_zero/psnr": 21.5}
    assert found["ntire2020-plain-s1-0a"].data.metrics == own
    assert found["ntire2020-full-s1-0a"].data.metrics == {
        "test/psnr": 22.5,
        "test/niqe": 4.5,
        "test/realsr_zero/psnr": 22.5,
        "test/realsr_zero/niqe": 4.5,
    }
    assert found["ntire2020-full-s1-0a"].info.status == "FINISHED"
    assert search(study)["realsr-full-s1-0b"].data.metrics == {}


def test_scores_of_a_training_that_was_never_mirrored_are_no_error(study, tmp_path, capsys):
    (tmp_path / "plain.csv").write_text("image,psnr\na,20.0\n")
    record_scores("sample", "ntire2020", tmp_path, params={}, environment={}, runs={"plain": "ntire2020-gone"})
    assert "ntire2020-gone" not in search(study)
    assert capsys.readouterr().err == ""


def test_a_written_table_is_on_its_run_with_exactly_its_rows(study, tmp_path):
    files = tuple(tmp_path / f"table_5.{suffix}" for suffix in ("csv", "md"))
    for file in files:
        file.write_text("a table")
    train("ntire2020-plain-s1-9f", ("V",))  # `plain` with changed settings; s1-0a is out of date
    rows = ("ntire2020-plain-s1-9f", "ntire2020-full-s1-0a")
    record_tables("sample", [Table("V", rows, files), Table("VI", ("ntire2020-full-s1-0a",), ())])
    assert set(search(study, TABLE_V)) == set(rows)
    assert set(search(study, TABLE_VI)) == {"ntire2020-full-s1-0a"}
    assert children(study) == dict.fromkeys(rows, "Table V")
    parent = search(study)["Table V"].info.run_id
    assert [file.path for file in study.list_artifacts(parent)] == ["table_5.csv", "table_5.md"]


SIX_AT_ONCE = """
import os, sys
import mlflow.store.tracking.sqlalchemy_store  # imported once, so that the six reach the store together
from pipeline.tracking import tracked
children = []
for number in range(6):
    child = os.fork()
    if child == 0:
        with tracked("sample", f"run-{number}", params={}, environment={}, tables=("V", "VI")[number % 2 :]):
            pass
        os._exit(0)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


def test_six_rows_that_start_together_share_one_parent_a_table(root, store):
    done = subprocess.run(
        [sys.executable, "-c", SIX_AT_ONCE], cwd=root, env=os.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr
    experiment = store.get_experiment_by_name("cria-cl/sample").experiment_id
    names = sorted(run.info.run_name for run in store.search_runs([experiment]))
    assert names == ["Table V", "Table VI", *(f"run-{number}" for number in range(6))]
    assert children(store) == {f"run-{n}": ("Table V", "Table VI")[n % 2] for n in range(6)}


def test_a_dead_store_costs_one_warning(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9/tables")
    (tmp_path / "plain.csv").write_text("image,psnr\na,20.0\n")
    train("ntire2020-plain-s1-0a", ("V",))
    record_scores("sample", "ntire2020", tmp_path, params={}, environment={}, runs={"plain": "ntire2020-plain"})
    record_tables("sample", [Table("V", ("ntire2020-plain-s1-0a",), (tmp_path / "plain.csv",))])
    assert capsys.readouterr().err.count("warning: not mirrored") == 1
