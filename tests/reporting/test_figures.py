"""Figure 1: what its curves are, that none depends on colour, that names do not overlap and nothing is cut off."""

import math
import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text

from pipeline.errors import UserError
from pipeline.reporting.figures import (
    POINTS,
    Panel,
    averaged,
    convergence,
    curve,
    curve_looks,
    shown_metrics,
    spread,
)
from pipeline.reporting.histories import read_histories
from pipeline.reporting.paper import read_paper_table
from tests.reporting.conftest import CHECKOUT, CONFIGURATIONS, write_history

PANELS = [
    Panel("Table V", {name: f"the {name}" for name in CONFIGURATIONS[:7]}),
    Panel("Table VI", {name: f"anchor {name}" for name in ("anchor_adv", "anchor_perc", "full")}),
]


def histories(iterations, metrics=("psnr", "ssim"), names=CONFIGURATIONS, seeds=(1, 2)):
    """Value = iteration + 100 x place of the configuration + seed."""
    rows = [
        (name, seed, k, metric, k + 100.0 * place + seed)
        for place, name in enumerate(names)
        for seed in seeds
        for k in iterations
        for metric in metrics
    ]
    return pd.DataFrame(rows, columns=["configuration", "seed", "iteration", "metric", "value"])


def test_histories_are_read_by_seed_without_what_is_no_validation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (3, 4):
        write_history(tmp_path / "runs/sample", "plain", seed, 21.0 + seed)
    found = read_histories("sample", "ntire2020", ["plain"], [3, 4])
    assert set(found["metric"]) == {"psnr", "ssim"}
    psnr = found[found["metric"] == "psnr"].pivot(index="iteration", columns="seed", values="value")
    assert psnr.to_dict() == {3: {0: 20.0, 20: 23.8, 40: 24.0}, 4: {0: 20.0, 20: 24.8, 40: 25.0}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"iteration": 0, "validation/psnr": 2', "is not a history"),
        ('["iteration"]\n', "is not a history"),
        ('{"validation/psnr": 2}\n', "is not a history"),
        ('{"iteration": 0, "pix": 2}\n', "has no `validation/...` score"),
    ],
)
def test_a_broken_history_is_named(tmp_path, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    write_history(tmp_path / "runs/sample", "plain", 1, 21.0)
    (tmp_path / "runs/sample/models/ntire2020/plain/seed1/history.jsonl").write_text(text)
    with pytest.raises(UserError, match=rf"plain/seed1/history\.jsonl {re.escape(words)}"):
        read_histories("sample", "ntire2020", ["plain"], [1])


def test_a_curve_is_what_all_seeds_have_validated():
    frame = histories([0, 20, 40], names=["plain"])
    frame.loc[(frame["seed"] == 2) & (frame["iteration"] == 20), "value"] = math.nan
    assert curve(frame, "plain", "psnr").to_dict() == {1: {0: 1.0, 40: 41.0}, 2: {0: 2.0, 40: 42.0}}


def test_seeds_that_share_nothing_are_refused():
    frame = histories([0], names=["plain"])
    frame.loc[frame["seed"] == 2, "value"] = math.inf
    with pytest.raises(UserError, match="histories of plain share no iteration"):
        curve(frame, "plain", "psnr")


def test_many_validations_are_averaged_up_to_each_point_and_the_start_stands_alone():
    seeds = curve(histories(range(0, 5001, 10), names=["plain"]), "plain", "psnr")  # 1 + 500 validations
    assert list(seeds.index) == [0, *range(100, 5001, 100)]
    assert seeds[1].loc[0] == 1
    assert seeds[1].loc[100] == np.mean(range(10, 101, 10)) + 1


@given(st.integers(1, 10_000))
def test_a_curve_never_has_more_points_than_print_shows(validations):
    size = averaged(validations)
    assert math.ceil((validations - 1) / size) <= POINTS
    assert size == 1 or validations > POINTS


def test_lpips_stands_in_for_ssim_when_every_run_has_it():
    both = histories([0], ("psnr", "ssim", "lpips"))
    assert shown_metrics(both) == ("psnr", "lpips")
    assert shown_metrics(both.iloc[:-1]) == ("psnr", "ssim")


def test_no_two_curves_of_a_table_look_alike_without_colour():
    looks = curve_looks(PANELS)
    for panel in PANELS:
        shapes = [(str(looks[name]["linestyle"]), looks[name]["marker"]) for name in panel.rows]
        assert len(set(shapes)) == len(shapes)
        assert len({looks[name]["color"] for name in panel.rows}) == len(shapes)


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=10), st.floats(0.01, 0.1))
def test_names_keep_their_order_their_distance_and_their_axes(wanted, distance):
    places = spread(wanted, distance, 0, 1)
    order = np.argsort(wanted, kind="stable")
    assert min(places) >= -1e-9
    assert max(places) <= 1 + 1e-9
    assert all(np.diff(np.array(places)[order]) >= min(distance, 1 / max(1, len(wanted) - 1)) - 1e-9)


def test_names_that_do_not_touch_stay_where_they_are():
    assert spread([0.9, 0.1, 0.5], 0.1, 0, 1) == pytest.approx([0.9, 0.1, 0.5])


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("iterations", [range(0, 81, 20), range(0, 500_001, 1000)])
def test_nothing_is_cut_off_and_no_names_overlap(iterations, wide):
    frame = histories(iterations)
    frame["value"] = (20 if wide else 0.09) + frame["value"] / frame["value"].max() / (1 if wide else 1000)
    figure = convergence(frame, PANELS, "Preset sample; data: stand-ins. " * 5)
    whole = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    assert whole.x0 >= 0
    assert whole.y0 >= 0
    assert whole.x1 <= width
    assert whole.y1 <= height
    for axes in figure.axes[::2]:
        ticks = [label.get_window_extent().x0 for label in axes.get_yticklabels()]
        assert axes.yaxis.label.get_window_extent().x1 < min(ticks)
    for axes in figure.axes:
        names = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)
        assert len(names) in (7, 3)
        assert all(above.y0 >= below.y1 - 2 for below, above in pairwise(names))


def test_the_papers_long_titles_stay_under_their_own_panel_and_above_the_foot(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    tables = [read_paper_table(number) for number in (5, 6)]
    panels = [
        Panel(table.numeral, dict(zip(table.rows["method"], table.rows["row"], strict=True))) for table in tables
    ]
    figure = convergence(histories([0, 20, 40]), panels, "Preset sample; data: stand-ins.")
    figure.draw_without_rendering()
    left, right = (axes.get_legend().get_window_extent() for axes in figure.axes[2:])
    foot = Text.get_window_extent(figure.texts[0])
    assert left.x1 < right.x0
    assert right.x1 <= figure.bbox.x1
    assert min(left.y0, right.y0) > foot.y1


def test_curves_are_the_means_and_the_foot_says_which_data():
    figure = convergence(histories([0, 20, 40]), PANELS, "Preset sample; data: stand-ins.")
    assert [axes.get_title("left") for axes in figure.axes] == ["Table V", "Table VI", "", ""]
    psnr = figure.axes[0]
    assert psnr.get_ylabel() == "PSNR, dB (higher is better)"
    drawn = [list(line.get_ydata()) for line in psnr.lines]
    expected = [[100 * place + k + seed for k in (0, 20, 40)] for place in range(7) for seed in (1, 2, 1.5)]
    assert drawn == expected  # the seeds, then their mean
    assert [text.get_text() for text in figure.texts] == ["Preset sample; data: stand-ins."]
    legend = figure.axes[3].get_legend()
    assert [text.get_text() for text in legend.get_texts()][-1] == "full: anchor full"
