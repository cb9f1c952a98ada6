"""The calibration: known values beside ours, and when they agree."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from pipeline import settings
from pipeline.errors import UserError
from pipeline.reporting.calibration import (
    GOLDEN,
    Measured,
    calibration_sheet,
    read_golden,
    sheet,
    tolerance,
)
from pipeline.reporting.formats import to_csv, to_latex, to_markdown
from tests.reporting.conftest import write_method

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def golden():
    return read_golden(CHECKOUT / GOLDEN)


def measured(values, collection="camerasr_bicubic", method="bicubic_matlab", metric="psnr"):
    index = pd.Index([str(n) for n in range(len(values))], name="image")
    return Measured(collection, {method: pd.DataFrame({metric: values}, index=index, dtype=float)})


def row(made, title="CameraSR ÷ 4: bicubic, MATLAB's: PSNR"):
    rows = {line["row"]: line for line in csv.DictReader(io.StringIO(to_csv(made)))}
    return rows[title]


def test_the_known_values_are_those_of_the_facts(golden):
    text = (CHECKOUT / "docs/facts/weights.md").read_text(encoding="utf-8")
    for value in golden["value"]:
        assert value.removeprefix("0") in text
    assert not golden.duplicated(["collection", "method", "metric"]).any()


@pytest.mark.parametrize(
    ("known", "bound"), [("25.047", 2.5e-3), ("0.7622", 2.05e-3), ("6.84", 7e-3), ("7", 0.502)]
)
def test_the_tolerance_is_2e_3_beyond_the_rounding_of_the_known_value(known, bound):
    assert tolerance(known) == pytest.approx(bound)


@pytest.mark.parametrize(
    ("mean", "within"), [(25.047, "yes"), (25.0494, "yes"), (25.0447, "yes"), (25.0496, "no"), (24.0, "no")]
)
def test_a_mean_agrees_within_the_tolerance_on_either_side(golden, mean, within):
    made = sheet(golden, [measured([mean - 1, mean + 1] * 10)], "lab")
    found = row(made)
    assert float(found["ours"]) == pytest.approx(mean)
    assert float(found["deviation"]) == pytest.approx(mean - 25.047)
    assert found["within"] == within
    assert ("Not within: CameraSR ÷ 4: bicubic, MATLAB's: PSNR." in made.notes) == (within == "no")


@pytest.mark.parametrize(
    "other",
    [
        measured([25.047] * 19),
        measured([25.047] * 19 + [float("nan")]),
        measured([25.047] * 20, collection="camerasr"),
        measured([25.047] * 20, method="full"),
        measured([25.047] * 20, metric="psnr_y"),
    ],
    ids=["fewer images", "not defined on one", "other images", "another method", "another metric"],
)
def test_what_is_not_the_same_thing_is_not_compared(golden, other):
    assert row(sheet(golden, [other], "lab"))["ours"] == ""
    assert row(sheet(golden, [other], "lab"))["within"] == ""


def test_stand_ins_are_never_held_against_known_values(project, monkeypatch):
    monkeypatch.chdir(project)
    made = calibration_sheet("sample", settings.load())
    assert (made.data["within"] == "").all()
    assert any(note.startswith(f"Empty, {len(made.data)} of {len(made.data)}:") for note in made.notes)


def test_real_images_of_a_preset_are_found_by_their_collection(project, monkeypatch):
    monkeypatch.chdir(project)
    chosen = settings.load()
    names = list(chosen.study.datasets)
    for name in names:
        values = [25.5] * 20 + [25.618] * 30 if name == "realsr" else [25.568] * 20
        write_method(project / "runs/lab", name, "identity" if name == "camerasr" else "bicubic", values)
    made = calibration_sheet("lab", chosen)
    assert row(made, "CameraSR: LR, untouched: PSNR")["within"] == "yes"
    assert float(row(made, "RealSR, Canon crops: bicubic: PSNR")["ours"]) == pytest.approx(25.5708)
    assert row(made, "RealSR, Canon crops: bicubic: PSNR")["within"] == "no"


def test_every_format_has_every_value(golden):
    made = sheet(golden, [measured([25.047] * 20)], "lab")
    line = next(line for line in to_markdown(made).splitlines() if "÷ 4: bicubic, MATLAB's: PSNR" in line)
    assert [cell.strip() for cell in line.split("|")[2:7]] == ["20", "25.047", "25.047", "+0.0000", "yes"]
    assert to_latex(made).count(r" \\") >= len(golden)
    to_latex(made).encode("ascii")


@pytest.mark.parametrize(
    "text", ["", "row,value\na,1\n", "{head}\na,b,few,d,psnr,1,f\n", "{head}\na,b,1,d,psnr,high,f\n"]
)
def test_a_damaged_file_of_known_values_is_named(tmp_path, text):
    file = tmp_path / "golden.csv"
    file.write_text(text.replace("{head}", "row,collection,images,method,metric,value,source"))
    with pytest.raises(UserError, match=r"golden\.csv is missing or damaged"):
        read_golden(file)
