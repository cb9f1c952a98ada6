"""The photographs and the camera model."""

import dataclasses

import cv2
import numpy as np
import pytest

from pipeline.datasets import photographs
from pipeline.datasets.camera import Camera, photograph
from pipeline.errors import UserError

PERFECT = Camera(scale=1, blur=0, shift=0, read_noise=0, shot_noise=0, jpeg=100)
SCENE = photographs.load("astronaut")[:256, 128:384]


def taken(camera, scene=SCENE, seed=0):
    return photograph(scene, camera, np.random.default_rng(seed))


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


@pytest.mark.parametrize("name", photographs.PHOTOGRAPHS)
def test_every_registered_photograph_is_the_one_installed(name):
    pixels = photographs.load(name)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    assert min(pixels.shape[:2]) >= 300
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, r"rocket\.jpg is not the picture .* expected 0000"),
        ({"path": "data/gone.jpg"}, r"gone\.jpg is missing"),
        ({"package": "no_such_package"}, "no_such_package is not installed"),
    ],
)
def test_another_package_version_is_noticed(monkeypatch, change, message):
    changed = dataclasses.replace(photographs.PHOTOGRAPHS["rocket"], **change)
    monkeypatch.setitem(photographs.PHOTOGRAPHS, "rocket", changed)
    photographs.load.cache_clear()
    with pytest.raises(UserError, match=message) as caught:
        photographs.load("rocket")
    assert "requirements.lock" in str(caught.value)
    photographs.load.cache_clear()


def test_a_perfect_camera_changes_next_to_nothing():
    assert abs(grey(taken(PERFECT)) - grey(SCENE)).max() <= 3


def test_a_picture_is_a_function_of_its_seed():
    camera = Camera(scale=4, blur=1.2, shift=0.5, read_noise=3, shot_noise=0.1, jpeg=90)
    np.testing.assert_array_equal(taken(camera, seed=3), taken(camera, seed=3))
    assert (taken(camera, seed=3) != taken(camera, seed=4)).any()
    assert taken(camera).shape == (64, 64, 3)


@pytest.mark.parametrize("level", [40, 160])
def test_noise_has_the_deviation_of_read_and_shot_noise(level):
    camera = dataclasses.replace(PERFECT, read_noise=4, shot_noise=0.25)
    # JPEG keeps brightness noise at quality 100 but halves the resolution of colour: measure grey.
    flat = grey(taken(camera, np.full((256, 256, 3), level, np.uint8)))
    weights = np.linalg.norm([0.299, 0.587, 0.114])
    assert flat.mean() == pytest.approx(level, abs=0.5)
    assert flat.std() == pytest.approx(weights * np.sqrt(16 + 0.25 * level), rel=0.1)


def test_the_shift_is_sub_pixel_and_the_blur_is_as_wide_as_asked():
    shifts = []
    for seed in range(6):
        moved = taken(dataclasses.replace(PERFECT, shift=0.5), seed=seed)
        shifts.append(cv2.phaseCorrelate(grey(SCENE), grey(moved))[0])
    assert abs(np.array(shifts)).max() <= 0.6
    assert abs(np.array(shifts)).max() > 0.15

    edge = np.zeros((64, 64, 3), np.uint8)
    edge[:, 32:] = 200
    profile = np.diff(grey(taken(dataclasses.replace(PERFECT, blur=2.0), edge))[32])
    centre = np.average(np.arange(63), weights=abs(profile))
    assert np.sqrt(np.average((np.arange(63) - centre) ** 2, weights=abs(profile))) == pytest.approx(2, rel=0.3)


def test_lower_quality_loses_more():
    losses = [abs(grey(taken(dataclasses.replace(PERFECT, jpeg=q))) - grey(SCENE)).mean() for q in (95, 60, 20)]
    assert losses == sorted(losses)
    assert losses[2] > 2 * losses[0]
