"""Is what this study computes what others get? Its results on real images beside reports/golden.csv."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError
from pipeline.paths import data_root
from pipeline.reporting.columns import column
from pipeline.reporting.grid import OURS, Cell, grid, number, signed
from pipeline.reporting.results import read_scores
from pipeline.reporting.sheet import Sheet
from pipeline.settings import Settings

GOLDEN = Path("reports", "golden.csv")
COLUMNS = ("row", "collection", "images", "method", "metric", "value", "source")
TOLERANCE = 2e-3
"""Of a mean over the images, beyond the rounding of the known value."""


@dataclass(frozen=True)
class Measured:
    """The scores of one dataset by method, a row an image, and the collection that its images are from."""

    collection: str
    scores: Mapping[str, pd.DataFrame]


def calibration_sheet(preset: str, settings: Settings, golden: Path = GOLDEN) -> Sheet:
    """The calibration of `preset`. Raises `UserError` when the known values or scores are missing or broken."""
    return sheet(read_golden(golden), read_measured(preset, settings), preset)


def read_golden(file: Path) -> pd.DataFrame:
    """The known values, a row a value: `COLUMNS`, as text but for `images`, the number of images.

    Raises `UserError` for a file that is missing, lacks a column or has no number where one belongs.
    """
    try:
        golden = pd.read_csv(file, dtype=str, keep_default_na=False)[list(COLUMNS)]
        golden["value"].astype(float)
        return golden.astype({"images": int})
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{file} is missing or damaged ({error}); restore it (git checkout {file})") from None


def read_measured(preset: str, settings: Settings) -> list[Measured]:
    """The scores of every dataset whose test images are a single collection's own, and no stand-ins."""
    root, block = data_root(preset), settings.preset(preset)
    compositions = {name: block.dataset(name) for name in settings.study.datasets}
    return [
        Measured(composition.tested[0], read_scores(root, name, block.seeds[0]))
        for name, composition in compositions.items()
        if composition.standin is None and len(composition.tested) == 1
    ]


def sheet(golden: pd.DataFrame, measured: Sequence[Measured], preset: str) -> Sheet:
    """A row a known value, with this study's mean over the same images where it has been measured."""
    titles = [f"{row.row}: {column(str(row.metric)).title}" for row in golden.itertuples()]
    ours = pd.Series([_mean(row, measured) for _, row in golden.iterrows()], dtype=float)
    deviation = ours - golden["value"].astype(float)
    within = (deviation.abs() <= golden["value"].map(tolerance)).map({True: "yes", False: "no"})
    data = golden.drop(columns="row").assign(
        preset=preset, ours=ours, deviation=deviation, within=within.where(deviation.notna(), "")
    )
    data.index = pd.Index(titles)
    return Sheet(
        name="calibration",
        title="Calibration",
        caption=(
            "Means over real images that were computed before and by other tools, beside this study's. Not a table "
            f"of the paper. Preset {preset}."
        ),
        reading=(),
        notes=_notes(data),
        grid=grid([("Known", _known(data)), (OURS, _ours(data))]),
        data=data,
    )


def tolerance(known: str) -> float:
    """How far a mean may be from a value printed as `known`: `TOLERANCE` and half a unit of its last decimal."""
    decimals = len(known.partition(".")[2])
    return float(TOLERANCE + 0.5 * 10.0**-decimals)


def _mean(row: pd.Series, measured: Sequence[Measured]) -> float:
    """This study's mean; NaN unless the metric is defined on exactly as many images as the known value is of."""
    for dataset in measured:
        scores = dataset.scores.get(row["method"])
        if dataset.collection == row["collection"] and scores is not None and row["metric"] in scores:
            values = scores[row["metric"]]
            if len(values) == values.count() == row["images"]:
                return float(values.mean())
    return float("nan")


def _known(data: pd.DataFrame) -> pd.DataFrame:
    columns = {"Images": data["images"].map(str), "Value": data["value"]}
    return pd.DataFrame(columns).map(Cell)


def _ours(data: pd.DataFrame) -> pd.DataFrame:
    decimals = [column(metric).decimals for metric in data["metric"]]
    columns = {
        "Value": [number(value, count) for value, count in zip(data["ours"], decimals, strict=True)],
        "Deviation": [signed(value, count + 1) for value, count in zip(data["deviation"], decimals, strict=True)],
        "Within": list(data["within"]),
    }
    return pd.DataFrame(columns, index=data.index).map(Cell)


def _notes(data: pd.DataFrame) -> tuple[str, ...]:
    missed = list(data.index[data["within"] == "no"])
    empty = int((data["within"] == "").sum())
    return (
        f"Within: the deviation is at most {TOLERANCE:g}, beyond what the rounding of the known value allows.",
        *([f"Not within: {'; '.join(missed)}."] if missed else []),
        *(
            [f"Empty, {empty} of {len(data)}: not measured by this preset on exactly these images."]
            if empty
            else []
        ),
        f"Known values: {'; '.join(dict.fromkeys(data['source']))}.",
    )
