"""The stages tabulate, illustrate and report, through their real command lines, and the page they end in."""

import base64
import hashlib
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from pipeline import settings
from pipeline.errors import UserError
from pipeline.files import write_json, write_text
from pipeline.pages import csp_hash
from pipeline.reporting.page import page
from pipeline.reporting.provenance import circumstances, lock_hash
from pipeline.reporting.runs import training_runs
from pipeline.reporting.study import study_tables
from tests.reporting.conftest import SCORES

STUDY = settings.load(Path(__file__).parents[2] / "params.yaml").study

VOID = {"meta", "link", "img", "br", "input"}
DATASETS = list(SCORES)
PARTS = ("realsr", "ntire2020", "camerasr")
"""The sets whose masks and parts are shown."""


class Page(HTMLParser):
    """Text, tags with attributes, and whether every element is closed in order."""

    def __init__(self, html):
        super().__init__()
        self.stack, self.tags, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if not self.stack or self.stack[-1] not in {"style", "script"}:
            self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def made(project):
    folder = project / "reports/sample"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def refused(done, *words):
    """One message, status 1, no traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    for word in words:
        assert word in done.stderr


def test_every_stage_gives_the_same_bytes_again(project, stage, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    ablations = ("--group", "ablations")
    commands = (
        ("tabulate", "--group", "comparison"),
        ("tabulate", *ablations),
        ("tabulate", "--group", "efficiency"),
        ("illustrate", *ablations),
        ("illustrate", "--group", "comparison"),
        ("illustrate", "--group", "parts"),
        ("report",),
    )
    for command in commands:
        done = stage(*command)
        assert done.returncode == 0, done.stderr
    first = made(project)
    groups = {"comparison": (1, 2, 3, 4), "ablations": (5, 6)}
    of_data = {f"tables/{group}/table_{number}" for group, numbers in groups.items() for number in numbers}
    others = {"tables/comparison/calibration", "tables/efficiency/table_7"}
    of_data |= {f"tables/ablations/table_{number}_contrasts" for number in groups["ablations"]}
    tables = {f"{name}.{suffix}" for name in of_data | others for suffix in ("csv", "md", "tex")}
    figures = {f"figures/ablations/figure_1.{suffix}" for suffix in ("svg", "png")}
    scored = [dataset for dataset in DATASETS if dataset != "realsr_zero"]  # whose metrics need ground truth here
    names = [*(f"{dataset}_cuts" for dataset in DATASETS), *(f"{dataset}_scores" for dataset in scored)]
    figures |= {f"figures/comparison/{name}.{suffix}" for name in names for suffix in ("svg", "png")}
    figures |= {f"figures/parts/{name}_full.{suffix}" for name in PARTS for suffix in ("svg", "png")}
    assert set(first) == {*tables, *figures, "index.html"}
    for name in ("ablations/figure_1", "comparison/realsr_scores"):
        assert base64.b64encode(first[f"figures/{name}.svg"]) in first["index.html"]
    label = settings.load(project / "params.yaml").sample.label
    for name in tables:
        assert (name.partition(".")[0] in others) != (label in first[name].decode())
        assert b"difference_" not in first[name]
    for command in commands:
        assert stage(*command).returncode == 0
    assert made(project) == first


def test_missing_scores_are_named_and_no_table_is_written(project, stage):
    shutil.rmtree(project / "runs/sample/scores/camerasr")
    refused(stage("tabulate", "--group", "comparison"), "scores/camerasr", "dvc repro")
    assert made(project) == {}


def test_a_truncated_image_is_named_and_no_figure_is_written(project, stage):
    image = project / "runs/sample/restored/camerasr/full/seed1/im1.png"
    image.write_bytes(image.read_bytes()[:500])
    refused(stage("illustrate", "--group", "comparison"), "camerasr/full/seed1/im1.png")
    assert made(project) == {}


def test_a_figure_that_was_not_drawn_is_named_and_no_page_is_written(project, stage):
    refused(stage("report"), "figures/comparison/realsr_scores.svg is missing", "dvc repro illustrate@sample")
    assert made(project) == {}


def test_a_missing_history_is_named_and_no_figure_is_drawn(project, stage):
    (project / "runs/sample/models/ntire2020/unif/seed2/history.jsonl").unlink()
    refused(stage("illustrate", "--group", "ablations"), "models/ntire2020/unif/seed2/history.jsonl is missing")
    assert made(project) == {}


@pytest.mark.parametrize("text", ["", "name,psnr\na,1\n", "image,psnr\na,high\n"])
def test_broken_scores_are_named(project, text, monkeypatch):
    monkeypatch.chdir(project)
    (project / "runs/sample/scores/realsr/full/seed1.csv").write_text(text)
    with pytest.raises(UserError, match=r"realsr/full/seed1\.csv is not a table of scores"):
        study_tables("sample", settings.load(), "comparison")


@pytest.fixture
def html(project, monkeypatch):
    monkeypatch.chdir(project)
    for name in ("ablations/figure_1", *(f"comparison/{dataset}_scores" for dataset in DATASETS)):
        write_text(project / f"reports/sample/figures/{name}.svg", "<svg/>")
    (project / "reports/sample/figures/parts").mkdir()
    for name in PARTS:
        Image.new("RGB", (24, 16)).save(project / f"reports/sample/figures/parts/{name}_full.png")
    made = circumstances("sample", datetime(2024, 2, 29, 12, 30, tzinfo=UTC))
    return page("sample", settings.load(), made)


def test_the_page_is_well_formed_and_holds_everything_itself(html):
    parsed = Page(html)
    assert parsed.stack == []
    assert not re.search(r"https?://", html)
    assert not parsed.all("link")
    images = parsed.all("img")
    drawn = [image for image in images if image["src"].startswith("data:image/svg+xml;base64,")]
    assert "Table V: plain, wsum, align" in drawn[0]["alt"]
    assert "PSNR: Bicubic 25.000, RRDB, weighted sum (plain) 26.000, Cria-CL (full) 26.500." in drawn[1]["alt"]
    assert len(drawn) == 1 + 4
    parts = [image for image in images if image["alt"].startswith("Grid of pictures")]
    assert len(parts) == len(PARTS)
    sheets = [image for image in images if image not in drawn and image not in parts]
    pictures = [image["href"] for image in parsed.all("image") if "href" in image]
    assert all(image.startswith("data:image/webp;base64,") for image in pictures)
    assert all(image["src"].startswith("data:image/webp;base64,") for image in [*parts, *sheets])
    # The whole of each set's image; of four sets LR, methods and HR (CameraSR's LR is its first row); RealSR-Zero.
    assert len(pictures) == 5 + 5 + 5 + 4 + 2 + 3
    assert [image["alt"] for image in sheets] == [
        "Contact sheet: Blur kernels, stand-in for RealSR",
        "Contact sheet: Noise, stand-in for NTIRE2020 track 1",
    ]


def test_links_lead_to_the_files_of_the_figures(html):
    names = ["ablations/figure_1", *(f"comparison/{dataset}_cuts" for dataset in DATASETS)]
    names += [f"comparison/{dataset}_scores" for dataset in DATASETS if dataset != "realsr_zero"]
    names += [f"parts/{name}_full" for name in PARTS]
    addresses = {link["href"] for link in Page(html).all("a") if not link["href"].startswith("#")}
    assert addresses == {f"figures/{name}.{suffix}" for name in names for suffix in ("svg", "png")}


def test_the_page_says_what_was_run_on_which_data(html):
    text = " ".join(Page(html).text.split())
    for words in (
        "Not the paper's data: stand-ins made",
        "stand-ins made of scikit-image and scikit-learn photographs",
        "VGG-16 <of a test> (vgg16_lpips)",
        "the paper's are of VGG-19",
        "camerasr-full-s1-0a1b",
        "c0ffeec0ffee",
        "the gain of Cria-CL (full) over LR, untouched in PSNR is the median of 3",
        "the square of 48 × 48 pixels of most texture",
        "Stand-in for CameraSR, image im1",
        "No metric of the figure of scores is defined on any of these images.",
        "NIQE: this study's, after the authors' MATLAB release and with its parameters, border cut.",
    ):
        assert words in text
    assert "<of a test>" not in html  # escaped


def test_every_number_of_ours_leads_to_the_line_of_its_run_and_names_commit_and_data(html, project):
    parsed = Page(html)
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    numbers = [link for link in parsed.all("a") if link.get("class") == "number"]
    assert {link["href"][1:] for link in numbers} | {link["aria-describedby"] for link in numbers} <= set(ids)
    # Of each row of four metrics; Table VII has six columns; an ablation has three, and a step from the row above.
    assert len([link for link in numbers if link["href"] == "#efficiency"]) == 6 * 6
    assert len([link for link in numbers if link["href"] == "#run-camerasr-full-s1-0a1b"]) == 4
    split = hashlib.sha256((project / "runs/sample/splits/camerasr.csv").read_bytes()).hexdigest()
    (behind,) = re.findall(r"<strong>Table IV, Ours</strong>(.*?)</span>\n?</td>", html, re.DOTALL)
    assert "Run camerasr-full-s1-0a1b: commit c0ffeec0ffee." in behind
    assert f"3 test images, splits/camerasr.csv sha256 {split[:12]}" in behind
    assert split in html


def test_the_masks_and_parts_name_the_line_of_their_run_and_say_that_a_mask_is_constant(html):
    (section,) = re.findall(r'<section aria-labelledby="parts">(.*?)</section>', html, re.DOTALL)
    assert re.findall(r'href="#([^"]+)"', section) == [f"run-{name}-full-s1-0a1b" for name in PARTS]
    assert all(f'id="run-{name}-full-s1-0a1b"' in html for name in PARTS)
    assert section.count("<p>S is nearly constant here, and no pattern should be read into it") == len(PARTS)


def test_a_number_of_the_paper_is_no_link(html):
    rows = re.findall(r"<tr>\n<th scope=.row.>ESRGAN.*?</tr>", html, re.DOTALL)
    assert rows
    assert any(re.search(r"<td[^>]*>[\d.]+</td>", row) for row in rows)
    assert not any('href="#run-' in row for row in rows)


def test_the_page_lets_in_its_own_style_and_script_alone(html):
    (policy,) = [tag["content"] for tag in Page(html).all("meta") if "http-equiv" in tag]
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    for source in ("default-src 'none'", f"style-src {csp_hash(style)}", f"script-src {csp_hash(script)}"):
        assert source in policy
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in Page(html).tags if "style" in attributes]


def test_the_page_says_when_and_from_what_it_was_made(html):
    text = " ".join(Page(html).text.split())
    assert "2024-02-29 12:30 UTC" in text
    assert "sha256 not recorded, of its stages" in text  # the project of the test has none


def test_the_hash_of_the_lock_leaves_out_the_page_itself_and_nothing_else(tmp_path):
    file = tmp_path / "dvc.lock"

    def hash_of(page, score):
        file.write_text(f"stages:\n  report@sample: {{outs: {page}}}\n  score@sample: {{outs: {score}}}\n")
        return lock_hash(file, "sample")

    assert hash_of("a", "b") == hash_of("c", "b") != hash_of("a", "c")
    file.write_text("[]")
    with pytest.raises(UserError, match=r"dvc\.lock is no lock file"):
        lock_hash(file, "sample")


def test_a_time_that_is_none_is_refused(stage, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    refused(stage("report"), "SOURCE_DATE_EPOCH", "yesterday")


def test_a_run_with_uncommitted_changes_says_so(project, monkeypatch):
    monkeypatch.chdir(project)
    file = project / "runs/sample/models/realsr/full/seed1/run.json"
    write_json(file, {"git": {"commit": "c0ffee" * 6, "dirty": True}, "threads": 1, "versions": {"torch": "2.0"}})
    runs = training_runs("sample", STUDY)
    assert runs["realsr-full-s1-0a1b"].commit == "c0ffeec0ffee, with changes that were not committed"
    assert runs["realsr-full-s1-0a1b"].surroundings == "CPU threads: 1; not recorded; torch 2.0"
    assert runs["realsr-plain-s1-0a1b"].surroundings == "not recorded"


def test_the_pages_tables_have_captions_and_scopes(html):
    parsed = Page(html)
    assert len(parsed.all("table")) == len(parsed.all("caption")) == 11
    assert {header["scope"] for header in parsed.all("th")} == {"col", "colgroup", "row", "rowgroup"}
    assert parsed.all("html") == [{"lang": "en"}]


def test_a_model_trained_anew_after_restoring_is_refused(project, monkeypatch):
    monkeypatch.chdir(project)
    model = project / "runs/sample/models/realsr/full/seed1/model.json"
    model.write_text(model.read_text().replace("realsr-full-s1-0a1b", "realsr-full-s1-9999"))
    with pytest.raises(UserError, match=r"realsr-full-s1-0a1b.*realsr-full-s1-9999"):
        training_runs("sample", STUDY)


def test_a_run_without_provenance_says_so(project, monkeypatch):
    monkeypatch.chdir(project)
    (project / "runs/sample/models/realsr/full/seed1/run.json").unlink()
    history = '{"iteration": 0, "probe": 3.5}\n{"iteration": 1, "pix": 1.0}\n{"iteration": 2, "probe": 3.25}\n'
    (project / "runs/sample/models/realsr/full/seed1/history.jsonl").write_text(history)
    runs = training_runs("sample", STUDY)
    assert runs["realsr-full-s1-0a1b"].commit == "not recorded"
    assert runs["realsr-full-s1-0a1b"].objective == "3.5000 → 3.2500"
    assert runs["realsr-plain-s1-0a1b"].objective == "not recorded"
    assert runs["realsr-plain-s1-0a1b"].commit.startswith("c0ffee")
