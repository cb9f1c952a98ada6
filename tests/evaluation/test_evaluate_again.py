"""The stage evaluate run again: restored images that are still good stay, the others are made anew."""

import shutil

import pytest

from pipeline.datasets.images import write_png
from tests.evaluation.project import contents, evaluated, picture, run


def times(root):
    """When each restored image was written."""
    return {file: file.stat().st_mtime_ns for file in (root / "restored/realsr").rglob("*.png")}


def test_a_second_run_restores_nothing_and_gives_the_same_bytes(project):
    root = project / "runs/sample"
    before, written = contents(root), times(root)
    done = run("evaluate", project, "--dataset", "realsr")
    assert done.returncode == 0, done.stderr
    assert "restore realsr" not in done.stderr
    assert "score realsr" not in done.stderr
    assert (contents(root), times(root)) == (before, written)


def test_without_its_restored_images_it_makes_them_anew_and_a_log_has_plain_lines(project):
    root = project / "runs/sample"
    before = contents(root)
    shutil.rmtree(root / "restored/realsr")
    done = run("evaluate", project, "--dataset", "realsr")
    assert done.returncode == 0, done.stderr
    assert "restore realsr: 2/2, " in done.stderr
    assert "\r" not in done.stderr
    assert contents(root) == before


def test_another_metric_restores_nothing(project):
    root = project / "runs/sample"
    written = times(root)
    evaluated(root)
    assert times(root) == written
    assert (root / "scores/realsr/bicubic.csv").read_text().startswith("image,psnr\n")


def test_another_method_restores_its_own_images_alone_and_one_that_has_gone_is_removed(project):
    root = project / "runs/sample"
    written = times(root)
    evaluated(root, ["bicubic", "lanczos"])
    assert times(root).items() > written.items()
    assert {file.name for file in (root / "scores/realsr").glob("*.csv")} == {"bicubic.csv", "lanczos.csv"}
    evaluated(root, ["lanczos"])
    for kind in ("restored", "scores"):
        assert {file.stem for file in (root / kind / "realsr").iterdir()} == {"lanczos"}


def test_other_pixels_are_restored_again(project):
    root = project / "runs/sample"
    before = contents(root / "restored/realsr")
    picture(root / "raw/realsr/1_LR.png", 6, 8, 77)
    evaluated(root)
    after = contents(root / "restored/realsr")
    assert {name for name in after if after[name] != before[name]} == {"bicubic/id1.png", "bicubic/restored.json"}


def test_other_code_restores_again(project, monkeypatch):
    root = project / "runs/sample"
    written = times(root)
    monkeypatch.setattr("pipeline.evaluation.restore.code_hash", lambda *names: "other")
    evaluated(root)
    assert all(moment > written[file] for file, moment in times(root).items())


def test_what_was_restored_before_an_error_is_taken_up(project, monkeypatch):
    root = project / "runs/sample"
    before = contents(root / "restored")
    shutil.rmtree(root / "restored/realsr")
    monkeypatch.setattr("pipeline.evaluation.made.write_png", failing_at("id2", write_png))
    with pytest.raises(OSError, match="disk full"):
        evaluated(root)
    assert not (root / "restored/realsr").exists()
    (made,) = (root / "state").glob("*/id1.png")
    moment = made.stat().st_mtime_ns
    monkeypatch.undo()
    evaluated(root)
    assert (root / "restored/realsr/bicubic/id1.png").stat().st_mtime_ns == moment
    assert contents(root / "restored") == before
    assert not list((root / "state").iterdir())


def failing_at(name, write):
    def failing(path, pixels, texts):
        if name in path.name:
            raise OSError(28, "disk full")
        write(path, pixels, texts)

    return failing
