"""How costs grow: every point is measured, tabulated and drawn. No test looks at a time."""

import json
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from benchmarks import curves, memory, scale
from benchmarks.__main__ import app
from benchmarks.curves import Curve

TINY = scale.Setup(
    steps={"batch": (1, 2), "crop": (32,), "blocks": (1,)},
    sides=(16, 40),
    tile=24,
    overlap=4,
    images=(1,),
    repeats=1,
)
STAGES = [*(file.stem for file in Path("stages").glob("[a-z]*.py")), scale.TRAINING]


@pytest.fixture
def cheap(monkeypatch):
    """The smallest measurement, its processes not started."""
    started = []
    monkeypatch.setattr(scale, "_of_process", lambda words, folder, repeats: started.append([*words]) or 1.0)
    monkeypatch.setattr(scale, "Setup", lambda repeats: TINY)
    return started


def test_the_command_prints_tables_and_draws_every_topic(tmp_path, cheap):
    numbers, text, plots = tmp_path / "curves.json", tmp_path / "curves.md", tmp_path / "plots"
    words = ["scale", "--repeats", "1", "--plots", plots, "--json", numbers, "--markdown", text]
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.stderr
    assert done.stdout == text.read_text(encoding="utf-8")
    found = json.loads(numbers.read_text(encoding="utf-8"))
    assert {file.name for file in plots.iterdir()} == {f"{name}.png" for name in found}
    assert set(found) == {"steps", "restoration", "evaluation", "start-up"}
    assert [[curve["x"], *curve["lines"]["Cria-CL"]] for curve in found["steps"]] == [
        *(["batch", "1", "2"], ["crop", "32"], ["blocks", "1"])
    ]
    for curve in found["restoration"]:
        assert {name: list(line) for name, line in curve["lines"].items()} == {
            name: ["16", "40"] for name in ("whole", "tiles of 24 px")
        }
    assert len(found["restoration"]) == (2 if memory.RESET.exists() else 1)
    assert set(found["start-up"][0]["lines"]["until --help"]) == {*STAGES}
    assert ["-m", "stages.train", "--help"] in cheap
    assert all(
        cost > 0
        for part in found.values()
        for curve in part
        for line in curve["lines"].values()
        for cost in line.values()
    )


def test_a_process_that_fails_is_no_measurement(root):
    with pytest.raises(Exception, match="returned non-zero"):
        scale._of_process(["-c", "raise SystemExit(3)"], root, 1)
    assert scale._of_process(["-c", "sum(range(100_000))"], root, 1) > 0


def test_a_table_has_a_row_for_each_x_and_a_column_for_each_way():
    curve = Curve("side", "s", {"whole": {1: 0.5, 2: 1234.0}, "tiles": {1: 1.0, 2: 2.0}})
    assert curves.table(curve).splitlines() == [
        "| side | whole, s | tiles, s |",
        "| ---: | ---: | ---: |",
        "| 1 | 0.5 | 1 |",
        "| 2 | 1.23e+03 | 2 |",
    ]


def test_a_picture_has_a_panel_for_each_curve_and_is_small(tmp_path):
    numbers = Curve("side", "s", {"whole": {1: 0.5, 2: 2.0}, "tiles": {1: 1.0, 2: 2.0}})
    names = Curve("stage", "s", {"one": {"fetch": 1.0, "split": 2.0}})
    widths = []
    for panels in ([numbers], [numbers, names]):
        curves.draw(panels, tmp_path / "curve.png")
        assert (tmp_path / "curve.png").stat().st_size < 100_000
        widths.append(cv2.imread(str(tmp_path / "curve.png")).shape[1])
    assert widths[1] == 2 * widths[0]
