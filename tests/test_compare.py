"""Two checkouts are said to have equal results when, and only when, they have."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from typer.testing import CliRunner

from pipeline.__main__ import app


@pytest.fixture
def checkouts(tmp_path, monkeypatch):
    """Two folders with equal results; of the second the images say that another machine made them."""
    for name in ("here", "there"):
        root = tmp_path / name / "runs/sample"
        for file, content in {
            "models/realsr/full/seed1/generator.safetensors": b"weights",
            "scores/a.csv": b"1",
        }.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(content)
        (root / "restored/realsr").mkdir(parents=True)
        text = PngInfo()
        text.add_text("made", name)
        pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
        Image.fromarray(pixels).save(root / "restored/realsr/1.png", pnginfo=text)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "there/runs/sample"


def compared():
    return CliRunner().invoke(app, ["compare", "../there"])


def test_equal_results_are_equal_whatever_machine_made_them(checkouts):
    done = compared()
    assert done.exit_code == 0
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "models: 1 equal",
        "images: 1 equal",
        "scores: 1 equal",
    ]


def repaint(root):
    pixels = np.asarray(Image.open(root / "restored/realsr/1.png")).copy()
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(root / "restored/realsr/1.png")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: (root / "models/realsr/full/seed1/generator.safetensors").write_bytes(b"w"), "full/seed1"),
        (repaint, "restored/realsr/1.png"),
        (lambda root: (root / "scores/a.csv").unlink(), "scores/a.csv"),
        (lambda root: (root / "scores/b.csv").write_text("1"), "scores/b.csv"),
    ],
    ids=["weights", "a pixel", "missing scores", "more scores"],
)
def test_a_difference_is_named_and_is_the_exit_status(checkouts, change, named):
    change(checkouts)
    done = compared()
    assert done.exit_code == 1
    assert named in done.stdout


def test_a_checkout_without_results_is_named(checkouts):
    done = CliRunner().invoke(app, ["compare", "../nowhere"])
    assert done.exit_code == 1
    assert "../nowhere/runs/sample is missing" in done.stderr
