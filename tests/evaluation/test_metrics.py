"""PSNR and SSIM against closed forms, independent implementations and invariants; what a scorer makes of a pair."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color, data
from skimage import metrics as reference

from benchmarks import usual_scores as script
from pipeline.evaluation import metrics
from pipeline.evaluation.metrics import METRICS, Picture, Scorer
from pipeline.evaluation.metrics.picture import luma

BORDER = 4
FIDELITY = ("psnr", "ssim", "psnr_y", "ssim_y")

images = arrays.arrays(np.uint8, (21, 23, 3))


def score(name, sr, hr, border=BORDER):
    return getattr(metrics, name)(Picture(sr, border), Picture(hr, border))


def noise(shape=(40, 52, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def restored_photograph():
    """A bicubic restoration from a quarter of the size, and the photograph."""
    hr = np.ascontiguousarray(data.astronaut()[:256, :256])
    lr = cv2.resize(hr, (64, 64), interpolation=cv2.INTER_AREA)
    return cv2.resize(lr, (256, 256), interpolation=cv2.INTER_CUBIC), hr


# --- closed forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1, 5, 100])
def test_psnr_of_a_constant_offset(offset):
    hr = noise() // 2
    assert score("psnr", hr + np.uint8(offset), hr) == pytest.approx(20 * math.log10(255 / offset), abs=1e-12)


def test_psnr_y_of_a_constant_offset_is_smaller_by_the_range_of_luma():
    hr = noise() // 2
    expected = 20 * math.log10(255 / (10 * 219 / 255))
    assert score("psnr_y", hr + np.uint8(10), hr) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_two_constants_is_its_luminance_term():
    a, b = np.full((20, 20, 3), 60, np.uint8), np.full((20, 20, 3), 130, np.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 60 * 130 + c1) / (60**2 + 130**2 + c1)
    assert score("ssim", a, b) == pytest.approx(expected, abs=1e-9)


def test_luma_of_black_white_and_the_primaries():
    pixels = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert luma(pixels)[0] == pytest.approx([16, 235, 81.481, 144.553, 40.966])


def test_identical_images_have_infinite_psnr_and_ssim_one():
    image = noise()
    assert score("psnr", image, image) == score("psnr_y", image, image) == math.inf
    assert score("ssim", image, image) == pytest.approx(1)
    assert score("ssim_y", image, image) == pytest.approx(1)


def test_the_largest_error_of_a_large_image_is_summed_without_overflow():
    black, white = np.zeros((1500, 2000, 3), np.uint8), np.full((1500, 2000, 3), 255, np.uint8)
    assert score("psnr", black, white) == pytest.approx(0, abs=1e-12)


# --- where a metric is not defined -------------------------------------------------------------------


@pytest.mark.parametrize("name", FIDELITY)
@pytest.mark.parametrize("side", [1, 3, 8])
def test_nothing_is_defined_on_what_the_border_leaves_empty(name, side):
    assert math.isnan(score(name, noise((side, 30, 3)), noise((side, 30, 3), 1)))


@pytest.mark.parametrize("name", ["ssim", "ssim_y"])
def test_ssim_needs_one_whole_window(name):
    assert math.isnan(score(name, noise((18, 30, 3)), noise((18, 30, 3), 1)))
    assert math.isfinite(score(name, noise((19, 30, 3)), noise((19, 30, 3), 1)))


@pytest.mark.parametrize("name", FIDELITY)
def test_images_of_other_sizes_are_refused(name):
    with pytest.raises(ValueError, match="differ in size"):
        score(name, noise((30, 30, 3)), noise((30, 31, 3)))


@pytest.mark.parametrize(
    "pixels", [noise().astype(np.float32), noise()[..., 0], noise((40, 52, 4))], ids=["float", "grey", "alpha"]
)
def test_only_8_bit_rgb_makes_a_picture(pixels):
    with pytest.raises(TypeError, match="8-bit RGB"):
        Picture(pixels)


# --- invariants --------------------------------------------------------------------------------------


@given(a=images, b=images)
@settings(max_examples=40, deadline=None)
def test_metrics_are_symmetric_and_indifferent_to_flips_and_to_the_border(a, b):
    changed = a.copy()
    changed[:BORDER], changed[:, -BORDER:] = 7, 250
    for name in FIDELITY:
        value = score(name, a, b)
        assert score(name, b, a) == pytest.approx(value, abs=1e-9)
        assert score(name, a[:, ::-1], b[:, ::-1]) == pytest.approx(value, abs=1e-9)
        assert score(name, changed, b) == value


@given(a=images, b=images)
@settings(max_examples=40, deadline=None)
def test_ssim_is_at_most_one_and_psnr_at_least_zero(a, b):
    assert -1 - 1e-9 <= score("ssim", a, b) <= 1 + 1e-9
    assert score("psnr", a, b) >= 0


@given(b=images, factor=st.sampled_from([2, 3]))
@settings(max_examples=30, deadline=None)
def test_a_larger_error_gives_a_lower_psnr(b, factor):
    near, far = b // 8 + 100, b // 8 + 100 + np.uint8(factor)
    assert score("psnr", near + np.uint8(1), near) > score("psnr", far, near)


@given(a=images, b=images, c=images)
@settings(max_examples=20, deadline=None)
def test_what_a_ground_truth_keeps_changes_no_bit_of_the_next_methods_scores(a, b, c):
    truth = Picture(c, BORDER)
    for name in FIDELITY:
        measure = getattr(metrics, name)
        shared = [measure(Picture(a, BORDER), truth), measure(Picture(b, BORDER), truth)]
        assert shared == [score(name, a, c), score(name, b, c)]


# --- independent implementations ---------------------------------------------------------------------


@given(a=images, b=images)
@settings(max_examples=40, deadline=None)
def test_equal_to_the_authors_formulas_with_a_two_dimensional_window(a, b):
    for name in FIDELITY:
        assert score(name, a, b) == pytest.approx(script.FORMULAS[name](a[..., ::-1], b[..., ::-1]), abs=1e-9)


def test_against_scikit_image():
    sr, hr = restored_photograph()
    a, b = sr[4:-4, 4:-4], hr[4:-4, 4:-4]
    _, full = reference.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, full=True
    )
    assert score("psnr", sr, hr) == pytest.approx(reference.peak_signal_noise_ratio(b, a), abs=1e-9)
    assert score("ssim", sr, hr) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-6)

    ya, yb = color.rgb2ycbcr(a)[..., 0], color.rgb2ycbcr(b)[..., 0]
    _, full = reference.structural_similarity(
        ya, yb, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, full=True
    )
    expected = 10 * math.log10(255**2 / ((ya - yb) ** 2).mean())
    assert score("psnr_y", sr, hr) == pytest.approx(expected, abs=1e-9)
    assert score("ssim_y", sr, hr) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-6)


# --- the scorer --------------------------------------------------------------------------------------


def test_a_scorer_gives_the_metrics_asked_for_in_their_order(tmp_path):
    sr, hr = (Picture(noise(seed=seed), BORDER) for seed in (0, 1))
    values = Scorer(["ssim", "psnr"], tmp_path)(sr, hr)
    assert list(values.items()) == [("ssim", metrics.ssim(sr, hr)), ("psnr", metrics.psnr(sr, hr))]


def test_without_ground_truth_a_full_reference_metric_is_not_defined(tmp_path):
    values = Scorer(FIDELITY, tmp_path)(Picture(noise(), BORDER), None)
    assert list(values) == list(FIDELITY)
    assert all(math.isnan(value) for value in values.values())


def test_every_metric_says_how_it_is_computed():
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.title
        assert metric.implementation
