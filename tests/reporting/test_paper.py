"""The paper's side of the tables: every printed value in its place, and a difference only between like and like."""

import csv
import io
import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline import settings
from pipeline.errors import UserError
from pipeline.reporting.captions import Source
from pipeline.reporting.efficiency_table import efficiency_sheet
from pipeline.reporting.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.grid import APART
from pipeline.reporting.layout import LAYOUTS
from pipeline.reporting.paper import read_paper_table
from pipeline.reporting.study import study_tables
from pipeline.reporting.study_sheet import study_sheet
from pipeline.reporting.tables import study_table
from pipeline.settings import Part

CHECKOUT = Path(__file__).parents[2]
PAPER = CHECKOUT / "reports" / "paper"
OFFICIAL = Source("paper", "the paper's set", "the official archives", official=True)
SCORES = {"psnr": "PSNR ↑", "ssim": "SSIM ↑", "lpips": "LPIPS ↓"}
WSUM = "L^pixel + L^perc + L^adv"
PRINTED = {  # table: its columns by metric, and its rows as the paper prints them, in its order
    1: (
        {"niqe": "NIQE ↓", "mos": "MOS ↓"},
        """ESRGAN 6.066 4.275
        Impressionism 4.961 3.455
        DASR 5.838 4.470
        Real-ESRGAN 4.575 3.245
        Ours 4.409 3.050""",
    ),
    2: (
        SCORES,
        """ZSSR 26.01 0.7482 0.3861
        ESRGAN 25.96 0.7468 0.4154
        CinCGAN 25.09 0.7459 0.4052
        FSSR 25.99 0.7388 0.2653
        DASR 26.23 0.7660 0.2517
        Real-ESRGAN 26.44 0.7492 0.2606
        ADL 26.90 – –
        Ours 27.82 0.8123 0.2311""",
    ),
    3: (
        SCORES,
        """EDSR 25.31 0.6383 0.5784
        ESRGAN 19.06 0.2423 0.6442
        ZSSR 25.13 0.6268 0.6160
        KernelGAN 18.46 0.3826 0.7307
        Impressionism 24.82 0.6619 0.2270
        Real-ESRGAN 24.91 0.6982 0.2468
        USR-DA 25.40 0.7075 0.2524
        Ours 26.21 0.7122 0.2201""",
    ),
    4: (
        SCORES,
        """FSSR 23.781 0.7566 0.180
        Impressionism 25.142 0.8097 0.139
        DASR 25.235 0.8065 0.141
        Real-ESRGAN 25.175 0.8023 0.136
        Ours 26.138 0.8172 0.134""",
    ),
    5: (
        SCORES,
        f"""Plain Model 24.82 0.6619 0.2270
        w/ L^Pixel + L^perc + L^adv 25.05 0.6683 0.2269
        w/ {WSUM} + L_align^Cria 25.12 0.6720 0.2263
        w/ {WSUM} + L_unif^Cria 25.76 0.6977 0.2227
        w/ {WSUM} + L_align^Cria + L_unif^Cria 25.92 0.6983 0.2230
        w/ Spatial-view Projection + {WSUM} 26.04 0.7042 0.2241
        Ours full 26.21 0.7122 0.2201""",
    ),
    6: (
        SCORES,
        """C_a = C_adv 17.97 – 0.6322
        C_a = C_per 24.27 – 0.3924
        C_a = C_pix 26.21 – 0.2201""",
    ),
    7: (
        {"time": "Time (frame/s)", "parameters": "Parameter"},
        """ESRGAN 0.7971 16.7M
        DASR 0.7465 16.7M
        Real-ESRGAN 0.7652 16.7M
        Ours 0.7217 14.8M""",
    ),
}


def printed(number):
    """The values of a table by row and metric, in the printed order; a dash where the paper has none."""
    metrics, text = PRINTED[number]
    found = {}
    for line in text.splitlines():
        row, *values = line.strip().rsplit(" ", len(metrics))
        found[row] = dict(zip(metrics, values, strict=True))
    return found


def layout_of(number):
    return next(layout for layout in LAYOUTS if layout.number == number)


def table_of(number, scores, layout=None, source=OFFICIAL, **options):
    """A table with our PSNR, and NIQE where it is about that, of one image a method."""
    layout = layout or layout_of(number)
    metric = "niqe" if number == 1 else "psnr"
    rows = [
        {"method": name, "seed": pd.NA, "run": "", "metric": metric, "image": "a", "value": value}
        for name, value in scores.items()
    ]
    return study_table(layout, read_paper_table(number, PAPER), pd.DataFrame(rows), source, {}, **options)


@pytest.fixture
def sheets(project, monkeypatch):
    """The seven tables of a finished study, by number."""
    monkeypatch.chdir(project)
    params = settings.load()
    tables = [table for group in ("comparison", "ablations") for table in study_tables("sample", params, group)]
    return {table.number: study_sheet(table) for table in tables} | {7: efficiency_sheet("sample")}


# --- all values --------------------------------------------------------------------------------------


def test_the_paper_prints_106_values():
    cells = [value for number in PRINTED for row in printed(number).values() for value in row.values()]
    assert len([value for value in cells if value != "–"]) == 106


def test_every_value_stands_in_its_row_and_column_in_the_papers_order(sheets):
    for number, (headers, _) in PRINTED.items():
        lines = [
            [cell.strip().replace("\\_", "_") for cell in line.split("|")[1:-1]]
            for line in to_markdown(sheets[number]).splitlines()
            if line.startswith("|")
        ]
        places = {metric: lines[0].index(f"Paper {header}") for metric, header in headers.items()}
        rows = [line[0] for line in lines[2:]]
        theirs = rows[: rows.index(f"*{APART}*")] if f"*{APART}*" in rows else rows
        shown = {line[0]: {metric: line[place] for metric, place in places.items()} for line in lines[2:]}
        assert theirs == list(printed(number))
        assert {row: shown[row] for row in theirs} == printed(number)
        assert all(set(shown[row].values()) == {""} for row in rows[len(theirs) :])


def test_every_value_is_in_the_csv_and_a_dash_is_an_empty_cell(sheets):
    for number in PRINTED:
        rows = {row["row"]: row for row in csv.DictReader(io.StringIO(to_csv(sheets[number])))}
        for row, values in printed(number).items():
            assert {metric: rows[row][f"paper_{metric}"] for metric in values} == {
                metric: value.replace("–", "") for metric, value in values.items()
            }


def test_references_and_rows_of_this_study_are_a_group_of_their_own(sheets):
    for number, own in {1: "Bicubic", 2: "Bicubic", 3: "Bicubic", 4: "LR, untouched"}.items():
        grid = sheets[number].grid
        assert grid.apart == len(printed(number))
        assert grid.rows[grid.apart].title == own
        assert to_latex(sheets[number]).count(f"{{\\emph{{{APART}}}}}") == 1
    for number in (5, 6):
        assert sheets[number].grid.apart is None
        assert APART not in to_markdown(sheets[number]) + to_latex(sheets[number])


def test_nothing_claims_that_the_paper_is_not_known(sheets):
    for folder in (PAPER, CHECKOUT / "pipeline" / "reporting"):
        for file in folder.rglob("*.*"):
            if file.suffix != ".pyc":
                assert "not known" not in file.read_text(encoding="utf-8"), file
    for sheet in sheets.values():
        assert "not known" not in to_markdown(sheet)


def test_every_table_names_its_section_and_what_the_papers_shows(sheets):
    sections = {1: "IV-B", 2: "IV-B", 3: "IV-B", 4: "IV-B", 5: "IV-C", 6: "III", 7: "IV-D"}
    for number, section in sections.items():
        paper = read_paper_table(number, PAPER)
        head = f"Counterpart of the paper's Table {paper.numeral} (section {section}), {paper.caption}: "
        assert sheets[number].caption.startswith(head)


def test_the_slips_of_the_text_are_told_with_what_the_table_gives(sheets):
    def gain(number, row, metric, against):
        values = printed(number)
        return abs(float(values[row][metric]) - float(values[against][metric]))

    notes = {number: " ".join(sheet.notes) for number, sheet in sheets.items()}
    plain, wsum, align, unif, _, spatial, _ = printed(5)
    for number, slip, truth in (
        (1, "0.1666", f"{gain(1, 'Ours', 'niqe', 'Real-ESRGAN'):.3f}"),
        (1, "6.25 %", f"{100 * gain(1, 'Ours', 'mos', 'Real-ESRGAN') / 3.245:.1f} %"),
        (2, "1.57 dB", f"{gain(2, 'Ours', 'psnr', 'DASR'):.2f} dB"),
        (2, "0.0296", f"{gain(2, 'Ours', 'lpips', 'Real-ESRGAN'):.4f}"),
        (3, "0.0324", f"{gain(3, 'Ours', 'lpips', 'Real-ESRGAN'):.4f}"),
        (5, f"{gain(5, align, 'psnr', plain):.1f} dB", f"{gain(5, align, 'psnr', wsum):.2f}"),
        (5, f"{gain(5, unif, 'psnr', plain):.2f} dB", f"{gain(5, unif, 'psnr', wsum):.2f} dB"),
        (5, "1.19 dB", f"{gain(5, spatial, 'psnr', plain):.2f}"),
        (7, "10 %", f"{0.7217 / 0.7971:.3f}"),
    ):
        assert slip in notes[number]
        assert truth in notes[number]


# --- differences -------------------------------------------------------------------------------------


def test_a_rival_at_another_scale_than_its_own_has_no_difference(project, monkeypatch):
    monkeypatch.chdir(project)
    scores = project / "runs/sample/scores"
    for dataset in ("camerasr", "ntire2020"):
        text = (scores / dataset / "full/seed1.csv").read_text()
        for file in (
            scores / dataset / "real_esrgan.csv",
            project / f"runs/sample/restored/{dataset}/real_esrgan/restored.json",
        ):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text if file.suffix == ".csv" else '{"run": null}')
    params = settings.load()
    official = params.model_copy(
        update={"sample": params.sample.model_copy(update={"datasets": params.paper.datasets})}
    )
    tables = {table.number: table for table in study_tables("sample", official, "comparison")}
    assert tables[4].difference.loc["Ours", "psnr"] == pytest.approx(27.25 - 26.138)
    assert tables[4].difference.loc["Real-ESRGAN"].isna().all()
    assert tables[3].difference.loc["Real-ESRGAN", "psnr"] == pytest.approx(26 - 24.91)
    assert "none for a network used at another scale than its own" in tables[4].reading[0]


def test_neither_niqe_nor_mean_opinions_are_subtracted():
    table = table_of(1, {"full": 4.0, "real_esrgan": 4.5})
    assert table.difference is None
    assert table.reading[0].startswith("No difference to the paper is given")
    assert "difference_" not in to_csv(study_sheet(table))


def test_ssim_that_the_paper_leaves_out_has_no_difference():
    table = table_of(6, {"full": 26.0})
    assert table.difference.loc["C_a = C_pix", "psnr"] == pytest.approx(26 - 26.21)
    assert table.difference["ssim"].isna().all()


@pytest.mark.parametrize("number", [5, 6])
def test_an_ablation_on_another_dataset_than_the_papers_has_no_difference_and_says_so(project, monkeypatch, number):
    monkeypatch.chdir(project)
    file = project / "params.yaml"
    file.write_text(file.read_text().replace("ablation:\n  data: ntire2020", "ablation:\n  data: camerasr"))
    for kind in ("scores", "restored"):
        folder = project / "runs/sample" / kind
        shutil.copytree(folder / "ntire2020", folder / "camerasr", dirs_exist_ok=True)
    params = settings.load()
    official = params.model_copy(
        update={"sample": params.sample.model_copy(update={"datasets": params.paper.datasets})}
    )
    table = next(table for table in study_tables("sample", official, "ablations") if table.number == number)
    assert table.source.official
    assert table.difference is None
    assert "The paper's table is of NTIRE2020 track 1: its values are of another dataset." in table.caption
    assert "Difference" not in to_markdown(study_sheet(table))


def test_a_table_of_its_own_dataset_has_a_difference_and_no_such_words():
    table = table_of(5, {"plain": 25.0})
    assert table.difference.loc["Plain Model", "psnr"] == pytest.approx(25 - 24.82)
    assert "another dataset" not in table.caption


def test_the_datasets_of_the_layouts_are_those_of_the_transcription():
    assert {layout.number: layout.dataset for layout in LAYOUTS} == {
        layout.number: read_paper_table(layout.number, PAPER).dataset for layout in LAYOUTS
    }


@pytest.mark.parametrize("dataset", ["realsr", "ntire2020", "camerasr", "realsr_zero"])
def test_only_the_papers_whole_test_set_is_official(dataset):
    composition = settings.load(CHECKOUT / "params.yaml").paper.dataset(dataset)
    (tested,) = [part for part in composition.parts if "test" in part.roles]
    count = tested.roles["test"]
    assert composition.official(dataset)

    def changed(**roles):
        part = Part(collection=tested.collection, part=tested.part, roles=roles)
        others = [part for part in composition.parts if "test" not in part.roles]
        return composition.model_copy(update={"parts": (part, *others)})

    assert changed(test=count).official(dataset)
    assert not changed(test=count - 1).official(dataset)
    assert not changed(validation=1, test=count).official(dataset)  # the ids after the first
    assert not composition.model_copy(update={"standin": 64}).official(dataset)


# --- the partition -----------------------------------------------------------------------------------


def test_table_6_prints_the_partition_that_each_row_used(sheets, project):
    params = settings.load(project / "params.yaml")
    methods = dict(zip(printed(6), ("anchor_adv", "anchor_perc", "full"), strict=True))
    header = next(line for line in to_markdown(sheets[6]).splitlines() if line.startswith("| Method"))
    assert "| Partition Anchor | Partition Positives | Partition Negatives |" in header
    for row, (title, method) in zip(sheets[6].grid.rows, methods.items(), strict=True):
        used = params.configuration(method)
        shown = [used.anchor, ", ".join(used.positives), ", ".join(used.negatives)]
        assert row.title == title
        assert [cell.text for cell in row.cells[:3]] == shown
        assert list(sheets[6].data.loc[title, ["anchor", "positives", "negatives"]]) == shown
    assert not any("anchor" in sheets[number].data for number in PRINTED if number != 6)


# --- a damaged transcription -------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [("26.138", ""), ("26.138", "unknown"), ("Ours,full,psnr,26.138\n", "")])
def test_a_cell_that_is_no_value_is_refused(project, old, new):
    file = project / "reports/paper/table_4.csv"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=r"table_4\.csv: Ours, psnr: .* is neither a number nor '-'"):
        read_paper_table(4, file.parent)


@pytest.mark.parametrize("name", ["tables.csv", "notes.csv", "table_4.csv"])
def test_a_missing_file_is_named_with_the_command_that_brings_it_back(project, name):
    file = project / "reports/paper" / name
    file.unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; .*git checkout"):
        read_paper_table(4, file.parent)


def test_rows_meet_the_methods_of_this_study_once_each():
    for number in PRINTED:
        rows = read_paper_table(number, PAPER).rows
        assert not rows["method"].duplicated().any()
        assert list(rows["row"]) == list(printed(number))
    assert list(read_paper_table(5, PAPER).rows["method"]) == [
        *("plain", "wsum", "align", "unif", "align_unif", "spatial", "full")
    ]
