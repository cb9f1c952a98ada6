"""Which image and square are shown, in which order, with what values; that figures hold pixels as they are."""

import math
from contextlib import chdir
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image

from pipeline import settings
from pipeline.paths import scores_file
from pipeline.reporting.captions import Source
from pipeline.reporting.comparison.choice import Window, around, choose, textured
from pipeline.reporting.comparison.cuts import DOTS, MARGIN, ROOM, cuts, grid_of
from pipeline.reporting.comparison.scores import distributions, offsets, strips
from pipeline.reporting.comparison.versions import (
    HR,
    LR,
    Comparison,
    Version,
    ordered,
    read_comparison,
    shown_metrics,
)
from pipeline.reporting.comparison.viewer import viewer
from pipeline.reporting.figures import WIDTH
from tests.reporting.conftest import seeds_of, write_csv

TITLES = {"bicubic": "Bicubic", "full": "Cria-CL (full)"}
SOURCE = Source("sample", "stand-in for RealSR", "stand-ins", official=False)


def frame(**columns):
    """Scores of the images a, b, ... by metric."""
    length = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=list("abcdefgh"[:length]), dtype=float)


def chosen(reference, full):
    scores = {"bicubic": reference} | ({} if full is None else {"full": full})
    return choose(scores, "bicubic", TITLES, ["c", "a", "b", "d"])


# --- which image ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "full", "image", "metric"),
    [
        ({"psnr": [20, 20, 20]}, {"psnr": [23, 21, 22]}, "c", "PSNR"),
        ({"psnr": [20, 20, 20, 20]}, {"psnr": [24, 21, 23, 22]}, "d", "PSNR"),  # the lower of the two in the middle
        ({"lpips": [0.5, 0.5, 0.5]}, {"lpips": [0.4, 0.1, 0.3]}, "c", "LPIPS"),  # lower is better
        ({"psnr": [1, 2, 3], "lpips": [math.nan] * 3}, {"psnr": [1, 2, 3], "lpips": [0.1] * 3}, "b", "PSNR"),
        ({"psnr": [20, math.nan, 20]}, {"psnr": [22, 90, math.inf]}, "a", "PSNR"),  # known of one image alone
        ({"niqe": [5, 5, 5]}, {"niqe": [4, 6, 5]}, "c", "NIQE"),
    ],
)
def test_the_image_is_that_of_the_median_gain(reference, full, image, metric):
    choice = chosen(frame(**reference), frame(**full))
    assert choice.image == image
    assert f"the gain of Cria-CL (full) over Bicubic in {metric} is the median of" in choice.rule


def test_without_cria_cl_it_is_the_median_of_the_reference_row():
    choice = chosen(frame(psnr=[3, 1, 2]), None)
    assert choice.image == "c"
    assert "no gain of Cria-CL (full) is known here" in choice.rule


def test_without_any_score_it_is_the_one_in_the_middle_by_name():
    choice = chosen(frame(psnr=[math.nan] * 4), frame(psnr=[math.nan] * 4))
    assert choice.image == "b"
    assert "in the middle by name" in choice.rule


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_as_many_images_gain_less_as_gain_more(gains):
    full = pd.Series(gains) + 20
    reference = frame(psnr=[20.0] * len(gains))
    image = chosen(reference, frame(psnr=full.tolist())).image
    value = full["abcdefgh".index(image)]
    assert sum(full < value) <= (len(gains) - 1) // 2
    assert sum(full > value) <= len(gains) // 2


# --- which square -----------------------------------------------------------------------------------


def test_the_square_is_where_the_texture_is():
    image = np.full((400, 480, 3), 128, np.uint8)
    image[200:300, 120:220] = np.random.default_rng(0).integers(0, 256, (100, 100, 3))
    assert textured(image, 1, 4, 400, 480) == Window(200, 120, 100, 100)


def test_of_lr_the_square_is_counted_in_hr_pixels():
    image = np.full((60, 80, 3), 128, np.uint8)
    image[20:35, 40:55] = np.random.default_rng(0).integers(0, 256, (15, 15, 3))
    square = textured(image, 4, 4, 240, 320)
    assert square.width == square.height == 60
    assert abs(square.top - 80) <= 4
    assert abs(square.left - 160) <= 4


def test_where_all_is_flat_the_first_square_is_taken():
    assert textured(np.zeros((64, 64, 3), np.uint8), 1, 1, 64, 64) == Window(0, 0, 48, 48)


@given(
    grid=st.sampled_from([1, 4]),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    side=st.integers(1, 400),
    seed=st.integers(0, 9),
)
def test_square_and_surroundings_lie_in_the_image_between_the_pixels_of_lr(grid, height, width, side, seed):
    height, width = (8 + height) * grid, (8 + width) * grid
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    square = textured(image, 1, grid, height, width)
    view = around(square, max(side, square.width), grid, height, width)
    for window in (square, view):
        assert not any(number % grid for number in (window.top, window.left, window.height, window.width))
        assert window.top >= 0
        assert window.left >= 0
        assert window.top + window.height <= height
        assert window.left + window.width <= width
    assert view.top <= square.top
    assert view.left <= square.left
    assert square.top + square.height <= view.top + view.height
    assert square.left + square.width <= view.left + view.width


# --- which versions ---------------------------------------------------------------------------------


def test_methods_keep_their_order_but_cria_cl_comes_last():
    titles = {"bicubic": "Bicubic", "full": "Cria-CL", "plain": "Plain", "absent": "Absent"}
    found = ordered(dict.fromkeys(["wsum", "plain", "full", "bicubic"], frame(psnr=[1])), titles)
    assert list(found.items()) == [("bicubic", "Bicubic"), ("plain", "Plain"), ("full", "Cria-CL")]


def test_metrics_that_no_image_has_are_left_out():
    scores = {"bicubic": frame(psnr=[20], ssim=[0.5], lpips=[math.nan], niqe=[5])}
    assert shown_metrics(scores, truth=True) == ("psnr", "ssim")
    assert shown_metrics(scores, truth=False) == ("niqe",)
    assert shown_metrics({"bicubic": frame(psnr=[math.nan])}, truth=True) == ()


@pytest.fixture
def read(project):
    def of(dataset):
        with chdir(project):
            return read_comparison("sample", dataset, settings.load())

    return of


def test_lr_and_ground_truth_stand_around_the_methods(read):
    shown = read("realsr")
    assert [version.name for version in shown.versions] == [LR, "bicubic", "plain", "full", HR]
    assert [version.covers for version in shown.versions] == [4, 1, 1, 1, 1]
    assert shown.versions[1].values == {"psnr": "26.000", "ssim": "0.2600"}
    assert shown.image == "im1"  # equal gains go by name


def test_at_scale_1_the_first_row_is_lr_itself(read):
    shown = read("camerasr")
    assert [version.name for version in shown.versions] == ["identity", "plain", "full", HR]


def test_without_ground_truth_there_is_none_and_no_value_that_is_not_known(read):
    shown = read("realsr_zero")
    assert [version.name for version in shown.versions] == [LR, "bicubic"]
    assert shown.metrics == ()


def test_a_metric_that_this_image_has_not_is_a_dash(project, read):
    rows = [{"image": f"im{n}", "psnr": 20 + n, "lpips": "" if n == 1 else 0.5} for n in range(3)]
    for method in ("bicubic", "full"):
        write_csv(scores_file(project / "runs/sample", "realsr", method, seeds_of(method)[0]), rows)
    shown = read("realsr")
    assert shown.metrics == ("psnr", "lpips")
    assert {version.name: version.values for version in shown.versions}["full"]["lpips"] == "0.5000"
    rows[0]["lpips"] = ""
    write_csv(project / "runs/sample/scores/realsr/plain/seed1.csv", rows)
    plain = {version.name: version.values for version in read("realsr").versions}["plain"]
    assert plain == {"psnr": "20.000", "lpips": "–"}


def test_the_page_gets_lr_thinned_and_every_version_of_the_surroundings(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setattr("pipeline.reporting.comparison.viewer.OVERVIEW", 20)
    shown = viewer("sample", "realsr_zero", settings.load())
    assert shown.thinned == 2  # LR is 28 x 26
    assert (shown.whole, shown.view) == (Window(0, 0, 112, 104), Window(0, 0, 112, 104))
    assert (shown.before, shown.after) == ("bicubic", "bicubic")
    assert shown.scores is None


# --- the figures ------------------------------------------------------------------------------------


def comparison(methods, scale=4, height=96, width=128):
    """Noise, of as many methods, with a long name among them."""
    draw = np.random.default_rng(0)
    low = Version(LR, "LR", {}, draw.integers(0, 256, (height // scale, width // scale, 3), np.uint8), scale)
    values = {"psnr": "24.123", "lpips": "0.1234"}
    images = [draw.integers(0, 256, (height, width, 3), np.uint8) for _ in range(methods + 1)]
    titles = ["RRDB, weighted sum (plain)", *(f"Method {place}" for place in range(1, methods))]
    made = [Version(title, title, values, image) for title, image in zip(titles, images, strict=False)]
    truth = Version(HR, "Ground truth", {}, images[-1])
    rule = "Chosen by rule: the test image at which something is the median, as stated. " * 3
    square = Window(16, 32, 48, 48)
    view = Window(0, 0, height, width)
    return Comparison("realsr", SOURCE, "im1", rule, ("psnr", "lpips"), (low, *made, truth), square, view)


def drawn(figure, tmp_path):
    figure.savefig(tmp_path / "figure.png", dpi=max(DOTS, figure.dpi))
    return np.asarray(Image.open(tmp_path / "figure.png").convert("RGB"))


def test_the_png_holds_every_pixel_of_a_square_as_a_block(tmp_path):
    shown = comparison(3)
    picture, grid = drawn(cuts(shown), tmp_path), grid_of(shown)
    for place, version in enumerate(shown.versions):
        top = MARGIN + place // grid.columns * grid.step
        left = MARGIN + ROOM + 36 + place % grid.columns * (grid.side + 18)
        pixels = shown.square.of(version.image, version.covers)
        block = grid.side // len(pixels)
        expected = pixels.repeat(block, axis=0).repeat(block, axis=1)
        assert np.array_equal(picture[top : top + grid.side, left : left + grid.side], expected)


def test_a_large_lr_image_is_printed_more_finely_and_never_smoothed(tmp_path):
    shown = comparison(1, scale=1, height=600, width=840)
    figure = cuts(shown)
    assert figure.dpi == 600
    picture = drawn(figure, tmp_path)[2 * MARGIN : 900, 2 * MARGIN : 1300].reshape(-1, 3)
    known = {tuple(pixel) for pixel in shown.versions[0].image.reshape(-1, 3)}
    seen = [tuple(pixel) in known for pixel in picture[::97]]
    assert np.mean(seen) > 0.98  # but for the frame


@pytest.mark.parametrize("methods", [1, 2, 7, 12])
def test_nothing_of_the_squares_is_cut_off_or_overlaps(methods):
    figure = cuts(comparison(methods))
    inside(figure)
    canvas = figure.bbox
    boxes = [Text.get_window_extent(text) for text in figure.texts if text.get_text()]
    assert all(canvas.y0 <= box.y0 and box.x1 <= canvas.x1 for box in boxes)
    pictures = [axes.get_window_extent() for axes in figure.axes]
    for text in boxes:
        assert not any(text.overlaps(picture.shrunk(0.98, 0.98)) for picture in pictures)
    for place, one in enumerate(boxes):
        assert not any(one.shrunk(0.95, 0.7).overlaps(other.shrunk(0.95, 0.7)) for other in boxes[place + 1 :])


def inside(figure):
    whole, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert whole.x0 >= -0.02
    assert whole.y0 >= 0
    assert whole.x1 <= width + 0.02
    assert whole.y1 <= height + 0.02


def many(methods, images):
    draw = np.random.default_rng(1)
    metrics = {"psnr": 25, "ssim": 0.7, "lpips": 0.3, "niqe": 6}
    return {
        f"m{place}": pd.DataFrame({name: mean * draw.uniform(0.8, 1.2, images) for name, mean in metrics.items()})
        for place in range(methods)
    }


@pytest.mark.parametrize(("methods", "images"), [(1, 1), (2, 4), (12, 4), (12, 100)])
def test_the_scores_of_few_and_many_methods_and_images_fit(methods, images):
    titles = {f"m{place}": f"A method with a long title, {place}" for place in range(methods)}
    figure = distributions(strips(many(methods, images), titles, 1), SOURCE)
    assert figure.get_size_inches()[0] == WIDTH
    inside(figure)
    names = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(below.y1 <= above.y0 + 1 for above, below in pairwise(names))
    for left, right in pairwise(figure.axes):
        assert left.title.get_window_extent().x1 < right.get_window_extent().x0 + 1


def test_a_dot_is_an_image_the_bar_their_median_and_cria_cl_a_line_through_all_rows():
    scores = {"bicubic": frame(psnr=[20, 26, 23, math.inf]), "full": frame(psnr=[21, math.nan, 22, 30])}
    shown = strips(scores, TITLES, 1)
    assert shown.medians == "PSNR: Bicubic 23.000, Cria-CL (full) 22.000."
    (axes,) = distributions(shown, SOURCE).axes
    assert [sorted(dots.get_offsets()[:, 0]) for dots in axes.collections] == [[20, 23, 26], [21, 22, 30]]
    assert [line.get_xdata()[0] for line in axes.lines] == [23, 22, 22]
    assert axes.get_title("left") == "PSNR ↑, n = 3 of 4"


def test_quartiles_are_drawn_where_there_are_enough_images():
    shown = strips({"bicubic": frame(psnr=range(8))}, {"bicubic": "Bicubic"}, 1)
    figure = distributions(shown, SOURCE)
    (axes,) = figure.axes
    (box,) = axes.patches
    assert (box.get_x(), box.get_width()) == (1.75, 3.5)
    assert "Boxes: quartiles" in " ".join(figure.texts[0].get_text().split())
    assert "Cria-CL" not in figure.texts[0].get_text()  # it was not measured


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_dots_stay_in_their_row(values):
    assert np.abs(offsets(np.array(values))).max() <= 0.28
