"""The study's own results: scores an image, means over the test images, and the run behind them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.cases import restored_folder
from pipeline.evaluation.made import remark as made_remark
from pipeline.files import read_json

AT_SCALE_1 = {
    "enlarge_then_reduce": "trained for scale 4; here each image was enlarged four times by the network, then "
    "reduced to a quarter by antialiased bicubic",
}
"""How a scale-4 method was applied where LR and HR have one size, in words, by the name in restored.json."""


def read_scores(root: Path, dataset: str) -> dict[str, pd.DataFrame]:
    """The scores of a dataset by method: a row an image (index: its id, text), a float column a metric.

    Raises `UserError` when there are none, or a file is no table of scores.
    """
    folder = root / "scores" / dataset
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise UserError(f"{folder} has no scores. Run `dvc repro` to make them (stage evaluate).")
    return {file.stem: _read(file) for file in files}


def read_image_scores(roots: Sequence[Path], dataset: str) -> pd.DataFrame:
    """Every score of a dataset, a row an image, run and metric, over all `roots` (one for each seed).

    Columns: method, run ("" for a method without training), metric, image, value (NaN where not defined).
    """
    parts = [
        scores.reset_index()
        .melt(id_vars="image", var_name="metric", value_name="value")
        .assign(method=method, run=_run(root, dataset, method))
        for root in roots
        for method, scores in read_scores(root, dataset).items()
    ]
    return pd.concat(parts, ignore_index=True)[["method", "run", "metric", "image", "value"]]


def read_remarks(roots: Sequence[Path], dataset: str) -> dict[str, str]:
    """What is to be said of how methods were applied to a dataset, by method, over all `roots` (one for each seed).

    From `at_scale_1` and `made` of restored.json, and from the reason in skipped.json where a method was left out.
    """
    folders = [folder for root in roots for folder in sorted((root / "restored" / dataset).glob("[!.]*"))]
    about: dict[str, list[dict[str, Any]]] = {}
    remarks = {}
    for folder in folders:
        if (folder / "restored.json").exists():
            about.setdefault(folder.name, []).append(read_json(folder / "restored.json"))
        elif (folder / "skipped.json").exists():
            remarks[folder.name] = f"left out, {read_json(folder / 'skipped.json')['why']}"
    for method, found in about.items():
        said = [
            AT_SCALE_1.get(found[0].get("at_scale_1", "")),
            made_remark([way for one in found for way in one.get("made", [])]),
        ]
        if words := "; ".join(filter(None, said)):
            remarks[method] = words
    return remarks


def means_over_images(scores: pd.DataFrame) -> pd.DataFrame:
    """`read_image_scores` averaged, a row a run and metric.

    Columns: method, run, metric, value (mean over the images for which the metric is defined; NaN when none),
    defined (their number), images (the number of all).
    """
    groups = scores.groupby(["method", "run", "metric"], sort=False)["value"]
    means: pd.DataFrame = groups.agg(value="mean", defined="count", images="size").reset_index()
    return means


def _run(root: Path, dataset: str, method: str) -> str:
    run = read_json(restored_folder(root, dataset, method) / "restored.json")["run"]
    return str(run or "")


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype={"image": str}).set_index("image").astype(float)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{file} is not a table of scores with the column `image` ({error}). Delete it and run `dvc repro`."
        ) from None
