"""Table VII: medians and quartiles by hand, one network under several names, and what is said of the paper's."""

import csv
import io

import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.reporting.efficiency_table import costs, efficiency_sheet, read_measured
from pipeline.reporting.formats import to_csv, to_latex, to_markdown
from tests.reporting.conftest import write_efficiency


@pytest.fixture
def folder(project, monkeypatch):
    monkeypatch.chdir(project)
    return project / "runs/sample"


def rows(sheet):
    return {row["row"]: row for row in csv.DictReader(io.StringIO(to_csv(sheet)))}


def test_time_is_the_median_of_the_rounds_and_a_ratio_is_taken_within_each(folder):
    found = costs(read_measured(folder / "efficiency"))
    # Seconds 1.5, 2.5, 7 against 1, 2, 4: ratios 1.5, 1.25, 1.75, whose median is not that of the medians, 1.25.
    assert found.loc["full", ["seconds_q1", "seconds_median", "seconds_q3"]].tolist() == [2.0, 2.5, 4.75]
    ratio = found.loc["full", ["seconds_ratio_q1", "seconds_ratio_median", "seconds_ratio_q3"]]
    assert ratio.tolist() == [1.375, 1.5, 1.625]
    assert found.loc["full", "frames_per_second"] == pytest.approx(1 / 2.5)
    assert found.loc["released", "macs_ratio"] == pytest.approx(1.52)
    assert found.loc["esrgan", "seconds_ratio_q3"] == 1


def test_rivals_with_one_generator_have_its_numbers_and_the_papers_rows_stay(folder):
    found = rows(efficiency_sheet("sample"))
    assert list(found)[:4] == ["ESRGAN", "DASR", "Real-ESRGAN", "Ours"]
    assert {found[name]["parameters"] for name in ("ESRGAN", "DASR", "Real-ESRGAN")} == {"16697987"}
    assert {found[name]["network"] for name in ("ESRGAN", "DASR", "Real-ESRGAN")} == {"esrgan"}
    assert (found["Ours"]["parameters"], found["Ours"]["paper_parameters"]) == ("17367368", "14.8M")
    assert found["Cria-CL, the released layout"]["parameters"] == "17286473"
    assert found["Cria-CL at this preset's size"]["seconds_median"] == "0.02"


def test_the_caption_names_the_image_the_machine_and_the_rounds(folder):
    write_efficiency(folder, threads=2, rounds=9, precision="bf16")
    caption = efficiency_sheet("sample").caption
    for words in ("24 × 16", "96 × 64", "batch 1", "bfloat16", "a processor, 2 threads", "Medians of 9 rounds"):
        assert words in caption


def test_the_notes_say_what_the_papers_numbers_can_be(folder):
    notes = " ".join(efficiency_sheet("sample").notes)
    assert f"{0.7217 / 0.7971:.3f} of ESRGAN's time" in notes
    for words in ("in frame/s", "a cost", "measured once", "17.37 M", "17.29 M", "14.8 M", "1.52 ×", "1.40 ×"):
        assert words in notes


def test_a_gpu_has_its_peak_of_memory_and_a_processor_has_none(folder):
    assert "Peak memory" not in to_markdown(efficiency_sheet("sample"))
    write_efficiency(folder, peak_bytes=3 * 2**20, device="cuda", device_name="a GPU")
    sheet = efficiency_sheet("sample")
    assert "Peak memory (MiB)" in to_markdown(sheet)
    assert sheet.grid.rows[0].cells[6].text == "3"
    assert "on a GPU (torch" in sheet.caption


def test_every_format_shows_the_quartiles_under_the_median(folder):
    sheet = efficiency_sheet("sample")
    assert "2500.0<br><sub>[2000.0, 4750.0]</sub>" in to_markdown(sheet)
    assert r"{\tiny [1.38, 1.62]}" in to_latex(sheet)
    to_latex(sheet).encode("ascii")
    assert [cell.small for cell in sheet.grid.rows[0].cells][-3] == ""  # ESRGAN against itself


def test_another_network_in_the_rounds_is_refused(folder):
    file = folder / "efficiency/rounds.csv"
    pd.read_csv(file, index_col="round").rename(columns={"full": "other"}).to_csv(file)
    with pytest.raises(UserError, match=r"rounds\.csv and efficiency\.json beside it do not fit"):
        read_measured(folder / "efficiency")


def test_missing_rounds_are_named(folder):
    (folder / "efficiency/rounds.csv").unlink()
    with pytest.raises(UserError, match=r"rounds\.csv is missing or damaged.*dvc repro efficiency"):
        read_measured(folder / "efficiency")
