"""Benchmarks: the ways do equal work, take turns, and are reported with the ratios that the rounds give.

No test looks at a time.
"""

import json
import subprocess
import sys
from statistics import median

import cv2
import numpy as np
import pytest
import torch
from skimage import data
from typer.testing import CliRunner

from benchmarks import loading, preparation, scoring
from benchmarks.__main__ import app
from benchmarks.pairs import HEIGHT, SCALE, WIDTH, Folder, write_folder, write_pack
from benchmarks.rounds import Result, in_turns, table
from benchmarks.usual_scores import Truth
from pipeline.datasets.images import read_rgb, write_png
from pipeline.datasets.packs import Pack
from pipeline.degradations.bicubic import downscale_uint8


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def in_a_shell(root, words):
    """Exit status, standard output and standard error of `python -m benchmarks`."""
    command = [sys.executable, "-m", "benchmarks", *map(str, words)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def in_this_process(root, words):
    """The same, without the seconds that a start takes."""
    done = CliRunner().invoke(app, [*map(str, words)])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("run", "words", "head", "ways"),
    [
        (
            in_a_shell,
            ("loading", "--batches", 1),
            ["loader", "samples/s", "from … to", "× PNG folder, in process", "× PNG folder, 1 worker"],
            ["PNG folder, in process", "PNG folder, 1 worker", "pack, float32", "pack, uint8 (as trained on)"],
        ),
        (
            in_this_process,
            ("preparation",),
            ["prepared as", "pairs/s", "from … to", "× sub-images"],
            ["sub-images", "pack"],
        ),
        (
            in_this_process,
            ("scoring", "psnr", "--methods", 2),
            ["PSNR", "images/CPU s", "from … to", "× authors' script", "× pyiqa, one by one"],
            ["authors' script", "pyiqa, one by one", "study"],
        ),
    ],
    ids=["loading", "preparation", "scoring"],
)
def test_a_topic_prints_its_table_and_writes_what_is_asked_for(root, tmp_path, run, words, head, ways):
    numbers, text = tmp_path / "rates.json", tmp_path / "new" / "table.md"
    wanted = [*words, "--rounds", 2, "--images", 1, "--json", numbers, "--markdown", text]
    status, output, errors = run(root, wanted)
    assert status == 0, errors
    assert output == text.read_text(encoding="utf-8")
    lines = output.splitlines()
    assert cells(lines[0]) == head
    assert [cells(line)[0] for line in lines[2 : 2 + len(ways)]] == ways
    assert lines[2 + len(ways)] == ""
    assert lines[-1].startswith("2 rounds in turns; images 1")
    result = json.loads(numbers.read_text(encoding="utf-8"))
    assert sorted(result["rates"]) == sorted(ways)
    assert all(len(rates) == 2 and min(rates) > 0 for rates in result["rates"].values())
    assert output.startswith(table(Result(**result | {"rates": {way: result["rates"][way] for way in ways}})))


def test_no_round_at_all_is_refused(root):
    status, output, errors = in_this_process(root, ["loading", "--rounds", 0])
    assert (status, output) == (2, "")
    assert "--rounds" in errors


def test_a_table_that_cannot_be_written_is_printed_and_the_place_named(root, tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    wanted = ["preparation", "--rounds", 1, "--images", 1, "--json", tmp_path / "file" / "rates.json"]
    status, output, errors = in_this_process(root, wanted)
    assert status == 1
    assert output.startswith("| prepared as |")
    assert f"error: File exists: {tmp_path / 'file'}" in errors
    assert "Traceback" not in errors


def test_ways_take_turns_and_every_other_round_goes_backwards():
    calls = []

    def way(name):
        return lambda: calls.append(name) or float(len(calls))

    rates = in_turns({name: way(name) for name in "abc"}, 3)
    assert "".join(calls) == "abccbaabc"
    assert rates == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}


def test_a_ratio_is_the_median_of_the_ratios_within_the_rounds():
    slow, fast = [1.0, 2.0, 4.0], [300.0, 200.0, 1000.0]
    result = Result("way", "things/s", {}, {}, {"slow": slow, "fast": fast}, ("slow",))
    lines = table(result).splitlines()
    assert cells(lines[0]) == ["way", "things/s", "from … to", "× slow"]
    assert cells(lines[1]) == ["---", "---:", "---:", "---:"]
    assert cells(lines[2]) == ["slow", "2", "1 … 4", "1"]
    ratio = median(one / other for one, other in zip(fast, slow, strict=True))
    assert cells(lines[3]) == ["fast", "300", "200 … 1000", f"{ratio:.0f}"]
    assert ratio == 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eleven pairs: one photograph comes twice."""
    return write_folder(tmp_path_factory.mktemp("folder"), 11)


def test_the_pairs_are_photographs_of_city100s_size_and_no_two_are_alike(folder):
    images = [read_rgb(folder.hr(name)) for name in folder.names()]
    assert {image.shape for image in images} == {(HEIGHT, WIDTH, 3)}
    assert len({image.tobytes() for image in images}) == 11
    for name, image in zip(folder.names(), images, strict=True):
        np.testing.assert_array_equal(read_rgb(folder.lr(name)), downscale_uint8(image, SCALE))


def test_the_pack_holds_what_the_folder_holds(folder, tmp_path):
    write_pack(folder, tmp_path / "pack")
    pack = Pack.open(tmp_path / "pack")
    assert [spot.id for spot in pack.training] == folder.names()
    last = pack.training[-1]
    hr = pack.hr[last.hr :].reshape(HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(hr, read_rgb(folder.hr(last.id)))


@pytest.fixture
def aligned(tmp_path):
    """A pair whose HR image is its LR image with every pixel as a block, of colours that all differ."""
    lr = np.arange(40 * 56 * 3).astype(np.uint16).reshape(40, 56, 3)
    lr = np.stack([lr[..., 0] % 251, lr[..., 1] // 251, lr[..., 2] % 241], axis=2).astype(np.uint8)
    folder = Folder(tmp_path)
    write_png(folder.lr("0000.png"), lr)
    write_png(folder.hr("0000.png"), lr.repeat(SCALE, axis=0).repeat(SCALE, axis=1))
    return folder


def test_the_reference_loader_gives_aligned_crops_in_all_eight_positions(aligned):
    pairs = loading.PngPairs(aligned, loading.Setup(images=1, crop=64))
    image = torch.tensor(read_rgb(aligned.lr("0000.png"))).permute(2, 0, 1).float() / 255
    seen = set()
    for _ in range(200):
        lr, hr = pairs[0]
        assert lr.dtype == hr.dtype == torch.float32
        assert (lr.shape, hr.shape) == ((3, 16, 16), (3, 64, 64))
        torch.testing.assert_close(hr, lr.repeat_interleave(SCALE, 1).repeat_interleave(SCALE, 2))
        seen.add(_position(image, lr))
    assert len(seen) == 8


def _position(image, crop):
    """Which of the eight symmetries puts the crop back to a window of the image."""
    for turns in range(4):
        for flipped in (False, True):
            candidate = torch.rot90(crop, turns, (1, 2)).flip(2) if flipped else torch.rot90(crop, turns, (1, 2))
            corner = (image == candidate[:, :1, :1]).all(dim=0).nonzero()
            for top, left in corner.tolist():
                if torch.equal(image[:, top : top + 16, left : left + 16], candidate):
                    return turns, flipped
    raise AssertionError("the crop is no window of the image")


def test_the_reference_and_the_pack_give_batches_of_one_form(folder, tmp_path):
    setup = loading.Setup(images=11, batches=1, batch=4)
    write_pack(folder, tmp_path / "pack")
    reference = next(loading._from_png(loading.PngPairs(folder, setup), setup, workers=0))
    ours = next(loading._floats(Pack.open(tmp_path / "pack"), setup))
    for one, other in zip(reference, ours, strict=True):
        assert (one.shape, one.dtype, one.is_contiguous()) == (other.shape, other.dtype, other.is_contiguous())
        assert 0 <= other.min() < 0.2 < 0.8 < other.max() <= 1


def test_sub_images_cover_both_sides_and_stay_aligned(aligned, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "SIDE", 64)
    monkeypatch.setattr(preparation, "STEP", 32)
    preparation._cut(aligned, tmp_path / "cut")
    places = {(top, left) for top in (0, 32, 64, 96) for left in (0, 32, 64, 96, 128, 160)}
    assert {path.name for path in (tmp_path / "cut/HR").iterdir()} == {f"0000_{y}_{x}.png" for y, x in places}
    for top, left in places:
        hr = cv2.imread(str(tmp_path / f"cut/HR/0000_{top}_{left}.png"))
        lr = cv2.imread(str(tmp_path / f"cut/LR/0000_{top // SCALE}_{left // SCALE}.png"))
        np.testing.assert_array_equal(hr[::SCALE, ::SCALE], lr)


def test_the_last_sub_image_ends_at_the_border():
    assert preparation._starts(600, 480, 240) == [0, 120]
    assert preparation._starts(840, 480, 240) == [0, 240, 360]
    assert preparation._starts(480, 480, 240) == [0]


@pytest.mark.parametrize(
    ("names", "ways"),
    [
        (["psnr", "ssim", "psnr_y", "ssim_y", "lpips"], {"authors' script", "study"}),
        (["psnr", "psnr_y", "ssim_y", "lpips", "niqe"], {"pyiqa, one by one", "study"}),
    ],
)
def test_every_way_of_scoring_gives_the_same_values(tmp_path, names, ways):
    hr = data.astronaut()[:200, :300]
    truth = Truth(tmp_path / "hr.png", [tmp_path / "a.png", tmp_path / "b.png"])
    for file, sigma in zip([truth.hr, *truth.restored], (0.1, 1, 3), strict=True):
        write_png(file, cv2.GaussianBlur(hr, (0, 0), sigma))
    prepared = scoring.prepared(tmp_path, names, in_memory=False)
    assert set(prepared) == ways
    usual, ours = (prepared[way]([truth]) for way in sorted(ways))
    assert [list(values) for values in ours] == [names] * 2
    # pyiqa rounds the luma of SSIM, and its NIQE differs in flat areas (pipeline/evaluation/metrics/niqe.py).
    tolerances = {"psnr": 1e-3, "psnr_y": 1e-3, "ssim_y": 2e-3, "lpips": 1e-5, "niqe": 0.05}
    if "authors' script" in ways:
        tolerances |= dict.fromkeys(["psnr", "ssim", "psnr_y", "ssim_y"], 1e-9)
    for one, other in zip(usual, ours, strict=True):
        assert all(abs(one[name] - other[name]) <= tolerances[name] for name in names), (one, other)


def test_a_file_kept_in_memory_scores_as_one_that_is_read(tmp_path):
    truths = scoring.write_truths(tmp_path, scoring.Setup(images=1, methods=2))
    kept, read = (
        scoring.prepared(tmp_path / str(in_memory), ["psnr", "psnr_y"], in_memory=in_memory)
        for in_memory in (True, False)
    )
    for way in read:
        first = kept[way](truths)
        assert first == kept[way](truths) == read[way](truths)
        assert first[0] != first[1]


def test_an_unknown_metric_is_named_with_those_that_there_are(root):
    status, output, errors = in_this_process(root, ["scoring", "psnr,lpisp"])
    assert (status, output) == (1, "")
    assert "error: there is no metric 'lpisp'; known are psnr, ssim, lpips" in errors
