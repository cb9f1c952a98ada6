"""The study's own results: scores an image, means over the test images, and the run behind them."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.made import remark as made_remark
from pipeline.files import read_json
from pipeline.paths import Made, of_seed, restored_folder, restored_folders, score_files

AT_SCALE_1 = {
    "enlarge_then_reduce": "trained for scale 4; here each image was enlarged four times by the network, then "
    "reduced to a quarter by antialiased bicubic",
}
"""How a scale-4 method was applied where LR and HR have one size, in words, by the name in restored.json."""


def read_scores(root: Path, dataset: str, seed: int) -> dict[str, pd.DataFrame]:
    """The scores of a dataset by method, of trained ones those of `seed`.

    A row an image (index: its id, text), a float column a metric. Raises `UserError` when there are none, or a file
    is no table of scores.
    """
    return {method: _read(file) for method, file in of_seed(_files(root, dataset), seed).items()}


def read_image_scores(root: Path, dataset: str) -> pd.DataFrame:
    """Every score of a dataset, a row an image, method, seed and metric. Raises `UserError` as `read_scores`.

    Columns: method, seed and run (missing and "" for a method that was not trained here), metric, image, value (NaN
    where not defined).
    """
    parts = [
        _read(file)
        .reset_index()
        .melt(id_vars="image", var_name="metric", value_name="value")
        .assign(method=method, run=_run(restored_folder(root, dataset, method, seed)))
        .assign(seed=seed)
        .astype({"seed": "Int64"})
        for (method, seed), file in _files(root, dataset).items()
    ]
    return pd.concat(parts, ignore_index=True)[["method", "seed", "run", "metric", "image", "value"]]


def read_remarks(root: Path, dataset: str) -> dict[str, str]:
    """What is to be said of how methods were applied to a dataset, by method.

    From `at_scale_1` and `made` of restored.json, and from the reason in skipped.json where a method was left out.
    """
    about: dict[str, list[dict[str, Any]]] = {}
    for (method, _), folder in restored_folders(root, dataset).items():
        about.setdefault(method, []).append(read_json(folder / "restored.json"))
    skipped = (root / "restored" / dataset).glob("[!.]*/skipped.json")
    remarks = {file.parent.name: f"left out, {read_json(file)['why']}" for file in skipped}
    for method, found in about.items():
        said = [
            AT_SCALE_1.get(found[0].get("at_scale_1", "")),
            made_remark([way for one in found for way in one.get("made", [])]),
        ]
        if words := "; ".join(filter(None, said)):
            remarks[method] = words
    return remarks


def means_over_images(scores: pd.DataFrame) -> pd.DataFrame:
    """`read_image_scores` averaged, a row a method, seed and metric.

    Columns: method, seed, run, metric, value (mean over the images for which the metric is defined; NaN when none),
    defined (their number), images (the number of all).
    """
    groups = scores.groupby(["method", "seed", "run", "metric"], sort=False, dropna=False)["value"]
    means: pd.DataFrame = groups.agg(value="mean", defined="count", images="size").reset_index()
    return means


def _files(root: Path, dataset: str) -> dict[Made, Path]:
    files = score_files(root, dataset)
    if not files:
        raise UserError(
            f"{root / 'scores' / dataset} has no scores. Run `dvc repro` to make them (stage evaluate)."
        )
    return files


def _run(restored: Path) -> str:
    return str(read_json(restored / "restored.json")["run"] or "")


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype={"image": str}).set_index("image").astype(float)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{file} is not a table of scores with the column `image` ({error}). Delete it and run `dvc repro`."
        ) from None
