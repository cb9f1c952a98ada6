"""The ablations in MLflow: a run a table with its rows under it, test scores on the trainings themselves."""

import json
import os
import subprocess
import sys
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.files import write_text
from pipeline.paths import scores_file
from pipeline.settings import load
from pipeline.tracking import Table, record_scores, record_tables, tracked
from pipeline.tracking.notes import NOTE_LENGTH, shortened

TABLE_V = "tags.tables LIKE 'V%' AND tags.tables != 'VI'"
TABLE_VI = "tags.tables LIKE '%VI'"
"""As the docstring of pipeline.tracking gives them."""

TABLES = {"plain": ("V",), "full": ("V", "VI"), "anchor_adv": ("VI",)}


def search(client, query=""):
    """Runs by name."""
    experiment = client.get_experiment_by_name("cria-cl/sample").experiment_id
    return {run.info.run_name: run for run in client.search_runs([experiment], query)}


def train(name, tables=(), folder=None):
    """The run of a finished training; its model is what lies in `folder`."""
    with tracked("sample", name, params={"a": 1}, environment={}, tables=tables) as run:
        if folder is not None:
            run.model(folder, "full-s1")


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


def write_scores(root, **texts):
    """Scores of rows: bicubic's, and of every other row those of seed 1, on both datasets."""
    for dataset in ("ntire2020", "realsr_zero"):
        for row, text in texts.items():
            write_text(scores_file(root, dataset, row, None if row == "bicubic" else 1), text)


def test_test_scores_arrive_at_the_training_that_made_them(study, tmp_path):
    write_scores(
        tmp_path,
        plain="image,psnr,niqe\na,20.0,\nb,23.0,\n",
        full="image,psnr,niqe\na,21.0,4.0\nb,24.0,5.0\n",
        bicubic="image,psnr,niqe\na,19.0,4.0\nb,19.0,5.0\n",
    )
    runs = {("plain", 1): "ntire2020-plain-s1-0a", ("full", 1): "ntire2020-full-s1-0a"}
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


def test_test_scores_are_on_the_model_as_well(store, tmp_path):
    write_scores(tmp_path, full="image,psnr\na,21.0\nb,24.0\n")
    train("ntire2020-full-s1-0a", folder=tmp_path / "scores")
    runs = {("full", 1): "ntire2020-full-s1-0a"}
    record_scores("sample", "ntire2020", tmp_path, params={}, environment={}, runs=runs)
    (model,) = store.search_logged_models([store.get_experiment_by_name("cria-cl/sample").experiment_id])
    assert {metric.key: metric.value for metric in model.metrics} == {"test/psnr": 22.5}


def test_scores_of_a_training_that_was_never_mirrored_are_no_error(study, tmp_path, capsys):
    write_scores(tmp_path, plain="image,psnr\na,20.0\n")
    record_scores("sample", "ntire2020", tmp_path, params={}, environment={}, runs={("plain", 1): "ntire2020-gone"})
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


def test_a_tables_run_shows_the_table_and_then_its_contrasts(study, tmp_path):
    files = tuple(tmp_path / f"table_6{kind}.md" for kind in ("", "_contrasts"))
    for file, text in zip(files, ("the table\n", "its contrasts\n"), strict=True):
        file.write_text(text)
    record_tables("sample", [Table("VI", ("ntire2020-full-s1-0a",), files)])
    note = search(study)["Table VI"].data.tags["mlflow.note.content"]
    assert note.endswith("the table\n\nits contrasts\n")


def test_a_tables_run_shows_the_table_with_links_to_its_rows(study, tmp_path):
    file = tmp_path / "table_6.md"
    file.write_text(
        "| Anchor | 22.1 |\n\n- Runs: ntire2020-anchor\\_adv-s1-0a, ntire2020-full-s1-0a, ntire2020-gone.\n"
    )
    rows = ("ntire2020-anchor_adv-s1-0a", "ntire2020-full-s1-0a")
    record_tables("sample", [Table("VI", (*rows, "ntire2020-gone"), (file,))])
    found = search(study)
    experiment, ids = found["Table VI"].info.experiment_id, [found[name].info.run_id for name in rows]
    listed, _, table = found["Table VI"].data.tags["mlflow.note.content"].partition("\n\n")
    shown = [
        f"[{name}](#/experiments/{experiment}/runs/{run}?workflowType=machine_learning)"
        for name, run in zip(rows, ids, strict=True)
    ]
    shown[0] = shown[0].replace("anchor_adv", "anchor\\_adv")
    assert table.splitlines() == ["| Anchor | 22.1 |", "", f"- Runs: {', '.join(shown)}, ntire2020-gone."]
    assert json.loads(unquote(listed.split("compare-runs?runs=")[1].split("&")[0])) == ids
    assert listed.count("&viewStateShareKey=table-vi") == 2


@given(st.lists(st.text(st.characters(codec="ascii"), max_size=3000), max_size=9))
def test_a_description_is_never_longer_than_mlflow_takes_and_loses_whole_lines(lines):
    note = "\n".join(lines)
    short = shortened(note)
    assert len(short) <= NOTE_LENGTH
    kept = short.removesuffix("\n\nThe rest is in the files under Artifacts.")
    assert short == note or note.startswith(f"{kept}\n") or "\n" not in note[:NOTE_LENGTH]


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
    write_scores(tmp_path, plain="image,psnr\na,20.0\n")
    train("ntire2020-plain-s1-0a", ("V",))
    record_scores(
        "sample", "ntire2020", tmp_path, params={}, environment={}, runs={("plain", 1): "ntire2020-plain"}
    )
    record_tables("sample", [Table("V", ("ntire2020-plain-s1-0a",), (tmp_path / "plain.csv",))])
    assert capsys.readouterr().err.count("warning: not mirrored") == 1
