"""Closed forms of the antialiased bicubic reduction, and two other implementations of it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.degradations.bicubic import cubic, downscale, downscale_uint8, taps

FACTORS = [2, 3, 4]


def photograph(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_the_kernel_has_its_published_values():
    assert cubic(np.array([0.0, 1.0, 2.0, 2.5])).tolist() == [1, 0, 0, 0]
    # Keys 1981 with a = -0.5: 9/16 half-way to a neighbour, -1/16 one sample further.
    np.testing.assert_allclose(cubic(np.array([0.5, -0.5, 1.5, -1.5])), [9 / 16, 9 / 16, -1 / 16, -1 / 16])


@pytest.mark.parametrize("factor", FACTORS)
def test_the_weights_are_symmetric_about_the_block_and_sum_to_one(factor):
    first, weights = taps(factor)
    np.testing.assert_allclose(weights, weights[::-1], atol=1e-15)
    assert first + len(weights) - 1 == factor - 1 - first
    assert weights.sum() == pytest.approx(1)


@given(st.sampled_from(FACTORS), st.integers(1, 5), st.integers(1, 5), st.floats(0, 255))
def test_a_constant_stays_itself_up_to_the_border(factor, rows, columns, level):
    reduced = downscale(np.full((rows * factor, columns * factor, 3), level), factor)
    assert reduced.shape == (rows, columns, 3)
    np.testing.assert_allclose(reduced, level, atol=1e-10)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_ramp_becomes_the_ramp_of_the_block_centres(factor):
    y, x = np.mgrid[: 12 * factor, : 12 * factor].astype(float)
    reduced = downscale(2 * x - 3 * y, factor)
    row, column = np.mgrid[:12, :12] * factor + (factor - 1) / 2
    np.testing.assert_allclose(reduced[2:-2, 2:-2], (2 * column - 3 * row)[2:-2, 2:-2], atol=1e-9)


@given(st.sampled_from(FACTORS), st.integers(0, 2**32 - 1))
def test_mirroring_and_transposing_go_through(factor, seed):
    image = np.random.default_rng(seed).random((5 * factor, 7 * factor))
    np.testing.assert_allclose(downscale(image[:, ::-1], factor), downscale(image, factor)[:, ::-1], atol=1e-12)
    np.testing.assert_allclose(downscale(image.T, factor), downscale(image, factor).T, atol=1e-12)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_interior_is_what_torch_computes(factor):
    image = photograph(12 * factor, 14 * factor).astype(np.float64)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    other = torch.nn.functional.interpolate(tensor, scale_factor=1 / factor, mode="bicubic", antialias=True)
    np.testing.assert_allclose(
        downscale(image, factor)[2:-2, 2:-2], other[0].permute(1, 2, 0).numpy()[2:-2, 2:-2], atol=1e-8
    )


@pytest.mark.parametrize("factor", FACTORS)
def test_the_interior_is_what_pillow_computes_to_a_level(factor):
    image = photograph(12 * factor, 14 * factor)
    other = np.asarray(Image.fromarray(image).resize((14, 12), Image.Resampling.BICUBIC)).astype(int)
    # Pillow rounds between its two passes, in fixed point.
    assert abs(downscale_uint8(image, factor)[2:-2, 2:-2] - other[2:-2, 2:-2]).max() <= 1


def test_the_border_is_mirrored():
    image = photograph(16, 16).astype(np.float64)
    mirrored = np.pad(image, [(16, 16), (16, 16), (0, 0)], mode="symmetric")
    np.testing.assert_allclose(downscale(image, 4), downscale(mirrored, 4)[4:8, 4:8], atol=1e-10)


def test_overshoot_is_clamped_to_eight_bits():
    step = np.zeros((32, 32, 3), np.uint8)
    step[:, 16:] = 255
    exact = downscale(step.astype(np.float64), 4)
    assert exact.min() < -1
    assert exact.max() > 256
    reduced = downscale_uint8(step, 4)
    assert reduced.min() == 0
    assert reduced.max() == 255


def test_a_side_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="10x8 is not a multiple of 4"):
        downscale(np.zeros((8, 10, 3)), 4)
