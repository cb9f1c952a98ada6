"""The tables: numbers, marks, what stands beside the paper's, and what is never shown as if it were."""

import csv
import io
import math
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import settings
from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.formats import tex, to_csv, to_latex, to_markdown
from pipeline.reporting.grid import number
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.paper import read_paper_table
from pipeline.reporting.results import means_over_images, read_image_scores
from pipeline.reporting.study import study_tables
from pipeline.reporting.tables import Source, marks, study_table

CHECKOUT = Path(__file__).parents[2]
PAPER = CHECKOUT / "reports" / "paper"
STANDIN = Source("sample", "stand-in for a set", "made of 50% a_b & c photographs", official=False)
OFFICIAL = Source("paper", "the paper's set", "the official archives", official=True)
CAMERASR = next(layout for layout in LAYOUTS if layout.dataset == "camerasr")


def results(**values):
    """Results of one run per method: psnr as given, or several runs for a tuple."""
    rows = [
        {
            "method": method,
            "run": f"{method}-{index}",
            "metric": "psnr",
            "image": f"{image:03d}",
            "value": value,
        }
        for method, runs in values.items()
        for index, value in enumerate(runs if isinstance(runs, tuple) else (runs,))
        for image in range(20)
    ]
    return pd.DataFrame(rows)


def camerasr(source=OFFICIAL, **values):
    return study_table(CAMERASR, read_paper_table(4, PAPER), results(**values), source)


def rows_of(text):
    return {row["row"]: row for row in csv.DictReader(io.StringIO(text))}


# --- numbers -----------------------------------------------------------------------------------------


def test_our_value_is_the_mean_over_images(project):
    frame = means_over_images(read_image_scores([project / "runs/sample"], "realsr")).set_index(
        ["method", "metric"]
    )
    assert frame.loc[("full", "psnr"), "value"] == pytest.approx(26.5)
    assert frame.loc[("full", "ssim"), "value"] == pytest.approx(0.265)
    assert frame.loc[("full", "psnr"), "run"] == "full-realsr-0a1b"
    assert frame.loc[("bicubic", "psnr"), "run"] == ""


def test_an_image_without_the_metric_is_left_out_and_counted(project, monkeypatch):
    monkeypatch.chdir(project)
    file = project / "runs/sample/scores/realsr/full.csv"
    file.write_text("image,psnr,ssim\nim0,20,0.5\nim1,30,\n")
    frame = means_over_images(read_image_scores([project / "runs/sample"], "realsr")).set_index(
        ["method", "metric"]
    )
    assert frame.loc[("full", "ssim"), ["value", "defined", "images"]].tolist() == [0.5, 1, 2]
    tables = study_tables("sample", settings.load(), "comparison", PAPER)
    assert "SSIM of full is defined on 1 of 2 images." in tables[0].notes


def test_several_runs_of_a_method_give_mean_and_deviation():
    table = camerasr(full=(26.0, 27.0, 28.0), plain=25.0)
    assert table.ours.loc["Cria-CL", "psnr"] == 27.0
    assert table.deviation.loc["Cria-CL", "psnr"] == 1.0
    assert table.rows.loc["Cria-CL", "run"] == "full-0, full-1, full-2"
    assert "27.000 ± 1.000" in to_markdown(table)
    assert r"27.000 $\pm$ 1.000" in to_latex(table)
    assert rows_of(to_csv(table))["Cria-CL"]["deviation_psnr"] == "1.0"
    assert "deviation" not in to_csv(camerasr(full=26.0))


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (math.nan, math.nan, ""),
        (math.inf, math.nan, "∞"),
        (25.5678, math.nan, "25.568"),
        (1, 0.25, "1.000 ± 0.250"),
    ],
)
def test_a_number_as_printed(value, deviation, text):
    assert number(value, 3, deviation) == text


# --- marks -------------------------------------------------------------------------------------------


def marked(values, metric):
    return list(marks(pd.Series(values, dtype=float), METRICS[metric]))


def test_best_and_second_follow_the_direction_of_the_metric():
    assert marked([1, 3, 2], "psnr") == ["", "best", "second"]
    assert marked([1, 3, 2], "lpips") == ["best", "", "second"]


def test_ties_as_printed_share_a_mark_and_what_is_not_there_has_none():
    assert marked([3.00001, 3, 2, math.nan, 1], "psnr") == ["best", "best", "second", "", ""]


def test_a_single_row_is_not_the_best_of_anything():
    assert marked([3, math.nan], "psnr") == ["", ""]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8))
def test_the_best_is_the_largest_or_the_smallest(values):
    assert "best" in {
        mark for mark, value in zip(marked(values, "psnr"), values, strict=True) if value == max(values)
    }
    assert "best" in {
        mark for mark, value in zip(marked(values, "niqe"), values, strict=True) if value == min(values)
    }


def test_only_our_rows_are_marked():
    text = to_latex(camerasr(full=20.0, identity=19.0, plain=18.0))
    assert r"\textbf{20.000}" in text
    assert r"\underline{19.000}" in text
    assert "& 26.138 &" in text  # the paper's, higher than all of ours


# --- beside the paper --------------------------------------------------------------------------------


def test_every_row_of_the_paper_stays_with_an_empty_cell_where_we_have_none():
    rows = rows_of(to_csv(camerasr(full=26.0)))
    paper = ["FSSR", "DASR", "Impressionism", "Real-ESRGAN", "Cria-CL"]
    assert list(rows) == ["LR, untouched", "RRDB, weighted sum (plain)", *paper]
    assert rows["DASR"]["psnr"] == ""
    assert rows["Cria-CL"]["paper_psnr"] == "26.138"
    assert {"lpips", "niqe"} <= rows["Cria-CL"].keys()


def test_a_difference_stands_only_where_both_values_do():
    rows = rows_of(to_csv(camerasr(full=26.0, identity=25.5)))
    assert float(rows["Cria-CL"]["difference_psnr"]) == pytest.approx(26.0 - 26.138)
    assert rows["Cria-CL"]["difference_ssim"] == ""
    assert rows["LR, untouched"]["difference_psnr"] == ""
    assert rows["DASR"]["difference_psnr"] == ""
    assert "−0.138" in to_markdown(camerasr(full=26.0))
    assert "$-$0.138" in to_latex(camerasr(full=26.0))


@pytest.mark.parametrize("write", [to_csv, to_markdown, to_latex])
def test_stand_in_data_has_its_label_and_no_difference(write):
    text = write(camerasr(STANDIN, full=26.0))
    assert "photographs" in text
    assert "sample" in text
    assert "difference_psnr" not in text
    assert "Difference" not in text
    assert "0.138" not in text


def test_stand_in_data_is_said_not_to_be_comparable():
    for text in (to_markdown(camerasr(STANDIN, full=26.0)), to_latex(camerasr(STANDIN, full=26.0))):
        assert "stand-in for a set" in text
        assert "must not be compared" in text


def test_a_row_of_the_ablation_is_a_configuration():
    layout = next(layout for layout in LAYOUTS if layout.number == 5)
    paper = read_paper_table(5, PAPER)
    assert list(paper.rows["method"]) == ["plain", "wsum", "align", "unif", "align_unif", "spatial", "full"]
    rows = rows_of(to_csv(study_table(layout, paper, results(plain=24.0), OFFICIAL)))
    assert rows["Plain Model"]["psnr"] == "24.0"
    assert rows["Plain Model"]["paper_psnr"] == "24.82"


def test_a_cell_the_paper_leaves_empty_is_a_dash():
    layout = LAYOUTS[0]
    text = to_markdown(study_table(layout, read_paper_table(2, PAPER), results(full=26.0), OFFICIAL))
    line = next(line for line in text.splitlines() if line.startswith("| ADL "))
    assert [cell.strip() for cell in line.split("|")][8:11] == ["26.90", "–", "–"]


# --- the transcription -------------------------------------------------------------------------------


@pytest.mark.parametrize("table", range(1, 8))
def test_the_transcription_is_consistent_and_names_its_sources(table):
    paper = read_paper_table(table, PAPER)
    assert not paper.rows["method"].duplicated().any()
    assert not paper.rows["row"].duplicated().any()
    long = pd.read_csv(PAPER / f"table_{table}.csv", dtype=str, keep_default_na=False)
    assert (long.loc[long["status"] != "not found", ["source", "elsewhere_source"]] != "").any(axis=1).all()
    assert ((long["elsewhere"] != "") == (long["elsewhere_source"] != "")).all()


@pytest.mark.parametrize(("old", "new"), [(",paper,", ",cited-source,"), (",paper,", ",sure,"), ("26.138,", ",")])
def test_a_value_with_the_wrong_status_is_refused(project, old, new):
    folder = project / "reports/paper"
    file = folder / "table_4.csv"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UserError, match=r"table_4\.csv: Cria-CL, psnr"):
        read_paper_table(4, folder)


# --- formats -----------------------------------------------------------------------------------------


def test_latex_is_balanced_and_every_row_is_full():
    text = to_latex(camerasr(STANDIN, full=26.0, plain=25.0))
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert stack == []
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text).group(1))
    body = re.search(r"\\midrule\n(.*)\\bottomrule", text, re.DOTALL).group(1)
    assert len(body.splitlines()) == 7
    assert all(line.count(" & ") == columns - 1 and line.endswith(r"\\") for line in body.splitlines())
    assert r"50\% a\_b \& c" in text
    text.encode("ascii")


@given(st.text(alphabet=r"ab\{}&%$#_~^ ", max_size=12))
def test_escaped_latex_has_no_bare_special_character(text):
    escaped = tex(text)
    for command in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}"):
        escaped = escaped.replace(command, "")
    assert not re.search(r"(?<!\\)[{}&%$#_~^]", escaped)


def test_markdown_has_equally_many_cells_in_every_row():
    table = camerasr(STANDIN, full=26.0)
    lines = [line for line in to_markdown(table).splitlines() if line.startswith("|")]
    assert len(lines) == 9
    assert len({line.count("|") for line in lines}) == 1
    assert r"a\_b" in to_markdown(table)


def test_a_row_of_our_own_stands_in_an_ablation_in_the_order_of_params(project, monkeypatch):
    monkeypatch.chdir(project)
    for seed in ("seed1", "seed2"):
        root = project / "runs/sample/ablations" / seed
        for kind in ("scores", "restored"):
            target = root / kind / "ntire2020"
            name = "plain.csv" if kind == "scores" else "plain"
            copy = shutil.copytree if kind == "restored" else shutil.copyfile
            copy(target / name, target / name.replace("plain", "gradient"))
    text = Path("params.yaml").read_text()
    configuration = "  gradient: {branches: false, mask: false, align: false, unif: false}\n"
    text = text.replace("configurations:\n  # Table V\n", f"configurations:\n{configuration}")
    Path("params.yaml").write_text(text.replace("table_5: [plain,", "table_5: [plain, gradient,"))
    table = study_tables("sample", settings.load(), "ablations", PAPER)[0]
    assert list(table.rows["method"][:3]) == ["plain", "gradient", "wsum"]
    assert table.steps.loc["gradient", "psnr"].change == 0
