"""Blur and reduction against scipy's correlation, and the alignment of LR with HR."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.degradations import bicubic
from pipeline.degradations.kernels import apply


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def asymmetric(count, side, seed=1):
    kernels = noise(count, side, side, seed=seed)
    return kernels / kernels.sum(dim=(1, 2), keepdim=True)


def gaussian(side, deviation):
    line = torch.exp(-((torch.arange(side, dtype=torch.float64) - (side - 1) / 2) ** 2) / (2 * deviation**2))
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum())[None]


@pytest.mark.parametrize(("side", "scale"), [(5, 1), (21, 1), (5, 3), (30, 4), (4, 4), (2, 4), (8, 2)])
def test_it_is_scipys_correlation_seen_from_the_middle_of_each_block(side, scale):
    images, kernels = noise(2, 3, 12, 24), asymmetric(2, side)
    result = apply(images, kernels, scale)
    for n in range(2):
        for channel in range(3):
            # scipy puts the weight at side // 2 on the pixel.
            blurred = ndimage.correlate(images[n, channel].numpy(), kernels[n].numpy(), mode="reflect")
            first = side // 2 + (scale - side) // 2
            np.testing.assert_allclose(result[n, channel], blurred[first::scale, first::scale], atol=1e-12)


def test_an_asymmetric_kernel_is_correlated_not_convolved():
    impulse = torch.zeros(1, 1, 7, 7)
    impulse[0, 0, 3, 3] = 1
    kernels = asymmetric(1, 3).float()
    np.testing.assert_allclose(apply(impulse, kernels, 1)[0, 0, 2:5, 2:5], kernels[0].flip(0, 1), atol=1e-7)


def test_the_pixels_kept_of_a_kernelgan_kernel_are_those_of_the_authors():
    # There a 33 x 33 kernel has its centre of mass at 17.5 and every fourth pixel from the first is kept.
    images, kernel = noise(1, 1, 40, 40), asymmetric(1, 30)
    theirs = np.zeros((33, 33))
    theirs[3:, 3:] = kernel[0]
    blurred = ndimage.correlate(images[0, 0].numpy(), theirs, mode="reflect")
    np.testing.assert_allclose(apply(images, kernel, 4)[0, 0], blurred[::4, ::4], atol=1e-12)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("side", [6, 7, 12, 13])
def test_a_symmetric_kernel_of_any_size_keeps_lr_where_bicubic_has_it(side, scale):
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    ramp = (2 * x - 3 * y)[None, None].double()
    inside = (..., slice(8, -8), slice(8, -8)) if scale == 1 else (..., slice(4, -4), slice(4, -4))
    reduced, other = apply(ramp, gaussian(side, 2), scale), bicubic.downscale(ramp, scale)
    np.testing.assert_allclose(reduced[inside], other[inside], atol=1e-9)


@pytest.mark.parametrize("side", [14, 15])
def test_a_wave_keeps_its_phase(side):
    x = torch.arange(96, dtype=torch.float64)
    frequency = 2 * torch.pi / 24
    wave = torch.exp(1j * frequency * x)
    planes = torch.stack([wave.real, wave.imag]).view(1, 2, 1, 96).expand(1, 2, 96, 96)
    phases = []
    for reduced in (apply(planes, gaussian(side, 2.5), 4), bicubic.downscale(planes, 4)):
        middle = reduced[0, :, 12, 6:-6]
        phases.append(torch.angle(torch.complex(middle[0], middle[1])))
    # In HR pixels: a shift of a thousandth would show.
    assert (torch.remainder(phases[0] - phases[1] + 1, 2 * torch.pi) - 1).abs().max() / frequency < 1e-3


def test_moving_by_half_a_pixel_adds_a_quarter_to_the_variance():
    impulse = torch.zeros(1, 1, 8, 8)
    impulse[0, 0, 3, 3] = 1
    delta = torch.ones(1, 1, 1)
    blurred = torch.stack([apply(impulse.roll((dy, dx), (2, 3)), delta, 2)[0, 0] for dy in (0, 1) for dx in (0, 1)])
    assert blurred.count_nonzero() == 4
    np.testing.assert_allclose(blurred[blurred > 0], 0.25)


@given(st.integers(1, 9), st.sampled_from([1, 2, 4]), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_constant_stays_itself_up_to_the_border(side, scale, level, seed):
    images = torch.full((1, 3, 8, 4), level, dtype=torch.float64)
    result = apply(images, asymmetric(1, side, seed), scale)
    assert result.shape == (1, 3, 8 // scale, 4 // scale)
    np.testing.assert_allclose(result, level, atol=1e-12)


@pytest.mark.parametrize("scale", [1, 4])
def test_an_image_in_a_batch_is_bit_for_bit_the_image_alone(scale):
    images, kernels = noise(4, 3, 32, 24).float(), asymmetric(4, 21).float()
    together = apply(images, kernels, scale)
    for n in range(4):
        assert torch.equal(apply(images[n : n + 1], kernels[n : n + 1], scale)[0], together[n])


def test_a_side_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="10x8 is not a multiple of 4"):
        apply(torch.zeros(1, 3, 8, 10), torch.ones(1, 1, 1), 4)
