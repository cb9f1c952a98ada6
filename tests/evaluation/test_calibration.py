"""The metrics held against values that others published, and the classic mistakes, none of which may pass.

Two sets. Of five TID2013 pairs, which pyiqa installs, its repository publishes what the programs of the metrics'
own authors give (chaofengc/IQA-PyTorch at 065c2b73, ResultsCalibra/results_official.csv): no border, SSIM on
rounded grey. Of the same five photographs, reduced to a quarter and restored by OpenCV, the authors' script gives
the rest: four pixels of border, the saved PNG. Golden results of real images are facts/weights.md's, with a mirror.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import usual_scores as script
from pipeline.datasets.images import read_rgb, write_png
from pipeline.evaluation import case as cases
from pipeline.evaluation.metrics import Picture, Scorer, fidelity, picture
from pipeline.evaluation.metrics import lpips as perceptual
from pipeline.evaluation.metrics.picture import YIQ, luma

IMAGES = ("I03", "I04", "I06", "I08", "I19")


@dataclass(frozen=True)
class Official:
    """Published values of the five pairs, and how far ours may be off: half a digit of print, NIQE 1 %."""

    values: tuple[float, ...]
    tolerance: float
    relative: bool = False


OFFICIAL = {
    "psnr": Official((21.11, 20.99, 27.01, 23.3, 21.62), 5e-3),
    "ssim": Official((0.6993, 0.9978, 0.9989, 0.9669, 0.6519), 5e-4),
    "lpips": Official((0.7237, 0.2572, 0.05079, 0.05205, 0.4253), 5e-5),
    "dists": Official((0.4742, 0.1424, 0.06825, 0.02867, 0.3123), 5e-5),
    "niqe": Official(
        (15.7536293917814, 3.65492152353770, 3.23547743716998, 3.18403333858339, 8.63519663862637), 1e-2, True
    ),
    # Measured with the package lpips (facts/weights.md "Calibration").
    "lpips_vgg": Official((0.761406, 0.209047, 0.054361, 0.047481, 0.597137), 1e-6),
}
SLOW = {"lpips_vgg", "dists"}
"""Seconds a pair on one core: of these, the first pair is enough."""
FIDELITY = ("psnr", "ssim", "psnr_y", "ssim_y")
SCRIPT_TOLERANCE = 1e-9


@pytest.fixture(scope="session")
def tid2013():
    """The folder ResultsCalibra that pyiqa installs."""
    return next(folder for path in sys.path if (folder := Path(path) / "ResultsCalibra").is_dir())


@pytest.fixture(scope="session")
def restored(tid2013, tmp_path_factory):
    """The five references as test cases, restored from a quarter of their size: a folder of PNG files."""
    folder = tmp_path_factory.mktemp("restored")
    for name in IMAGES:
        hr = read_rgb(tid2013 / f"ref_dir/{name}.bmp")
        lr = cv2.resize(hr, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        write_png(folder / f"{name}.png", cv2.resize(lr, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))
    return folder


def against_official(folder, pretrained, names):
    """The metrics of `names` that miss the published value of a pair, with pair and value."""
    misses = []
    for name in names:
        scorer, official = Scorer([name], pretrained), OFFICIAL[name]
        for image, expected in list(zip(IMAGES, official.values, strict=True))[: 1 if name in SLOW else None]:
            pair = [cases.read_rgb(folder / side / f"{image}.bmp") for side in ("dist_dir", "ref_dir")]
            pair = [grey(pixels) if name == "ssim" else pixels for pixels in pair]
            found = scorer(*map(Picture, pair))[name]
            if not abs(found - expected) <= official.tolerance * (expected if official.relative else 1):
                misses.append((name, image, found))
    return misses


def grey(pixels):
    """As the published SSIM takes it: rounded rgb2gray, here in all three channels."""
    return np.repeat(np.round(luma(pixels, YIQ)).astype(np.uint8)[..., None], 3, axis=2)


def against_script(folder, tid2013, names=FIDELITY):
    """The same against the authors' script, which reads the files itself."""
    misses = []
    for image in IMAGES:
        reference = tid2013 / f"ref_dir/{image}.bmp"
        sr, hr = cases.read_restored(folder, cases.Case(image, reference, reference)), cases.read_rgb(reference)
        found = Scorer(names, Path("unused"))(Picture(sr, 4), Picture(hr, 4))
        for name in names:
            expected = script.FORMULAS[name](*(cv2.imread(str(f)) for f in (folder / f"{image}.png", reference)))
            if not abs(found[name] - expected) <= SCRIPT_TOLERANCE:
                misses.append((name, image, found[name]))
    return misses


def test_every_metric_meets_the_official_values(tid2013, pretrained):
    assert against_official(tid2013, pretrained, OFFICIAL) == []


def test_every_metric_of_the_authors_script_meets_what_it_computes_of_the_saved_files(restored, tid2013):
    assert against_script(restored, tid2013) == []


# --- the classic mistakes ----------------------------------------------------------------------------


def missed(misses):
    """The metrics that miss a value at least once."""
    return {name for name, *_ in misses}


def test_luma_of_yiq_is_rejected(restored, tid2013, monkeypatch):
    monkeypatch.setattr(picture, "luma", lambda pixels: luma(pixels, YIQ))
    assert missed(against_script(restored, tid2013)) == {"psnr_y", "ssim_y"}


def test_a_border_that_is_not_cut_is_rejected(restored, tid2013, monkeypatch):
    monkeypatch.setattr(Picture, "area", property(lambda whole: whole.pixels))
    assert missed(against_script(restored, tid2013)) == set(FIDELITY)


def test_lpips_of_values_from_0_to_1_is_rejected(tid2013, pretrained, monkeypatch):
    scaled = perceptual.minus_one_to_one
    monkeypatch.setattr(perceptual, "minus_one_to_one", lambda image: (scaled(image) + 1) / 2)
    assert missed(against_official(tid2013, pretrained, ["lpips"])) == {"lpips"}


def test_channels_in_opencvs_order_are_rejected(tid2013, pretrained, restored, monkeypatch):
    monkeypatch.setattr(cases, "read_rgb", lambda path: cv2.imread(str(path)))
    assert missed(against_official(tid2013, pretrained, ["lpips", "niqe"])) == {"lpips", "niqe"}
    assert missed(against_script(restored, tid2013)) == {"psnr_y", "ssim_y"}


def test_ssim_with_zeros_beyond_the_border_is_rejected(restored, tid2013, pretrained, monkeypatch):
    def padded(plane):
        return cv2.GaussianBlur(plane, (11, 11), 1.5, borderType=cv2.BORDER_CONSTANT)

    monkeypatch.setattr(fidelity, "_local_mean", padded)
    assert missed(against_script(restored, tid2013)) == {"ssim", "ssim_y"}
    assert missed(against_official(tid2013, pretrained, ["ssim"])) == {"ssim"}


def test_a_float_image_in_place_of_the_saved_one_is_rejected(restored, tid2013, monkeypatch):
    def unsaved(folder, case):
        lr = cv2.resize(read_rgb(case.hr), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        return np.clip(cv2.resize(lr.astype(np.float64), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC), 0, 255)

    monkeypatch.setattr(cases, "read_restored", unsaved)
    with pytest.raises(TypeError, match="8-bit"):
        against_script(restored, tid2013)
    monkeypatch.setattr(Picture, "__post_init__", lambda picture: None)
    monkeypatch.setattr(cases, "read_rgb", lambda path: read_rgb(path).astype(np.float64))
    assert missed(against_script(restored, tid2013)) == set(FIDELITY)


# --- golden results of real images -------------------------------------------------------------------

CAMERASR = {"psnr": 25.568, "ssim": 0.8015, "psnr_y": 27.162, "ssim_y": 0.8260, "lpips": 0.2940, "niqe": 6.84}
"""Untouched LR, 001 to 020 (facts/weights.md "Golden results", datasets.md 3)."""
CANON = {"psnr": 25.559, "ssim": 0.7328, "psnr_y": 27.269, "ssim_y": 0.7699}
"""OpenCV's bicubic on the 50 crops (facts/datasets.md 8, weights.md)."""
PRINTED = {"psnr": 5e-4, "ssim": 5e-5, "psnr_y": 5e-4, "ssim_y": 5e-5, "lpips": 5e-5, "niqe": 5e-3}
"""Half a unit of the last digit."""


def golden_misses(pairs, expected, pretrained):
    """The metrics whose mean over the pairs is not what was published, with the mean."""
    scorer = Scorer(list(expected), pretrained)
    scores = [scorer(Picture(sr, 4), Picture(hr, 4)) for sr, hr in pairs]
    means = {name: float(np.mean([values[name] for values in scores])) for name in expected}
    return {name: mean for name, mean in means.items() if not abs(mean - expected[name]) <= PRINTED[name]}


def test_golden_results_of_camerasrs_untouched_images(mirror_root, pretrained):
    folder = mirror_root / "camerasr" / "City100" / "City100_iPhoneX"
    pairs = [[read_rgb(folder / f"{number:03}{side}.PNG") for side in "LH"] for number in range(1, 21)]
    assert golden_misses(pairs, CAMERASR, pretrained) == {}


def test_golden_results_of_bicubic_on_the_canon_crops(mirror_root, pretrained):
    folder = mirror_root / "realsr-canon-crops"
    files = sorted((folder / "test_LR").glob("*.png"))
    assert len(files) == 50
    pairs = [
        (
            cv2.resize(read_rgb(file), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC),
            read_rgb(folder / "test_HR" / file.name),
        )
        for file in files
    ]
    assert golden_misses(pairs, CANON, pretrained) == {}
