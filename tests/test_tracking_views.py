"""Saved views in MLflow: the rows of each table, with the columns and charts that its question needs."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.settings import load
from pipeline.tracking import tracked
from pipeline.tracking.views import VIEWS

RECORD = {"perc": 3.0, "align": 0.1, "unif": 0.2, "validation/psnr": 21.0, "validation/ssim": 0.6}
SCORES = {"test/psnr": 22.0, "test/ssim": 0.5, "test/lpips": 0.6}


def train(folder, configuration, anchor, tables):
    """A training's run, with all that stages.train and stages.score send."""
    history = folder / "history.jsonl"
    history.write_text("".join(json.dumps({"iteration": step, **RECORD}) + "\n" for step in (0, 10)))
    tags = {
        "kind": "training",
        "dataset": "ntire2020",
        "configuration": configuration,
        "anchor": anchor,
        "seed": "1",
    }
    with tracked("sample", configuration, params={}, environment={}, tags=tags, tables=tables) as run:
        run.history(history)
        run.metrics(SCORES)
        for key in ("validation/image", "validation/parts"):
            run.image(key, np.zeros((8, 8, 3), np.uint8), step=10)


@pytest.fixture
def study(store, tmp_path):
    """A client of a store with a row of Table V, one of both tables, one of Table VI."""
    train(tmp_path, "plain", "none", ("V",))
    train(tmp_path, "full", "pix", ("V", "VI"))
    train(tmp_path, "anchor_adv", "adv", ("VI",))
    return store


def views(client):
    """The saved views of the experiment by key: name and state, read as MLflow's UI reads them."""
    tags = client.get_experiment_by_name("cria-cl/sample").tags
    found = {
        key.removeprefix("mlflow.sharedViewState."): json.loads(value)
        for key, value in tags.items()
        if "View" in key
    }
    assert all(isinstance(view["createdAt"], int) for view in found.values())
    return {key: (view["name"], json.loads(view["state"])) for key, view in found.items()}


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("table-v", {"plain", "full"}),
        ("table-vi", {"full", "anchor_adv"}),
        ("trainings", {"plain", "full", "anchor_adv"}),
    ],
)
def test_a_view_finds_the_rows_of_its_table_in_order_of_their_names(study, key, rows):
    _, state = views(study)[key]
    experiment = study.get_experiment_by_name("cria-cl/sample").experiment_id
    order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
    found = study.search_runs([experiment], state["searchFilter"], order_by=[order])
    assert [run.info.run_name for run in found] == sorted(rows)


def test_all_that_a_view_shows_is_in_the_runs_that_it_finds(study):
    experiment = study.get_experiment_by_name("cria-cl/sample").experiment_id
    for _, state in views(study).values():
        run = study.search_runs([experiment], state["searchFilter"])[0]
        charts = state["compareRunCharts"]
        metrics = {chart["metricKey"] for chart in charts if "metricKey" in chart}
        metrics |= {chart[axis]["key"] for chart in charts for axis in ("xaxis", "yaxis") if axis in chart}
        metrics |= {
            name.removeprefix("metrics.").strip("`") for name in state["selectedColumns"] if "metrics" in name
        }
        assert metrics <= run.data.metrics.keys()
        tags = {name.removeprefix("tags.").strip("`") for name in state["selectedColumns"] if "tags" in name}
        tags |= {group["groupByData"] for group in (state["groupBy"] or {"groupByKeys": []})["groupByKeys"]}
        assert tags - {"error"} <= run.data.tags.keys()
        files = {Path(file.path).name for file in study.list_artifacts(run.info.run_id, "images")}
        images = {name for chart in charts for name in chart.get("imageKeys", [])}
        assert images == {name.split("+")[0].replace("~", "/") for name in files}


def test_every_chart_has_a_section_and_a_name_of_its_own(study):
    for _, state in views(study).values():
        charts = state["compareRunCharts"]
        assert {chart["metricSectionId"] for chart in charts} <= {
            part["uuid"] for part in state["compareRunSections"]
        }
        assert len({chart["uuid"] for chart in charts}) == len(charts)


def test_the_first_line_of_the_description_leads_to_every_view(study):
    first = study.get_experiment_by_name("cria-cl/sample").tags["mlflow.note.content"].splitlines()[0]
    keys = {link.split(")")[0] for link in first.split("&viewStateShareKey=")[1:]}
    assert keys == views(study).keys() == {view.key for view in VIEWS.values()}


def test_all_seeds_of_a_configuration_have_its_colour_and_the_shipped_configurations_one_each(store, root):
    shipped = list(load(root / "params.yaml").configurations)
    for seed in (1, 2):
        for series, name in enumerate(shipped):
            with tracked("sample", f"{name}-s{seed}", params={}, environment={}, series=series):
                pass
    experiment = store.get_experiment_by_name("cria-cl/sample").experiment_id
    colours = {run.info.run_name: run.data.tags["mlflow.runColor"] for run in store.search_runs([experiment])}
    assert all(colours[f"{name}-s1"] == colours[f"{name}-s2"] for name in shipped)
    assert len(set(colours.values())) == len(shipped)


def test_the_installed_ui_knows_saved_views_and_colours():
    import mlflow

    scripts = (Path(mlflow.__file__).parent / "server" / "js" / "build" / "static" / "js").glob("*.js")
    ui = "".join(script.read_text(encoding="utf-8") for script in scripts)
    words = ["mlflow.sharedViewState.", "mlflow.runColor", "viewStateShareKey", *VIEWS["VI"].state]
    assert [word for word in words if word not in ui] == []
