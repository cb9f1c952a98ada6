"""Which patches are noise, and what injecting one does."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.degradations.noise_pool import collect, draw, inject


def noisy(level, deviation, side=32, seed=0):
    values = level + deviation * np.random.default_rng(seed).standard_normal((side, side, 1))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8).repeat(3, axis=2)


def test_smooth_noisy_patches_are_kept_in_grid_order_and_others_left():
    first, textured, black, last = noisy(120, 3), noisy(120, 9), noisy(0, 0), noisy(200, 2, seed=1)
    image = np.vstack([np.hstack([first, textured]), np.hstack([black, last])])
    ragged = np.pad(image, [(0, 5), (0, 7), (0, 0)], mode="edge")
    for whole in (image, ragged):
        np.testing.assert_array_equal(collect(whole, 32, 20.0), [first, last])


def test_the_variance_limit_is_the_one_given():
    image = noisy(120, 3)
    variance = image[..., 0].astype(float).var()
    assert len(collect(image, 32, variance + 0.01)) == 1
    assert len(collect(image, 32, variance)) == 0


def test_colour_is_weighed_as_grey():
    blue = np.full((32, 32, 3), 100, np.uint8)
    blue[::2, :, 2] = 130  # deviation 15 in blue is 15 * 0.114 in grey: a variance of about 3
    green = np.full((32, 32, 3), 100, np.uint8)
    green[::2, :, 1] = 130  # and 15 * 0.587 in green: about 78
    assert len(collect(blue, 32, 20.0)) == 1
    assert len(collect(green, 32, 20.0)) == 0


def test_an_image_smaller_than_a_patch_has_none():
    assert collect(noisy(100, 1, side=16), 32, 20.0).shape == (0, 32, 32, 3)


@given(st.integers(0, 2**32 - 1))
def test_injection_adds_the_noise_without_its_colour_cast(seed):
    rng = np.random.default_rng(seed)
    noise = rng.uniform(0.4, 0.5, (2, 3, 8, 8))
    lr = rng.uniform(0.3, 0.7, (2, 3, 8, 8))
    added = inject(torch.from_numpy(lr), torch.from_numpy(noise)).numpy() - lr
    np.testing.assert_allclose(added, noise - noise.mean(axis=(2, 3), keepdims=True), atol=1e-12)


def test_injection_is_clamped():
    noise = torch.zeros(2, 3, 8, 8)
    noise[:, :, ::2] = 0.4
    result = inject(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8), noise)
    assert result[0].unique().tolist() == pytest.approx([0, 0.2])
    assert result[1].unique().tolist() == pytest.approx([0.8, 1])


def test_a_crop_of_zeros_leaves_its_image_as_it_is():
    generator = torch.Generator().manual_seed(0)
    lr, noise = torch.rand(2, 3, 8, 8, generator=generator), torch.rand(2, 3, 8, 8, generator=generator)
    noise[0] = 0
    result = inject(lr, noise)
    assert torch.equal(result[0], lr[0])
    assert torch.equal(result[1:], inject(lr[1:], noise[1:]))
    assert not torch.equal(result[1], lr[1])


def test_draws_reach_every_patch_and_every_place():
    pool = np.arange(3 * 6 * 6 * 3, dtype=np.uint16).reshape(3, 6, 6, 3)
    rng = np.random.default_rng(0)
    corners = {int(draw(pool, 4, rng)[0, 0, 0]) for _ in range(600)}
    assert corners == {int(pool[p, y, x, 0]) for p in range(3) for y in range(3) for x in range(3)}
