"""Closed forms of bicubic resizing, a slow reference written from imresize's formula, and two other libraries."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.degradations.bicubic import cubic, downscale, downscale_uint8, resize, taps

FACTORS = [2, 3, 4]
# From (height, width) to (height, width): x4, /4, /2, 0.37, not whole up, each axis its own way, to one pixel.
SIZES = [
    ((6, 7), (24, 28)),
    ((24, 32), (6, 8)),
    ((16, 18), (8, 9)),
    ((27, 30), (10, 11)),
    ((9, 10), (13, 17)),
    ((12, 10), (5, 23)),
    ((5, 4), (1, 1)),
]


def photograph(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def imresize(lines, resized):
    """One axis (the first) of MATLAB's imresize, pixel by pixel in its 1-based coordinates."""
    length = len(lines)
    scale = resized / length

    def h(x):
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0

    width = 4 if scale >= 1 else 4 / scale
    mirror = [*range(1, length + 1), *range(length, 0, -1)]
    result = []
    for x in range(1, resized + 1):
        u = x / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(u - width / 2)
        indices = range(left, left + math.ceil(width) + 2)
        weights = [h(u - i) if scale >= 1 else scale * h(scale * (u - i)) for i in indices]
        pixels = [lines[mirror[(i - 1) % len(mirror)] - 1] for i in indices]
        result.append(sum(w * p for w, p in zip(weights, pixels, strict=True)) / sum(weights))
    return np.array(result)


def imresize_both(image, size):
    rows = imresize(image.astype(np.float64), size[0])
    return imresize(rows.swapaxes(0, 1), size[1]).swapaxes(0, 1)


def planes(image):
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]


def pixels(tensor):
    return tensor[0].permute(1, 2, 0).numpy()


def test_the_kernel_has_its_published_values():
    assert cubic(torch.tensor([0.0, 1.0, 2.0, 2.5])).tolist() == [1, 0, 0, 0]
    # Keys 1981 with a = -0.5: 9/16 half-way to a neighbour, -1/16 one sample further.
    np.testing.assert_allclose(cubic(torch.tensor([0.5, -0.5, 1.5, -1.5])), [9 / 16, 9 / 16, -1 / 16, -1 / 16])


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_every_ratio_is_what_the_formula_of_imresize_gives(before, after):
    image = photograph(*before) / 255
    expected = imresize_both(image, after)
    np.testing.assert_allclose(pixels(resize(planes(image), after)), expected, atol=1e-12)
    np.testing.assert_allclose(pixels(resize(planes(image.astype(np.float32)), after)), expected, atol=1e-6)


@pytest.mark.parametrize("factor", [2, 4])
def test_eight_bits_are_those_of_the_formula_to_a_level(factor):
    image = photograph(24, 32)
    expected = np.clip(np.floor(imresize_both(image, (24 // factor, 32 // factor)) + 0.5), 0, 255)
    assert abs(downscale_uint8(image, factor).astype(int) - expected).max() <= 1


@given(st.integers(1, 40), st.integers(1, 40))
def test_weights_sum_to_one_and_positions_lie_in_the_line(length, resized):
    positions, weights = taps(length, resized)
    assert positions.shape == weights.shape
    assert positions.min() >= 0
    assert positions.max() < length
    np.testing.assert_allclose(weights.sum(dim=0), 1, atol=1e-12)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.floats(0, 255))
def test_a_constant_stays_itself_up_to_the_border(height, width, rows, columns, level):
    resized = resize(torch.full((1, 3, height, width), level, dtype=torch.float64), (rows, columns))
    assert resized.shape == (1, 3, rows, columns)
    np.testing.assert_allclose(resized, level, atol=1e-10)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_ramp_becomes_the_ramp_of_the_block_centres(factor):
    y, x = np.mgrid[: 12 * factor, : 12 * factor].astype(float)
    reduced = downscale(torch.from_numpy(2 * x - 3 * y)[None, None], factor)[0, 0]
    row, column = np.mgrid[:12, :12] * factor + (factor - 1) / 2
    np.testing.assert_allclose(reduced[2:-2, 2:-2], (2 * column - 3 * row)[2:-2, 2:-2], atol=1e-9)


@given(st.sampled_from(FACTORS), st.integers(0, 2**32 - 1))
def test_mirroring_and_transposing_go_through(factor, seed):
    image = noise(1, 1, 5 * factor, 7 * factor, seed=seed)
    np.testing.assert_allclose(downscale(image.flip(3), factor), downscale(image, factor).flip(3), atol=1e-12)
    np.testing.assert_allclose(downscale(image.mT, factor), downscale(image, factor).mT, atol=1e-12)


@pytest.mark.parametrize("after", [(6, 7), (20, 13), (48, 60), (50, 9)])
def test_the_interior_is_what_torch_computes(after):
    images = noise(2, 3, 24, 30)
    other = torch.nn.functional.interpolate(images, size=after, mode="bicubic", antialias=True)
    margin = [2 * max(1, math.ceil(b / a)) for a, b in zip((24, 30), after, strict=True)]
    inside = (..., slice(margin[0], -margin[0]), slice(margin[1], -margin[1]))
    np.testing.assert_allclose(resize(images, after)[inside], other[inside], atol=1e-8)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_interior_is_what_pillow_computes_to_a_level(factor):
    image = photograph(12 * factor, 14 * factor)
    other = np.asarray(Image.fromarray(image).resize((14, 12), Image.Resampling.BICUBIC)).astype(int)
    # Pillow rounds between its two passes, in fixed point.
    assert abs(downscale_uint8(image, factor)[2:-2, 2:-2] - other[2:-2, 2:-2]).max() <= 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_in_a_batch_is_bit_for_bit_the_image_alone(dtype):
    images = noise(5, 3, 21, 34).to(dtype)
    together = resize(images, (8, 57))
    assert together.dtype == dtype
    for image, resized in zip(images, together, strict=True):
        assert torch.equal(resize(image[None], (8, 57))[0], resized)


def test_one_thread_and_several_give_the_same_bits():
    images, threads = noise(2, 3, 200, 300).float(), torch.get_num_threads()
    try:
        results = []
        for count in (1, 4):
            torch.set_num_threads(count)
            results.append(resize(images, (50, 75)))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_a_factor_of_one_changes_nothing():
    images = noise(2, 3, 5, 7)
    assert torch.equal(downscale(images, 1), images)
    image = photograph(5, 7)
    np.testing.assert_array_equal(downscale_uint8(image, 1), image)


def test_overshoot_is_clamped_to_eight_bits():
    step = np.zeros((32, 32, 3), np.uint8)
    step[:, 16:] = 255
    exact = downscale(planes(step.astype(np.float64)), 4)
    assert exact.min() < -1
    assert exact.max() > 256
    reduced = downscale_uint8(step, 4)
    assert reduced.min() == 0
    assert reduced.max() == 255


def test_a_side_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="10x8 is not a multiple of 4"):
        downscale(torch.zeros(1, 3, 8, 10), 4)
