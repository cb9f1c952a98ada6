"""Tables V and VI: the steps, the contrasts, and the trainings that every figure can be computed from."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from pipeline import settings
from pipeline.reporting import captions
from pipeline.reporting.captions import Source
from pipeline.reporting.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.paper import read_paper_table
from pipeline.reporting.study import study_tables
from pipeline.reporting.study_sheet import study_sheets
from pipeline.reporting.tables import study_table
from tests.reporting.conftest import write_method

PAPER = Path(__file__).parents[2] / "reports" / "paper"
SOURCE = Source("sample", "stand-in for a set", "made of 50% a_b & c photographs", official=False)
SEEDS = (0.0, 0.01, 0.03)


def scores(images=20, seeds=SEEDS, **methods):
    """PSNR of methods: of each its mean, with what every seed adds."""
    rows = [
        {
            **{"method": method, "seed": number, "run": f"{method}-s{number}", "metric": "psnr"},
            **{"image": str(image), "value": value},
        }
        for number, seed in enumerate(seeds, 1)
        for method, mean in methods.items()
        for image in range(images)
        for value in [mean * (1 + seed / 100 * (1 + len(method))) + image % 7]
    ]
    return pd.DataFrame(rows)


def table(number, frame):
    layout = next(layout for layout in LAYOUTS if layout.number == number)
    return study_table(layout, read_paper_table(number, PAPER), frame, SOURCE, {})


def sheets(number, frame):
    return {sheet.name: sheet for sheet in study_sheets(table(number, frame))}


def rows_of(sheet):
    return {row["method"]: row for row in csv.DictReader(io.StringIO(to_csv(sheet)))}


# --- steps -------------------------------------------------------------------------------------------


def test_a_step_above_images_and_seeds_is_bold_and_one_within_the_seeds_is_not():
    made = table(5, scores(plain=24.0, wsum=25.0, align=25.001))
    assert made.statistics is None
    assert [step and step.stands for step in made.steps["psnr"]][:3] == [None, True, False]
    sheet = sheets(5, scores(plain=24.0, wsum=25.0, align=25.001))["table_5"]
    marks = [[cell.mark for cell in row.cells if cell.small] for row in sheet.grid.rows[:3]]
    assert marks == [[], ["best"], [""]]
    assert float(rows_of(sheet)["wsum"]["step_p_psnr"]) < 0.05


@pytest.mark.parametrize("write", [to_csv, to_markdown, to_latex])
def test_one_seed_makes_nothing_bold_and_says_so(write):
    (own, *_) = study_sheets(table(5, scores(plain=24.0, wsum=25.0, seeds=[0.0])))
    assert all(cell.mark == "" for row in own.grid.rows for cell in row.cells if cell.text.startswith("+"))
    assert ("No change can be bold here: that takes two images and two seeds" in write(own)) == (write != to_csv)


def test_images_too_few_for_any_step_are_said_to_be():
    notes = table(5, scores(images=4, plain=24.0, wsum=25.0, align=26.0)).notes
    said = (
        "4 images cannot show a significant difference: with 2 rows tested, the smallest corrected p-value is 0.25."
    )
    assert said in notes
    assert not any("cannot" in note for note in table(5, scores(plain=24.0, wsum=25.0)).notes)


def test_the_notes_say_what_seeds_and_comparisons_rest_on():
    assert "the one trunk" in captions.SEED_NOTE
    assert "fewer than 8 images" in captions.STEP_NOTE
    assert "fewer than 8 images" in captions.INTERVAL_NOTE
    assert "not other trainings" in captions.TEST_NOTE


# --- contrasts ---------------------------------------------------------------------------------------

CONTRASTS = [(5, ["plain", "wsum"]), (6, ["full"])]


@pytest.mark.parametrize(("number", "references"), CONTRASTS)
def test_every_row_stands_against_the_rows_that_the_paper_argues_from(number, references):
    means = {"plain": 24.0, "wsum": 25.0, "align": 25.5, "anchor_adv": 23.0, "anchor_perc": 24.5, "full": 26.0}
    frame = scores(**means, seeds=SEEDS)
    found = sheets(number, frame)[f"table_{number}_contrasts"]
    rows = rows_of(found)
    by_method = frame.groupby("method")["value"].mean()
    for reference in references:
        for method, row in rows.items():
            change = row[f"step_from_{reference}_psnr"]
            if method in means and method != reference:
                assert float(change) == pytest.approx(by_method[method] - by_method[reference])
                assert all(row[f"step_from_{reference}_{part}_psnr"] for part in ("low", "high", "over_seeds", "p"))
            else:
                assert change == ""
    titles = [table(number, frame).rows.reset_index().set_index("method").loc[name, "row"] for name in references]
    assert [group.title for group in found.grid.groups] == [f"Against {title}" for title in titles]


def test_a_contrast_is_written_as_the_steps_are():
    found = sheets(5, scores(plain=24.0, wsum=26.0))["table_5_contrasts"]
    assert re.search(r"\*\*\+1\.\d+\*\*<br><sub>\[\+1", to_markdown(found))
    assert r"\textbf{+1." in to_latex(found)
    assert r"\label{tab:cria-study-5_contrasts}" in to_latex(found)
    for write in (to_csv, to_markdown):
        assert "made of 50% a" in write(found)


def test_contrasts_do_not_widen_the_table():
    with_them = sheets(5, scores(plain=24.0, wsum=25.0, full=26.0))["table_5"]
    assert [group.title for group in with_them.grid.groups] == ["This study", "Paper", "Against the row above"]


def test_a_reference_that_was_not_trained_has_no_contrast():
    assert list(sheets(5, scores(full=26.0, unif=25.0))) == ["table_5"]
    assert [group.title for group in sheets(5, scores(wsum=25.0, full=26.0))["table_5_contrasts"].grid.groups] == [
        "Against w/ L^Pixel + L^perc + L^adv"
    ]


# --- trainings ---------------------------------------------------------------------------------------


def test_every_figure_over_the_seeds_can_be_computed_from_the_csv():
    frame = scores(plain=24.0, full=26.0)
    rows = rows_of(sheets(5, frame)["table_5"])
    assert [rows["full"][f"run_seed{k}"] for k in (1, 2, 3)] == ["full-s1", "full-s2", "full-s3"]
    by_seed = {method: [float(rows[method][f"psnr_seed{k}"]) for k in (1, 2, 3)] for method in ("plain", "full")}
    assert by_seed["full"][2] == pytest.approx(frame[frame["run"] == "full-s3"]["value"].mean())
    changes = pd.Series(by_seed["full"]) - pd.Series(by_seed["plain"])
    contrast = rows_of(sheets(5, frame)["table_5_contrasts"])["full"]
    low, high = stats.t.interval(0.95, 2, loc=changes.mean(), scale=changes.sem())
    assert float(contrast["step_from_plain_psnr"]) == pytest.approx(changes.mean())
    assert float(contrast["step_from_plain_over_seeds_psnr"]) == pytest.approx((high - low) / 2)
    assert rows["wsum"]["run_seed1"] == rows["wsum"]["psnr_seed1"] == ""


def test_seeds_stand_in_the_order_of_their_numbers(project, monkeypatch):
    monkeypatch.chdir(project)
    for seed in (10, 3):
        write_method(project / "runs/sample", "ntire2020", "plain", (25, 27, 26), seed)
    made = study_tables("sample", settings.load(), "ablations", PAPER)[0]
    assert [name for name in made.seeds if name.startswith("run_")] == [f"run_seed{k}" for k in (1, 2, 3, 10)]
    assert made.rows.loc["Plain Model", "run"] == ", ".join(f"ntire2020-plain-s{k}-0a1b" for k in (1, 2, 3, 10))
    assert made.seeds.loc["Plain Model", "run_seed10"] == "ntire2020-plain-s10-0a1b"
