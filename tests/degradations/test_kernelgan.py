"""KernelGAN: its parts in closed form, and a short training on a photograph whose kernel is known."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data

from pipeline.degradations import bicubic, kernelgan, kernels
from pipeline.degradations.kernelgan import CROP, HALVED, SUPPORT, Discriminator, Generator, Weights, by_four
from pipeline.errors import UserError


def gaussian(side, rows, columns, centre=None):
    middle = (side - 1) / 2 if centre is None else centre
    y, x = np.mgrid[:side, :side] - middle
    values = np.exp(-((y / rows) ** 2 + (x / columns) ** 2) / 2)
    return values / values.sum()


def variances(kernel):
    y, x = np.mgrid[: len(kernel), : len(kernel)] - (len(kernel) - 1) / 2
    return (kernel * y**2).sum(), (kernel * x**2).sum()


def halved_photograph(kernel):
    scene = torch.from_numpy(data.astronaut()[:256, 100:356].copy()).permute(2, 0, 1)[None].double()
    halved = kernels.apply(scene, torch.from_numpy(kernel)[None], 2)
    return halved[0].permute(1, 2, 0).round().clamp(0, 255).numpy().astype(np.uint8)


def test_the_networks_have_the_published_sizes():
    assert sum(weight.numel() for weight in Generator().parameters()) == 150_656
    assert sum(weight.numel() for weight in Discriminator().parameters()) == 30_977
    assert Discriminator()(torch.zeros(1, 3, HALVED, HALVED)).shape == (1, 1, 20, 20)


def test_the_generators_kernel_is_what_its_convolutions_do_to_a_crop():
    generator = Generator()
    crop = torch.rand(1, 3, CROP, CROP, generator=torch.Generator().manual_seed(0))
    layers = crop.transpose(0, 1)
    for n, weight in enumerate(generator.weights):
        layers = torch.nn.functional.conv2d(layers, weight, stride=2 if n == len(generator.weights) - 1 else 1)
    halved = kernelgan.halve(crop, generator())
    assert halved.shape == (1, 3, HALVED, HALVED)
    scale = layers.abs().max()
    torch.testing.assert_close(halved / scale, layers.transpose(0, 1) / scale, atol=1e-5, rtol=0)


def test_the_bicubic_kernel_would_have_no_bicubic_loss():
    impulses = torch.eye(16)[:, None, None].expand(16, 1, 2, 16)
    # The taps about output pixel 3 of 16 pixels, 3 to 10, lie about the middle of the 13, which starts at pixel 0.
    line = bicubic.downscale(impulses, 2)[:13, 0, 0, 3]
    kernel = torch.outer(line, line)
    crop = torch.rand(1, 3, CROP, CROP, generator=torch.Generator().manual_seed(0))
    expected = bicubic.downscale(crop, 2)[..., 3:-3, 3:-3]
    torch.testing.assert_close(kernelgan.halve(crop, kernel), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(kernelgan._bicubic(crop), expected)


def test_the_schedule_begins_only_after_three_close_losses_of_a_kernel_of_sum_one():
    weights = Weights()
    seen = [(0.3, 1), (0.3, 1), (0.5, 1), (0.3, 1), (0.3, 0), (0.3, 1), (0.3, 1)]
    for iteration, (loss, total) in enumerate([*seen, (0.5, 1)], 193):
        weights.update(iteration, loss, total)
    assert (weights.gan, weights.bicubic) == (0, 5)
    for iteration in (201, 202, 203):
        weights.update(iteration, 0.3, 1.05)
    assert (weights.gan, weights.bicubic) == (1, 5)


def test_the_bicubic_loss_then_makes_way_for_the_others():
    weights, seen = Weights(gan=1.0), []
    for iteration in range(1, 801):
        weights.update(iteration, 9.0, 0)
        if iteration % 200 == 0:
            seen.append((weights.gan, weights.bicubic, weights.centre, weights.sparse))
    assert seen == [
        pytest.approx(row) for row in [(1, 5e-2, 0, 0), (1, 5e-4, 1, 5), (1, 5e-6, 1, 5), (1, 5e-6, 1, 5)]
    ]


def test_processing_keeps_what_rises_over_three_quarters_of_the_fortieth_weight():
    raw = gaussian(13, 1.5, 0.8, centre=6.5)  # already in the middle of the 2 x 2 block: nothing to move
    least = 0.75 * sorted(raw.flatten())[-40]
    expected = np.clip(raw - least, 0, None) / np.clip(raw - least, 0, None).sum()
    kernel = kernelgan.processed(raw)
    assert kernel.shape == (SUPPORT, SUPPORT)
    np.testing.assert_allclose(kernel[1:14, 1:14], expected, atol=1e-6)
    assert kernel.sum() == pytest.approx(1)


@pytest.mark.parametrize("centre", [4.2, 6, 8.9])
def test_processing_moves_the_kernel_into_the_middle(centre):
    kernel = kernelgan.processed(gaussian(13, 1.5, 0.8, centre) - 1e-4)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1)
    np.testing.assert_allclose(ndimage.center_of_mass(kernel), (SUPPORT - 1) / 2, atol=1e-3)
    np.testing.assert_allclose(
        variances(kernel), variances(kernelgan.processed(gaussian(13, 1.5, 0.8, 6.5))), rtol=0.15
    )


@pytest.mark.parametrize(("rows", "columns"), [(0.7, 0.7), (1.5, 0.8), (0.6, 1.6)])
def test_the_kernel_by_four_is_that_of_reducing_by_two_twice(rows, columns):
    kernel = gaussian(SUPPORT, rows, columns)
    four = by_four(kernel)
    assert four.shape == (30, 30)
    assert four.sum() == pytest.approx(1)
    # Variances add, those of the second reduction in pixels twice as large.
    np.testing.assert_allclose(variances(four), 5 * np.array(variances(kernel)), rtol=0.01)
    images = torch.from_numpy(
        ndimage.gaussian_filter(np.random.default_rng(0).random((1, 1, 96, 96)), (0, 0, 2, 2))
    )
    twice = images
    for _ in range(2):
        twice = kernels.apply(twice, torch.from_numpy(kernel)[None], 2)
    once = kernels.apply(images, torch.from_numpy(four)[None], 4)
    np.testing.assert_allclose(once[..., 6:-6, 6:-6], twice[..., 6:-6, 6:-6], atol=1e-3)


def test_crops_are_drawn_where_there_is_detail():
    image = np.full((200, 240, 3), 100, np.uint8)
    image[120:150, 40:70] = np.random.default_rng(0).integers(0, 256, (30, 30, 3))
    for large, real in kernelgan.crops(image, 0, 50, "cpu"):
        assert large.shape == (1, 3, CROP, CROP)
        assert real.shape == (1, 3, HALVED, HALVED)
        assert large.std() > 0
        assert real.std() > 0


def test_crops_of_the_smallest_and_of_a_featureless_image_can_be_drawn():
    for image in (data.astronaut()[: CROP + 1, :CROP], np.full((90, 70, 3), 9, np.uint8)):
        assert len(list(kernelgan.crops(image, 0, 5, "cpu"))) == 5


def test_an_image_smaller_than_a_crop_is_refused():
    with pytest.raises(UserError, match="at least 64x64 pixels, not 80x63"):
        kernelgan.estimate(np.zeros((63, 80, 3), np.uint8), 0, 1)


@pytest.fixture(scope="module")
def photograph():
    return halved_photograph(gaussian(SUPPORT, 1.2, 2.2))


def test_an_estimate_is_a_kernel_and_a_function_of_its_seed(photograph):
    state = torch.get_rng_state()
    kernel = kernelgan.estimate(photograph, 1, 8)
    assert torch.equal(torch.get_rng_state(), state)
    assert kernel.shape == (30, 30)
    assert kernel.dtype == np.float32
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    torch.rand(5)
    np.testing.assert_array_equal(kernelgan.estimate(photograph, 1, 8), kernel)
    assert not np.array_equal(kernelgan.estimate(photograph, 2, 8), kernel)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_short_training_is_already_closer_to_the_truth_than_no_blur_at_all(photograph, seed):
    raw = kernelgan.learn(photograph, seed, 60)
    assert raw.sum() == pytest.approx(1, abs=0.2)
    truth, sharp = gaussian(SUPPORT, 1.2, 2.2), np.zeros((SUPPORT, SUPPORT))
    sharp[7:9, 7:9] = 1 / 4
    found = kernelgan.processed(raw)
    assert ((found - truth) ** 2).sum() < ((sharp - truth) ** 2).sum() / 2
