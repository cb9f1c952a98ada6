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
from pipeline.files import write_json
from pipeline.paths import restored_folder
from pipeline.reporting import formats
from pipeline.reporting.captions import Source
from pipeline.reporting.columns import column
from pipeline.reporting.formats import tex
from pipeline.reporting.grid import number
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.opinions import Opinions
from pipeline.reporting.paper import read_paper_table
from pipeline.reporting.results import means_over_images, read_image_scores, read_remarks
from pipeline.reporting.study import study_tables
from pipeline.reporting.study_sheet import study_sheet
from pipeline.reporting.tables import marks, study_table
from tests.reporting.conftest import SCORES, write_method

CHECKOUT = Path(__file__).parents[2]
PAPER = CHECKOUT / "reports" / "paper"
STANDIN = Source("sample", "stand-in for a set", "made of 50% a_b & c photographs", official=False)
OFFICIAL = Source("paper", "the paper's set", "the official archives", official=True)
CAMERASR = next(layout for layout in LAYOUTS if layout.dataset == "camerasr")


TITLES = {"identity": "LR, untouched", "plain": "RRDB, weighted sum (plain)"}


def results(**values):
    """Results of one seed of every method: psnr as given, or of several seeds for a tuple."""
    rows = [
        {
            "method": method,
            "seed": index,
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
    return study_table(CAMERASR, read_paper_table(4, PAPER), results(**values), source, TITLES)


def camerasr_psnr(methods, source=OFFICIAL, titles=TITLES, **options):
    """A table of CameraSR's PSNR by method and image."""
    rows = [
        {"method": method, "seed": pd.NA, "run": "", "metric": "psnr", "image": str(image), "value": value}
        for method, values in methods.items()
        for image, value in enumerate(values)
    ]
    return study_table(CAMERASR, read_paper_table(4, PAPER), pd.DataFrame(rows), source, titles, **options)


def to_csv(table):
    return formats.to_csv(study_sheet(table))


def to_markdown(table):
    return formats.to_markdown(study_sheet(table))


def to_latex(table):
    return formats.to_latex(study_sheet(table))


def rows_of(text):
    return {row["row"]: row for row in csv.DictReader(io.StringIO(text))}


# --- numbers -----------------------------------------------------------------------------------------


def test_our_value_is_the_mean_over_images(project):
    frame = means_over_images(read_image_scores(project / "runs/sample", "realsr")).set_index(["run", "metric"])
    assert frame.loc[("realsr-full-s1-0a1b", "psnr"), "value"] == pytest.approx(26.5)
    assert frame.loc[("realsr-full-s2-0a1b", "ssim"), "value"] == pytest.approx(0.27)
    assert frame.loc[("realsr-full-s2-0a1b", "psnr"), "seed"] == 2
    assert frame.loc[("", "psnr"), "method"] == "bicubic"
    assert frame.loc[("", "psnr"), "seed"] is pd.NA


def test_an_image_without_the_metric_is_left_out_and_counted(project, monkeypatch):
    monkeypatch.chdir(project)
    file = project / "runs/sample/scores/realsr/full/seed1.csv"
    file.write_text("image,psnr,ssim\nim0,20,0.5\nim1,30,\n")
    frame = means_over_images(read_image_scores(project / "runs/sample", "realsr")).set_index(["run", "metric"])
    assert frame.loc[("realsr-full-s1-0a1b", "ssim"), ["value", "defined", "images"]].tolist() == [0.5, 1, 2]
    tables = study_tables("sample", settings.load(), "comparison", PAPER)
    assert "SSIM of realsr-full-s1-0a1b is defined on 1 of 2 images." in tables[1].notes


def test_several_runs_of_a_method_give_mean_and_deviation():
    table = camerasr(full=(26.0, 27.0, 28.0), plain=25.0)
    assert table.ours.loc["Ours", "psnr"] == 27.0
    assert table.deviation.loc["Ours", "psnr"] == 1.0
    assert table.rows.loc["Ours", "run"] == "full-0, full-1, full-2"
    assert "27.000 ± 1.000" in to_markdown(table)
    assert "Seeds: 0, 1, 2." in table.notes
    assert r"27.000 $\pm$ 1.000" in to_latex(table)
    assert rows_of(to_csv(table))["Ours"]["deviation_psnr"] == "1.0"
    assert "deviation" not in to_csv(camerasr(full=26.0))


@pytest.mark.parametrize(
    ("value", "deviation", "text"),
    [
        (math.nan, math.nan, ""),
        (math.inf, math.nan, "∞"),
        (25.5678, math.nan, "25.568"),
        (1, 0.25, "1.000 ± 0.250"),
        (-1, math.nan, "−1.000"),
    ],
)
def test_a_number_as_printed(value, deviation, text):
    assert number(value, 3, deviation) == text


# --- marks -------------------------------------------------------------------------------------------


def marked(values, metric):
    return list(marks(pd.Series(values, dtype=float), column(metric)))


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
    paper = ["FSSR", "Impressionism", "DASR", "Real-ESRGAN", "Ours"]
    assert list(rows) == paper
    assert rows["DASR"]["psnr"] == ""
    assert rows["Ours"]["paper_psnr"] == "26.138"
    assert {"lpips", "niqe"} <= rows["Ours"].keys()


def test_a_difference_stands_only_where_both_values_do():
    rows = rows_of(to_csv(camerasr(full=26.0, identity=25.5)))
    assert float(rows["Ours"]["difference_psnr"]) == pytest.approx(26.0 - 26.138)
    assert rows["Ours"]["difference_ssim"] == ""
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


# --- which rows -------------------------------------------------------------------------------------


def test_a_method_that_the_paper_has_not_gets_a_row_by_its_title_where_it_has_results():
    others = {"full": "no", "plain": "no", "swinir": "SwinIR", "absent": "Absent"}
    table = camerasr_psnr({"full": [26.0], "swinir": [25.0]}, titles=others)
    assert list(table.rows["method"][5:]) == ["swinir"]
    assert table.ours.loc["SwinIR", "psnr"] == 25
    assert table.paper.loc["SwinIR", "psnr"] == ""
    assert "Absent" not in table.rows.index
    assert list(table.rows["method"]).count("full") == 1


def test_further_rows_stand_in_the_order_of_the_study():
    others = {"bicubic": "no", "lanczos": "Lanczos", "plain": "no", "mine": "Mine"}
    table = camerasr_psnr({"mine": [25.0], "lanczos": [24.0]}, titles=others)
    assert list(table.rows["method"][5:]) == ["lanczos", "mine"]


def test_a_rival_of_the_papers_name_meets_the_papers_row_and_one_of_its_title_does_not():
    others = {"real_esrgan": "Real-ESRGAN", "mine": "Real-ESRGAN"}
    table = camerasr_psnr({"real_esrgan": [24.0], "mine": [25.0]}, titles=others)
    assert table.ours.loc["Real-ESRGAN", "psnr"] == 24
    assert table.ours.loc["Real-ESRGAN (mine)", "psnr"] == 25
    assert not table.rows.index.duplicated().any()


def test_how_a_scale_4_method_was_applied_at_scale_1_stands_under_the_table(project):
    root = project / "runs/sample"
    for method in ("real_esrgan", "impressionism"):
        write_json(root / f"restored/camerasr/{method}/restored.json", {"at_scale_1": "enlarge_then_reduce"})
    write_json(root / "restored/camerasr/dasr/skipped.json", {"why": "a network of scale 4"})
    remarks = read_remarks(root, "camerasr")
    assert set(remarks) == {"real_esrgan", "impressionism", "dasr"}
    notes = camerasr_psnr({"real_esrgan": [24.0]}, remarks=remarks).notes
    assert sum(note.startswith("Impressionism, Real-ESRGAN: trained for scale 4; ") for note in notes) == 1
    assert "DASR: left out, a network of scale 4." in notes


def test_images_that_were_not_made_as_asked_for_are_counted_under_the_table_over_all_seeds(project):
    whole = {"device_name": "a GPU", "tile": 0, "short_of_memory": False}
    tiled = whole | {"tile": 128, "short_of_memory": True}
    made = {1: [whole | {"images": ["a", "b"]}], 2: [whole | {"images": ["a"]}, tiled | {"images": ["b"]}]}
    root = project / "runs/sample"
    for seed, ways in made.items():
        write_json(restored_folder(root, "camerasr", "full", seed) / "restored.json", {"made": ways})
    remarks = read_remarks(root, "camerasr")
    words = "1 of 4 images were restored in tiles of 128 px, as the GPU was short of memory"
    assert remarks == {"full": words}
    assert f"Ours: {words}." in camerasr_psnr({"full": [24.0]}, remarks=remarks).notes


def test_a_rival_of_params_stands_in_every_table_of_its_scores(project, stage):
    for dataset in SCORES:
        write_method(project / "runs/sample", dataset, "mine", (20, 21, 22))
    text = (project / "params.yaml").read_text()
    rival = "  mine: {title: My <net>, file: checkpoints/mine.safetensors}\n"
    text = text.replace("\nrivals:\n", f"\nrivals:\n{rival}", 1)
    (project / "params.yaml").write_text(text.replace("rivals: [", "rivals: [mine, "))
    done = stage("tabulate", "--group", "comparison")
    assert done.returncode == 0, done.stderr
    for table in (2, 3, 4):
        rows = rows_of((project / f"reports/sample/tables/comparison/table_{table}.csv").read_text())
        assert rows["My <net>"]["psnr"] == "21.0"
        assert rows["My <net>"]["method"] == "mine"


# --- Table I -----------------------------------------------------------------------------------------


def test_table_1_shows_niqe_and_says_that_there_are_no_ratings(project, monkeypatch):
    monkeypatch.chdir(project)
    for method, values in {"full": (4.0, 5.0, 6.0), "bicubic": (6.0, 7.0, 8.0)}.items():
        lines = "".join(f"im{n},{value}\n" for n, value in enumerate(values))
        file = project / f"runs/sample/scores/realsr_zero/{method}.csv"
        file.write_text(f"image,niqe\n{lines}")
        write_json(project / f"runs/sample/restored/realsr_zero/{method}/restored.json", {"run": None})
    table = study_tables("sample", settings.load(), "comparison", PAPER)[0]
    assert table.numeral == "I"
    assert table.ours["niqe"].dropna().to_dict() == {"Bicubic": 7.0, "Ours": 5.0}
    assert table.ours["mos"].isna().all()
    assert any("No ratings" in note for note in table.notes)
    assert "NIQE ↓ | MOS ↓" in to_markdown(table)


def test_table_1_takes_what_raters_gave_with_its_interval_and_notes():
    scores = results(full=1.0, bicubic=2.0).assign(metric="niqe")
    rated = pd.DataFrame(
        [("full", 1.25, 1.0, 1.5, 4, 80), ("bicubic", 3.5, 3.0, 4.0, 4, 80)],
        columns=["method", "mean", "low", "high", "raters", "ratings"],
    )
    opinions = Opinions(rated, ("4 raters.",))
    further = {"bicubic": "Bicubic"}
    table = study_table(LAYOUTS[0], read_paper_table(1, PAPER), scores, OFFICIAL, further, opinions=opinions)
    assert table.ours["mos"].dropna().to_dict() == {"Ours": 1.25, "Bicubic": 3.5}
    assert table.statistics.low.loc["Ours", "mos"] == 1.0
    assert table.statistics.high.loc["Bicubic", "mos"] == 4.0
    assert "4 raters." in table.notes
    assert not any("No ratings" in note for note in table.notes)
    row = rows_of(to_csv(table))["Ours"]
    assert (row["mos"], row["ci_low_mos"], row["ci_high_mos"]) == ("1.25", "1.0", "1.5")
    assert "1.250" in to_markdown(table)


# --- seeds -------------------------------------------------------------------------------------------


def test_a_comparison_shows_the_mean_over_the_seeds_and_their_deviation(project, stage):
    done = stage("tabulate", "--group", "comparison")
    assert done.returncode == 0, done.stderr
    folder = project / "reports/sample/tables/comparison"
    ours = rows_of((folder / "table_2.csv").read_text())["Ours"]
    assert float(ours["psnr"]) == pytest.approx((26.5 + 27) / 2)
    assert float(ours["deviation_psnr"]) == pytest.approx(0.5 / math.sqrt(2))
    assert [float(ours[f"psnr_seed{k}"]) for k in (1, 2)] == pytest.approx([26.5, 27])
    assert [ours[f"run_seed{k}"] for k in (1, 2)] == ["realsr-full-s1-0a1b", "realsr-full-s2-0a1b"]
    bicubic = rows_of((folder / "table_2.csv").read_text())["Bicubic"]
    assert bicubic["deviation_psnr"] == bicubic["psnr_seed1"] == ""
    text = (folder / "table_2.md").read_text()
    assert "26.750 ± 0.354" in text
    assert "- Seeds: 1, 2." in text
    assert "share split, pools and training pack, and the one trunk" in text
    wsum = rows_of((folder / "table_3.csv").read_text())
    assert "wsum" not in {row["method"] for row in wsum.values()}  # a row of Table V alone


def test_intervals_and_tests_are_of_each_images_mean_over_the_seeds():
    images = [20.0, 22.0, 25.0, 21.0, 30.0, 28.0, 26.0, 23.0]

    def scores(seeds):
        rows = [
            {"method": method, "seed": seed, "run": f"{method}-{seed}", "metric": "psnr", "image": str(image)}
            | {"value": value + change + lift}
            for method, lift in (("full", 0.0), ("plain", -0.4))
            for seed, change in seeds.items()
            for image, value in enumerate(images)
        ]
        return study_table(CAMERASR, read_paper_table(4, PAPER), pd.DataFrame(rows), OFFICIAL, TITLES)

    several, one = scores({1: -0.3, 2: 0.1, 3: 0.2}), scores({1: 0.0})
    for part in ("low", "high", "p"):
        found, expected = getattr(several.statistics, part), getattr(one.statistics, part)
        pd.testing.assert_frame_equal(found, expected)
    assert several.deviation.loc["Ours", "psnr"] == pytest.approx(0.26458, abs=1e-4)
    assert math.isnan(one.deviation.loc["Ours", "psnr"])
    assert "Seeds: 1." in one.notes


# --- statistics --------------------------------------------------------------------------------------


def test_csv_has_the_interval_and_the_corrected_p_value_of_every_row():
    base = [20.0, 22.0, 25.0, 21.0, 30.0, 28.0, 26.0, 23.0]
    worse = [value - 0.5 for value in base]
    rows = rows_of(to_csv(camerasr_psnr({"full": base, "identity": worse, "plain": base})))
    assert float(rows["LR, untouched"]["p_psnr"]) == pytest.approx(2 * 2 * 0.5**8)
    assert float(rows["RRDB, weighted sum (plain)"]["p_psnr"]) == 1
    assert rows["Ours"]["p_psnr"] == rows["DASR"]["p_psnr"] == rows["DASR"]["ci_low_psnr"] == ""
    assert float(rows["Ours"]["ci_low_psnr"]) < 24.375 < float(rows["Ours"]["ci_high_psnr"])


def test_a_dagger_stands_where_the_difference_is_not_significant_and_nowhere_else():
    base = [20.0, 22.0, 25.0, 21.0, 30.0, 28.0, 26.0, 23.0]
    table = camerasr_psnr({"full": base, "identity": [value - 0.5 for value in base], "plain": base})
    cells = {row.title: row.cells[0] for row in study_sheet(table).grid.rows}
    signs = {title: cell.sign for title, cell in cells.items() if cell.sign}
    assert signs == {"RRDB, weighted sum (plain)": "†"}
    assert "**24.375**†<br><sub>[" in to_markdown(table)
    assert r"\textbf{24.375}$^\dagger$" in to_latex(table)
    assert r"{\tiny [" in to_latex(table)
    assert not any("cannot show" in note for note in table.notes)


def test_too_few_images_for_any_significance_are_said_to_be():
    table = camerasr_psnr({"full": [1.0, 2.0, 3.0], "identity": [2.0, 3.0, 4.0], "plain": [3.0, 4.0, 5.0]})
    assert (
        "3 images cannot show a significant difference: with 2 rows tested, the smallest corrected p-value is 0.5."
        in table.notes
    )


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
    title = rf"\multicolumn{{{columns}}}{{l}}{{\emph{{Not in the paper's table}}}} \\"
    rows, _, others = body.partition(f"\\midrule\n{title}\n")
    assert others.count(r"RRDB, weighted sum (plain) &") == 1
    lines = [*rows.splitlines(), *others.splitlines()]
    assert len(lines) == 6 + 2  # intervals under the rows of ours
    assert all(line.count(" & ") == columns - 1 and line.endswith(r"\\") for line in lines)
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
    assert len(lines) == 7
    assert len({line.count("|") for line in lines}) == 1
    assert r"a\_b" in to_markdown(table)


def test_a_row_of_our_own_stands_in_an_ablation_below_the_papers(project, monkeypatch):
    monkeypatch.chdir(project)
    root = project / "runs/sample"
    for kind in ("scores", "restored"):
        shutil.copytree(root / kind / "ntire2020/plain", root / kind / "ntire2020/gradient")
    text = Path("params.yaml").read_text()
    configuration = "  gradient: {branches: false, mask: false, align: false, unif: false}\n"
    text = text.replace("configurations:\n  # Table V\n", f"configurations:\n{configuration}")
    Path("params.yaml").write_text(text.replace("table_5: [plain,", "table_5: [plain, gradient,"))
    table = study_tables("sample", settings.load(), "ablations", PAPER)[0]
    assert list(table.rows["method"][-2:]) == ["full", "gradient"]
    assert list(table.rows["group"][-2:]) == ["paper", "study"]
    assert table.ours.loc["gradient", "psnr"] == table.ours.loc["Plain Model", "psnr"]
