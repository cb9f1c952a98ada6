"""The metrics against closed forms, independent implementations, invariants and golden numbers."""

import math
import os
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color, data
from skimage import metrics as reference

from pipeline import methods
from pipeline import settings as params
from pipeline.datasets.images import read_rgb
from pipeline.evaluation.metrics import METRICS, luma, measure, psnr, psnr_y, ssim, ssim_y

BORDER = 4
CHECKOUT = Path(__file__).parents[2]
MIRROR = Path(os.environ.get("CRIA_MIRROR", CHECKOUT.parent / "shared" / "mirror"))
CANON = (25.559, 0.7328, 27.269, 0.7699)  # cv2 bicubic on the 50 Canon crops (facts/datasets.md 8, weights.md)
CAMERASR = (25.568, 0.8015, 27.162, 0.8260)  # untouched LR, 001-020 (facts/datasets.md 3)
# Half a unit of the last digit given: 2e-3 would let the mistakes below pass.
TOLERANCE = (6e-4, 6e-5, 6e-4, 6e-5)
FULL_REFERENCE = (psnr, ssim, psnr_y, ssim_y)

images = arrays.arrays(np.uint8, (21, 23, 3))
needs_mirror = pytest.mark.skipif(
    not (MIRROR / "realsr-canon-crops").is_dir(),
    reason="no mirror of the real images: set CRIA_MIRROR to its folder",
)


def noise(shape=(40, 52, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def photograph():
    """A photograph and its bicubic restoration from a quarter of its size."""
    hr = np.ascontiguousarray(data.astronaut()[:256, :256])
    lr = cv2.resize(hr, (64, 64), interpolation=cv2.INTER_AREA)
    return lr, hr


# --- closed forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1, 5, 100])
def test_psnr_of_a_constant_offset(offset):
    hr = noise() // 2
    assert psnr(hr + np.uint8(offset), hr, BORDER) == pytest.approx(20 * math.log10(255 / offset), abs=1e-12)


def test_psnr_y_of_a_constant_offset_is_smaller_by_the_range_of_luma():
    hr = noise() // 2
    expected = 20 * math.log10(255 / (10 * 219 / 255))
    assert psnr_y(hr + np.uint8(10), hr, BORDER) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_two_constants_is_its_luminance_term():
    a, b = np.full((20, 20, 3), 60, np.uint8), np.full((20, 20, 3), 130, np.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 60 * 130 + c1) / (60**2 + 130**2 + c1)
    assert ssim(a, b, BORDER) == pytest.approx(expected, abs=1e-9)


def test_luma_of_black_white_and_the_primaries():
    pixels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert luma(pixels)[0] == pytest.approx([16, 235, 81.481, 144.553, 40.966])


def test_identical_images_have_infinite_psnr_and_ssim_one():
    image = noise()
    assert psnr(image, image, BORDER) == psnr_y(image, image, BORDER) == math.inf
    assert ssim(image, image, BORDER) == pytest.approx(1)
    assert ssim_y(image, image, BORDER) == pytest.approx(1)


# --- where a metric is not defined -------------------------------------------------------------------


@pytest.mark.parametrize("metric", FULL_REFERENCE)
@pytest.mark.parametrize("side", [1, 3, 8])
def test_nothing_is_defined_on_what_the_border_leaves_empty(metric, side):
    assert math.isnan(metric(noise((side, 30, 3)), noise((side, 30, 3), 1), BORDER))


@pytest.mark.parametrize("metric", [ssim, ssim_y])
def test_ssim_needs_one_whole_window(metric):
    assert math.isnan(metric(noise((18, 30, 3)), noise((18, 30, 3), 1), BORDER))
    assert math.isfinite(metric(noise((19, 30, 3)), noise((19, 30, 3), 1), BORDER))


@pytest.mark.parametrize("name", params.load(CHECKOUT / "params.yaml").protocol.metrics)
def test_without_ground_truth_full_reference_metrics_are_not_defined(name):
    assert math.isnan(measure(METRICS[name], noise(), None, BORDER))


def test_other_sizes_and_types_are_refused():
    with pytest.raises(ValueError, match="differ in size"):
        psnr(noise((30, 30, 3)), noise((30, 31, 3)), BORDER)
    with pytest.raises(TypeError, match="8-bit"):
        psnr(noise().astype(np.float32), noise(), BORDER)


def test_the_registry_and_params_name_the_same_metrics():
    measured = {name for name, metric in METRICS.items() if metric.function}
    assert measured == set(get_args(params.Metric))


# --- invariants --------------------------------------------------------------------------------------


@given(a=images, b=images)
@settings(max_examples=40, deadline=None)
def test_metrics_are_symmetric_and_indifferent_to_flips_and_to_the_border(a, b):
    changed = a.copy()
    changed[:BORDER], changed[:, -BORDER:] = 7, 250
    for metric in FULL_REFERENCE:
        value = metric(a, b, BORDER)
        assert metric(b, a, BORDER) == pytest.approx(value, abs=1e-9)
        assert metric(a[:, ::-1], b[:, ::-1], BORDER) == pytest.approx(value, abs=1e-9)
        assert metric(changed, b, BORDER) == value


@given(a=images, b=images)
@settings(max_examples=40, deadline=None)
def test_ssim_is_at_most_one_and_psnr_at_least_zero(a, b):
    assert -1 - 1e-9 <= ssim(a, b, BORDER) <= 1 + 1e-9
    assert psnr(a, b, BORDER) >= 0


@given(b=images, factor=st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_a_larger_error_gives_a_lower_psnr(b, factor):
    near, far = b // 8 + 100, b // 8 + 100 + np.uint8(factor)
    assert psnr(near + np.uint8(1), near, BORDER) > psnr(far, near, BORDER)


# --- independent implementations ---------------------------------------------------------------------


def test_against_scikit_image():
    lr, hr = photograph()
    sr = methods.build("bicubic", 4)(lr)
    a, b = sr[4:-4, 4:-4], hr[4:-4, 4:-4]
    _, full = reference.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, full=True
    )
    assert psnr(sr, hr, BORDER) == pytest.approx(reference.peak_signal_noise_ratio(b, a), abs=1e-9)
    assert ssim(sr, hr, BORDER) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-6)

    ya, yb = color.rgb2ycbcr(a)[..., 0], color.rgb2ycbcr(b)[..., 0]
    _, full = reference.structural_similarity(
        ya, yb, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    assert psnr_y(sr, hr, BORDER) == pytest.approx(10 * math.log10(255**2 / ((ya - yb) ** 2).mean()), abs=1e-9)
    assert ssim_y(sr, hr, BORDER) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-6)


def test_psnr_against_pyiqa():
    import pyiqa
    import torch

    lr, hr = photograph()
    sr = methods.build("bicubic", 4)(lr)
    a, b = (torch.from_numpy(image.transpose(2, 0, 1)[None] / 255.0) for image in (sr, hr))
    rgb = pyiqa.create_metric("psnr", crop_border=BORDER, device="cpu")
    y = pyiqa.create_metric("psnr", test_y_channel=True, color_space="ycbcr", crop_border=BORDER, device="cpu")
    assert psnr(sr, hr, BORDER) == pytest.approx(rgb(a, b).item(), abs=1e-3)
    assert psnr_y(sr, hr, BORDER) == pytest.approx(y(a, b).item(), abs=1e-3)


# --- golden numbers on real images -------------------------------------------------------------------


def means(values):
    return np.mean(list(values), axis=0)


def scores(sr, hr):
    return [metric(sr, hr, BORDER) for metric in FULL_REFERENCE]


def canon_pairs():
    folder = MIRROR / "realsr-canon-crops"
    files = sorted((folder / "test_LR").glob("*.png"))
    assert len(files) == 50
    return ((read_rgb(file), read_rgb(folder / "test_HR" / file.name)) for file in files)


@needs_mirror
def test_golden_camerasr_identity():
    folder = MIRROR / "camerasr" / "City100" / "City100_iPhoneX"
    restore = methods.build("identity", 1)
    pairs = ((read_rgb(folder / f"{i:03}L.PNG"), read_rgb(folder / f"{i:03}H.PNG")) for i in range(1, 21))
    found = means(scores(restore(lr), hr) for lr, hr in pairs)
    assert np.all(np.abs(found - CAMERASR) < TOLERANCE), found


@needs_mirror
def test_golden_canon_crops_bicubic():
    restore = methods.build("bicubic", 4)
    found = means(scores(restore(lr), hr) for lr, hr in canon_pairs())
    assert np.all(np.abs(found - CANON) < TOLERANCE), found


# --- the classic mistakes: each must miss the golden number ------------------------------------------


def crop(image):
    return image[BORDER:-BORDER, BORDER:-BORDER]


def plain_psnr(a, b):
    return 10 * math.log10(255**2 / np.mean((a.astype(np.float64) - b) ** 2))


def yiq_luma(lr, hr):
    y = np.array([0.299, 0.587, 0.114])  # full range
    return plain_psnr(crop(methods.build("bicubic", 4)(lr)) @ y, crop(hr) @ y)


def no_border_crop(lr, hr):
    return psnr(methods.build("bicubic", 4)(lr), hr, 0)


def zero_padded_ssim(lr, hr):
    a, b = (crop(image).astype(np.float64) for image in (methods.build("bicubic", 4)(lr), hr))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def mean(x):
        return cv2.GaussianBlur(x, (11, 11), 1.5, borderType=cv2.BORDER_CONSTANT)

    ma, mb = mean(a), mean(b)
    above = (2 * ma * mb + c1) * (2 * (mean(a * b) - ma * mb) + c2)
    below = (ma**2 + mb**2 + c1) * (mean(a * a) - ma**2 + mean(b * b) - mb**2 + c2)
    return (above / below).mean()


def float_not_png(lr, hr):
    sr = cv2.resize(lr.astype(np.float32), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    return plain_psnr(crop(np.clip(sr, 0, 255)), crop(hr))


MISTAKES = [(yiq_luma, 2), (no_border_crop, 0), (zero_padded_ssim, 1), (float_not_png, 0)]


@pytest.mark.parametrize(("mistake", "column"), MISTAKES)
def test_a_classic_mistake_gives_another_number(mistake, column):
    lr, hr = photograph()
    right = scores(methods.build("bicubic", 4)(lr), hr)[column]
    assert abs(mistake(lr, hr) - right) > TOLERANCE[column]


@needs_mirror
@pytest.mark.parametrize(("mistake", "column"), MISTAKES)
def test_a_classic_mistake_misses_the_golden_number(mistake, column):
    found = means(mistake(lr, hr) for lr, hr in canon_pairs())
    assert abs(found - CANON[column]) > TOLERANCE[column]
