"""Criteria as maps: closed forms, gradients, agreement with independent implementations."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.criteria import maps
from pipeline.networks.discriminators import PatchGAN
from pipeline.networks.grid import PIXELS, Grid


def images(seed: int, size: int = 16, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(2, 3, size, size, generator=generator, dtype=dtype) for _ in range(2))


def test_pix_is_the_channel_mean_of_the_absolute_difference():
    image = torch.zeros(1, 3, 2, 2)
    target = torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    torch.testing.assert_close(maps.pix(image, target), torch.full((1, 1, 2, 2), 0.3))


@pytest.mark.parametrize("criterion", [maps.pix, maps.pix_l2, maps.ssim])
@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_zero_for_a_perfect_image_and_never_negative(criterion, seed):
    image, other = images(seed)
    assert criterion(image, image).abs().max() < 1e-9
    found = criterion(image, other)
    assert found.shape == (2, 1, 16, 16)
    assert found.min() >= 0


def test_ssim_equals_scikit_image_inside():
    from skimage.metrics import structural_similarity

    image, target = images(1, size=24)
    reference = structural_similarity(
        image[0].permute(1, 2, 0).numpy(),
        target[0].permute(1, 2, 0).numpy(),
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )[1].mean(axis=2)
    ours = (1 - maps.ssim(image, target))[0, 0].numpy()
    # 5 px of border differ by how the edge is continued.
    np.testing.assert_allclose(ours[5:-5, 5:-5], reference[5:-5, 5:-5], atol=1e-9)


def test_perceptual_map_is_the_channel_mean_at_the_images_size():
    features, target = torch.zeros(1, 4, 3, 3), torch.ones(1, 4, 3, 3)
    target[:, 0] = 5.0
    found = maps.at_size(maps.perceptual(features, target), torch.Size((12, 12)))
    torch.testing.assert_close(found, torch.full((1, 1, 12, 12), 2.0))


PATCHES = Grid(step=8, first=11.5)
"""Of the PatchGAN of 128 px crops."""


def test_a_ramp_on_its_grid_is_the_ramp_of_the_image_and_goes_on_level_outside():
    centres = torch.arange(14.0, dtype=torch.float64) * 8 + 11.5
    ramp = (3 * centres[:, None] + centres[None, :]).view(1, 1, 14, 14)
    pixels = torch.arange(128.0, dtype=torch.float64).clamp(11.5, 115.5)
    expected = (3 * pixels[:, None] + pixels[None, :]).view(1, 1, 128, 128)
    torch.testing.assert_close(maps.on_image(ramp, torch.Size((128, 128)), PATCHES), expected)


def test_one_value_spreads_as_a_hat_around_its_centre():
    impulse = torch.zeros(1, 1, 14, 14, dtype=torch.float64)
    impulse[..., 3, 5] = 1.0
    rows, columns = (
        (1 - (torch.arange(length, dtype=torch.float64) - centre).abs() / 8).clamp(min=0)
        for length, centre in ((128, 35.5), (112, 51.5))
    )
    found = maps.on_image(impulse, torch.Size((128, 112)), PATCHES)
    torch.testing.assert_close(found[0, 0], rows[:, None] * columns)


def test_a_criterion_lies_in_the_middle_of_what_its_logit_sees():
    torch.manual_seed(0)
    network = PatchGAN(4, 3).eval()
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    logits = network(image)
    impulse = torch.zeros_like(logits)
    impulse[..., 6, 9] = 1.0
    (seen,) = torch.autograd.grad(logits, image, impulse)
    found = maps.on_image(impulse, image.shape[-2:], network.grid)
    for columns in (lambda x: x.abs().sum(dim=(0, 1, 2)), lambda x: x.abs().sum(dim=(0, 1, 3))):
        field, spread = columns(seen).nonzero(), columns(found)
        centre = (spread * torch.arange(128.0)).sum() / spread.sum()
        torch.testing.assert_close(centre, (field.min() + field.max()) / 2)


def test_one_value_for_the_whole_image_and_one_for_each_pixel_stay_what_they_are():
    one, each = torch.tensor([[[[0.25]]]]), torch.rand(1, 1, 128, 128)
    torch.testing.assert_close(maps.on_image(one, torch.Size((128, 128)), Grid(128, 63.5)), one.expand_as(each))
    assert maps.on_image(each, torch.Size((128, 128)), PIXELS) is each


def test_pix_l2_is_the_euclidean_norm_over_the_channels():
    image = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    target = torch.tensor([0.2, 0.3, 0.6], dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    found = maps.pix_l2(image, target)
    torch.testing.assert_close(found, torch.full((1, 1, 2, 2), 0.7, dtype=torch.float64), atol=2e-6, rtol=0)


@pytest.mark.parametrize("difference", [0.0, 1e-20, 1e6])
def test_pix_l2_has_a_gradient_no_longer_than_one_everywhere(difference):
    image = torch.full((1, 3, 1, 1), difference, requires_grad=True)
    maps.pix_l2(image, torch.zeros(1, 3, 1, 1)).sum().backward()
    assert image.grad.isfinite().all()
    assert image.grad.norm() <= 1 + 1e-6


def test_gradients_in_double_precision():
    image, target = (part[:1, :, :12, :12].clone() for part in images(2))
    image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: maps.ssim(x, target), image)
    assert torch.autograd.gradcheck(lambda x: maps.pix(x, target), image)
    assert torch.autograd.gradcheck(lambda x: maps.pix_l2(x, target), image)
    features, wanted = torch.randn(2, 1, 4, 3, 3, dtype=torch.float64).unbind()
    size = torch.Size((9, 9))
    assert torch.autograd.gradcheck(
        lambda x: maps.at_size(maps.perceptual(x, wanted), size), features.clone().requires_grad_()
    )
    logits = torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: maps.on_image(x, torch.Size((17, 19)), Grid(4, 3.5)), logits)
