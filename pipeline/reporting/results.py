"""The study's own results: means over the test images, with the run behind them."""

from pathlib import Path

import pandas as pd

from pipeline.errors import UserError
from pipeline.evaluation.cases import restored_folder
from pipeline.files import read_json


def read_scores(root: Path, dataset: str) -> dict[str, pd.DataFrame]:
    """The scores of a dataset by method: a row an image (index: its id, text), a float column a metric.

    Raises `UserError` when there are none, or a file is no table of scores.
    """
    folder = root / "scores" / dataset
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise UserError(f"{folder} has no scores. Run `dvc repro` to make them (stage score).")
    return {file.stem: _read(file) for file in files}


def read_results(root: Path, dataset: str) -> pd.DataFrame:
    """The results of a dataset, a row a run and metric.

    Columns: method, run ("" for a method without training), metric, value (mean over the images for which the
    metric is defined; NaN when none), defined (their number), images (the number of all).
    """
    rows = [
        {
            "method": method,
            "run": read_json(restored_folder(root, dataset, method) / "restored.json")["run"] or "",
            "metric": metric,
            "value": values.mean(),
            "defined": int(values.count()),
            "images": len(values),
        }
        for method, scores in read_scores(root, dataset).items()
        for metric, values in scores.items()
    ]
    return pd.DataFrame(rows)


def _read(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype={"image": str}).set_index("image").astype(float)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{file} is not a table of scores with the column `image` ({error}). Delete it and run `dvc repro`."
        ) from None
