"""Contact sheets: which entries they show, how strongly, and what their captions say of the whole pool."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reporting import contact_sheets
from pipeline.reporting.contact_sheets import kernel_caption, kernel_sheet, noise_caption, noise_sheet

GAP, SEAM, NOISE_A_ROW, KERNELS_A_ROW = 6, 2, 8, 8
MARK = np.array([255, 96, 0])


def cells(sheet, height, width, count, a_row):
    """The cells of a sheet again, with a check that all around them is white."""
    columns = min(a_row, count)
    rows = -(-count // columns)
    assert sheet.dtype == np.uint8
    assert sheet.shape == (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3)
    left = sheet.copy()
    found = []
    for place in range(count):
        top, start = GAP + place // columns * (height + GAP), GAP + place % columns * (width + GAP)
        found.append(sheet[top : top + height, start : start + width])
        left[top : top + height, start : start + width] = 255
    assert (left == 255).all()
    return found


def pool(count, side=8, sigma=3.0):
    rng = np.random.default_rng(count)
    patches = rng.uniform(40, 200, (count, 1, 1, 3)) + rng.normal(0, sigma, (count, side, side, 3))
    return patches.round().astype(np.uint8)


def gaussians(count, side=13, sigma=2.0):
    line = np.exp(-((np.arange(side) - (side - 1) / 2) ** 2) / (2 * sigma**2))
    kernel = np.outer(line, line) / line.sum() ** 2
    return np.repeat(kernel[None].astype(np.float32), count, axis=0)


def test_a_patch_is_shown_as_it_is_beside_its_noise_eight_times_as_strong():
    patches = np.full((1, 4, 4, 3), (100, 150, 200), np.uint8)
    patches[0, 0, 0], patches[0, 0, 1] = (103, 150, 190), (97, 150, 210)
    (cell,) = cells(noise_sheet(patches), 4, 4 + SEAM + 4, 1, NOISE_A_ROW)
    np.testing.assert_array_equal(cell[:, :4], patches[0])
    assert (cell[:, 4:6] == 255).all()
    amplified = np.full((4, 4, 3), 128)
    amplified[0, 0], amplified[0, 1] = (128 + 24, 128, 128 - 80), (128 - 24, 128, 128 + 80)
    np.testing.assert_array_equal(cell[:, 6:], amplified)


def test_noise_that_is_too_strong_to_show_is_clamped():
    patches = np.zeros((1, 2, 2, 3), np.uint8)
    patches[0, 0] = 100
    (cell,) = cells(noise_sheet(patches), 2, 6, 1, NOISE_A_ROW)
    np.testing.assert_array_equal(cell[:, 4:, 0], [[255, 255], [0, 0]])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300))
def test_at_most_64_patches_are_shown_evenly_and_in_order(count):
    patches = np.zeros((count, 2, 2, 3), np.uint8)
    patches[..., 0], patches[..., 1] = (
        (np.arange(count) // 256)[:, None, None],
        (np.arange(count) % 256)[:, None, None],
    )
    shown = cells(noise_sheet(patches), 2, 6, min(count, 64), NOISE_A_ROW)
    places = np.array([int(cell[0, 0, 0]) * 256 + int(cell[0, 0, 1]) for cell in shown])
    assert places[0] == 0
    assert places[-1] == count - 1
    steps = np.diff(places)
    assert not len(steps) or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


def test_the_noise_caption_counts_the_pool_and_tells_its_median_deviation():
    patches = pool(65, side=16)
    deviations = [cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).std() for patch in patches]
    caption = noise_caption(patches)
    assert "64 of the 65 noise patches of the pool" in caption
    assert "16 × 16 pixels" in caption
    assert "8 times as strong" in caption
    assert f"median {np.median(deviations):.2f}, from {min(deviations):.2f} to {max(deviations):.2f}" in caption


def test_equal_noise_in_all_channels_has_the_deviation_it_was_made_with():
    patches = np.full((3, 10, 10, 3), 100, np.uint8)
    patches[:, ::2] += 6
    assert "median 3.00, from 3.00 to 3.00" in noise_caption(patches)


def test_a_kernel_is_brightened_to_its_own_maximum_and_enlarged_without_blur():
    kernel = np.zeros((1, 5, 5), np.float32)
    kernel[0, 0, 0], kernel[0, 0, 4], kernel[0, 4, 0] = 0.5, 0.25, -0.25
    (cell,) = cells(kernel_sheet(kernel), 120, 120, 1, KERNELS_A_ROW)
    blocks = cell.reshape(5, 24, 5, 24, 3)
    assert (blocks[0, :, 0] == 255).all()
    assert (blocks[0, :, 4] == 128).all()
    assert (blocks[4, :, 0] == 0).all()


@pytest.mark.parametrize(("side", "wide"), [(13, 1), (40, 2)])
def test_a_thin_cross_that_is_half_seen_through_marks_the_exact_centre(side, wide):
    scale = 120 // side
    (cell,) = cells(
        kernel_sheet(np.ones((1, side, side), np.float32)), side * scale, side * scale, 1, KERNELS_A_ROW
    )
    marked = (cell != 255).any(axis=2)
    np.testing.assert_array_equal(marked, marked[::-1, ::-1])
    assert marked.all(axis=0).sum() == marked.all(axis=1).sum() == wide
    assert marked.sum() == 2 * wide * len(cell) - wide**2
    np.testing.assert_array_equal(np.unique(cell[marked], axis=0), [127 + MARK // 2])


def test_a_kernel_larger_than_its_cell_keeps_its_size():
    assert kernel_sheet(np.ones((2, 150, 150), np.float32)).shape == (150 + 2 * GAP, 2 * 150 + 3 * GAP, 3)


def test_the_kernel_caption_counts_the_pool_and_tells_how_wide_its_kernels_are():
    kernels = np.concatenate([gaussians(40, 21, 1.0), gaussians(1, 21, 1.5), gaussians(40, 21, 2.0)])
    caption = kernel_caption(kernels)
    assert "64 of the 81 blur kernels of the pool" in caption
    assert "21 × 21 values" in caption
    assert "5 times" in caption
    assert "median 1.50, from 1.00 to 2.00" in caption


def test_the_width_of_a_kernel_does_not_depend_on_where_it_lies():
    kernels = gaussians(2, 25, 1.0)
    kernels[1] = np.roll(kernels[1], (3, -4), axis=(0, 1))
    assert "median 1.00, from 1.00 to 1.00" in kernel_caption(kernels)


def test_a_small_pool_is_shown_whole():
    assert noise_caption(pool(3)).startswith("3 of the 3 ")
    assert kernel_caption(gaussians(3)).startswith("3 of the 3 ")


def test_the_pool_is_left_as_it_was():
    patches, kernels = pool(5), gaussians(5)
    before = patches.copy(), kernels.copy()
    noise_sheet(patches), noise_caption(patches), kernel_sheet(kernels), kernel_caption(kernels)
    np.testing.assert_array_equal(patches, before[0])
    np.testing.assert_array_equal(kernels, before[1])


def test_the_amplification_makes_a_deviation_of_three_levels_one_of_24():
    sheet = noise_sheet(pool(1, side=64))
    (cell,) = cells(sheet, 64, 130, 1, NOISE_A_ROW)
    assert cell[:, 66:].std() == pytest.approx(3 * contact_sheets.AMPLIFICATION, rel=0.05)


def test_of_a_large_patch_the_middle_is_shown_less_the_mean_of_all_of_it():
    patches = np.full((1, 100, 100, 3), 50, np.uint8)
    patches[0, :18] = 100  # outside of the middle 64 pixels: it moves the mean alone
    (cell,) = cells(noise_sheet(patches), 64, 64 + SEAM + 64, 1, NOISE_A_ROW)
    assert (cell[:, :64] == 50).all()
    assert (cell[:, 66:] == (128 - 8 * 9)).all()
    assert "100 × 100 pixels each, of which the middle 64 × 64 are shown" in noise_caption(patches)
