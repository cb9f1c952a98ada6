"""The figures of masks and parts: what is drawn and said, that nothing is cut off, how the page shows them."""

import base64
import io
from dataclasses import replace
from itertools import pairwise

import matplotlib.style
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from pipeline import settings
from pipeline.errors import UserError
from pipeline.reporting.figures import STYLE
from pipeline.reporting.parts import difference_words, draw_parts, mask_words, shown_parts, what_is_seen
from pipeline.reporting.parts_figure import CELL, NAME_CHARACTERS, amplification, parts_figure, percent, short
from tests.reporting.conftest import kept_parts
from tests.reporting.test_report_stages import PARTS, made, refused


def three(**changes):
    return [kept_parts("realsr", name, **changes) for name in ("im0", "a_name_far_too_long_for_a_cell", "im2")]


def abouts(**changes):
    return [kept.about for kept in three(**changes)]


def bytes_of(figure, kind):
    stream = io.BytesIO()
    with matplotlib.style.context(["default", STYLE]):
        figure.savefig(stream, format=kind, metadata={"svg": {"Date": None}, "png": {"Software": None}}[kind])
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_equal_parts_give_equal_bytes_and_another_mask_gives_others(kind):
    drawn = [bytes_of(parts_figure(three(mask=mask)), kind) for mask in (0.5, 0.5, 0.6)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_colours_of_the_mask_go_from_0_to_1_whatever_it_is():
    figure = parts_figure(three(mask=0.45))
    maps = [axes.images[0] for axes in figure.axes if axes.images and axes.images[0].get_array().ndim == 2]
    masks, differences = maps[:3], maps[3:]
    assert [image.get_clim() for image in masks] == [(0, 1)] * 3
    assert {image.get_cmap().name for image in masks} == {"cividis"}
    assert [image.get_clim() for image in differences] == [(0, 255 / 64)] * 3
    assert {image.get_interpolation() for axes in figure.axes for image in axes.images} == {"none"}


def test_a_kept_square_is_printed_pixel_for_pixel():
    parts = three()[0]
    square = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    figure = parts_figure([replace(parts, align=square)])
    page = np.asarray(Image.open(io.BytesIO(bytes_of(figure, "png"))).convert("RGB"))
    views = np.lib.stride_tricks.sliding_window_view(page[:, :, 0], (1, 256))[:, :, 0]
    assert (views == square[128, :, 0]).all(axis=2).any()
    assert pytest.approx(256 / 300) == CELL


@pytest.mark.parametrize("layout", ["paper", "released"])
@pytest.mark.parametrize("rows", [1, 3])
def test_nothing_is_cut_off_and_titles_do_not_overlap(layout, rows):
    figure = parts_figure(three(layout=layout)[:rows])
    whole, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(whole.x0, whole.y0) >= 0
    assert whole.x1 <= width + 1e-6  # HR ends with the page
    assert whole.y1 <= height
    titles = [Text.get_window_extent(axes.title) for axes in figure.axes if axes.get_title()]
    assert len(titles) == 7
    titles.sort(key=lambda box: box.x0)
    assert all(left.x1 < right.x0 for left, right in pairwise(titles))


def test_the_histogram_is_the_share_of_the_pixels_by_the_masks_value():
    figure = parts_figure([replace(kept_parts("realsr", "im0"), mask=np.float32([[0.11, 0.11], [0.11, 0.91]]))])
    (stairs,) = figure.axes[-1].patches
    values, edges, _ = stairs.get_data()
    assert {round(edges[place], 2): values[place] for place in np.flatnonzero(values)} == {0.1: 75, 0.9: 25}


def test_without_ground_truth_there_is_no_column_of_it():
    kept = kept_parts("realsr", "im0")
    blind = replace(kept, hr=None, about=replace(kept.about, ground_truth=False))
    assert [axes.get_title() for axes in parts_figure([blind]).axes if axes.get_title()][-1] == r"$I_\mathrm{SR}$"
    assert "HR." in what_is_seen([kept.about])
    assert "HR" not in what_is_seen([blind.about])


@pytest.mark.parametrize(
    ("largest", "factor"), [(0.0, 1), (300.0, 1), (255.0, 1), (127.5, 2), (3.0, 64), (1e-9, 4096)]
)
def test_a_difference_is_amplified_as_far_as_it_fits_in_8_bits(largest, factor):
    assert amplification(abouts(difference_max=largest)) == factor


def test_a_long_name_keeps_its_ends():
    assert short("Canon_001") == "Canon_001"
    assert short("a" * 20 + "b" * 20) == "aaaaaaa…bbbbbbb"
    assert len(short("a" * 40)) <= NAME_CHARACTERS


def test_a_share_that_is_not_zero_is_not_called_so():
    assert [percent(share) for share in (0, 1e-6, 0.0123, 1)] == ["0.0 %", "less than 0.1 %", "1.2 %", "100.0 %"]


def test_a_nearly_constant_mask_is_called_so_and_no_other():
    flat = mask_words(abouts(minimum=0.44, mean=0.456, maximum=0.51, deviation=0.0199, above_half=0.002))
    assert flat.startswith("S is nearly constant here, and no pattern should be read into it: means of 0.456")
    assert "all values between 0.440 and 0.510" in flat
    assert "above 0.5 at 0.2 % of an image's pixels" in flat
    varied = mask_words(abouts(minimum=0.1, maximum=0.9, deviation=0.02))
    assert varied.startswith("S has means of 0.500 to 0.500, all values between 0.100 and 0.900")


def test_the_words_are_those_of_the_layout():
    paper, released = abouts(difference_mean=0.6, mask_effect=0.0024), abouts(layout="released", mask_effect=None)
    assert "I_SR = S · I_align + (1 − S) · I_unif (Eq. 10)" in what_is_seen(paper)
    assert "differ by 0.60 grey levels on average" in difference_words(paper)
    assert "I_SR would change by 0.0024 grey levels" in difference_words(paper)
    assert "I_SR = out1 + out2" in what_is_seen(released)
    assert "the largest share of the channel mask" in what_is_seen(released)
    assert "were S its mean" not in difference_words(released)
    assert "clamped" not in difference_words(paper)
    assert "(1.0 % of an image at most) are drawn clamped" in difference_words(abouts(out_of_range=0.01))


def test_a_cut_image_is_called_one():
    whole = abouts()
    cut = [replace(about, square=replace(about.square, image_width=99)) for about in whole]
    assert "shown whole" in what_is_seen(whole)
    assert "the central square of each, 256 SR pixels or fewer a side" in what_is_seen(cut)


def test_the_page_shows_each_figure_without_loss_and_leads_to_its_run_and_files(project, monkeypatch):
    monkeypatch.chdir(project)
    folder = project / "reports/sample/figures/parts"
    draw_parts("sample", settings.load(), folder)
    shown = shown_parts("sample", settings.load(), folder)
    assert [figure.run for figure in shown] == [f"{name}-full-s1-0a1b" for name in PARTS]
    assert [figure.links["SVG"] for figure in shown] == [f"figures/parts/{name}_full.svg" for name in PARTS]
    assert shown[0].title == "Stand-in for RealSR, Cria-CL (full)"
    assert shown[0].paragraphs[-1].startswith("Of rows that were trained here, seed 1 is shown.")
    embedded = Image.open(io.BytesIO(base64.b64decode(shown[0].uri.partition(",")[2])))
    stored = Image.open(folder / "realsr_full.png").convert("RGB")
    assert embedded.size == (shown[0].width, shown[0].height)
    assert np.array_equal(np.asarray(embedded.convert("RGB")), np.asarray(stored))


def test_missing_parts_are_named_and_no_figure_is_drawn(project, stage):
    (project / "runs/sample/parts/camerasr/full/im1/unif.png").unlink()
    refused(stage("illustrate", "--group", "parts"), "camerasr/full/im1/unif.png", "missing")
    assert made(project) == {}


def test_a_missing_figure_is_named(project, monkeypatch):
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match=r"realsr_full\.png is missing.*illustrate_parts"):
        shown_parts("sample", settings.load(), project / "nowhere")


def test_a_mixture_of_runs_is_refused(project, monkeypatch):
    kept = kept_parts("realsr", "im1")
    other = replace(kept, about=replace(kept.about, run="realsr-full-s1-9999"))
    other.write(project / "runs/sample/parts/realsr/full/im1")
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match=r"several runs \(realsr-full-s1-0a1b, realsr-full-s1-9999\)"):
        shown_parts("sample", settings.load(), project / "reports/sample/figures/parts")
