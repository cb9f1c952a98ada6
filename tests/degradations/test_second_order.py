"""The published probabilities and ranges, and what the degradation does to images."""

import dataclasses
import math
from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch
from skimage import data

from pipeline import streams
from pipeline.degradations.blur_kernels import Bell, Sinc
from pipeline.degradations.second_order import add_noise, apply, degrade
from pipeline.degradations.second_order_table import KERNELS, Drawn, DrawnPass, Noise, draw
from pipeline.streams import Purpose

STILL = DrawnPass(None, 1.0, "area", Noise("gaussian", 0.0, False, 0), 100)


def stream(*place):
    return streams.generator(0, Purpose.DEGRADATION, *place)


@cache
def draws():
    return [draw(stream(7, n)) for n in range(4000)]


def passes(*which):
    return [getattr(drawn, name) for name in which for drawn in draws()]


def photograph(side=64, count=1):
    pixels = data.astronaut()[40 : 40 + side, 150 : 150 + side]
    return (torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255).repeat(count, 1, 1, 1)


def assert_share(found, of, probability):
    """Within four standard deviations of the binomial distribution."""
    assert abs(found - of * probability) < 4 * math.sqrt(of * probability * (1 - probability)) + 1e-9


def assert_uniform(values, smallest, largest):
    """Inside the range, filling it, and with the mean of a uniform variable to four standard deviations."""
    width = largest - smallest
    assert smallest <= min(values) < smallest + 20 * width / len(values)
    assert largest - 20 * width / len(values) < max(values) <= largest
    assert abs(np.mean(values) - (smallest + largest) / 2) < 4 * width / math.sqrt(12 * len(values))


def kind(blur):
    shape = {"plateau": "plateau_", "gaussian": "" if blur.beta == 1 else "generalised_"}[blur.profile]
    return shape + ("iso" if blur.sigma[0] == blur.sigma[1] else "aniso")


@pytest.mark.parametrize(("which", "blurred", "largest"), [("first", 1, 3), ("second", 0.8, 1.5)])
def test_blurs_come_as_published(which, blurred, largest):
    blurs = [drawn.blur for drawn in passes(which) if drawn.blur]
    bells = [blur for blur in blurs if isinstance(blur, Bell)]
    assert_share(len(blurs), len(draws()), blurred)
    assert_share(len(blurs) - len(bells), len(blurs), 0.1)
    kinds = Counter(map(kind, bells))
    for name, probability in KERNELS.items():
        assert_share(kinds[name], len(bells), probability)
    assert sum(kinds.values()) == sum(kinds[name] for name in KERNELS)
    for size in range(7, 22, 2):
        assert_share(sum(blur.size == size for blur in blurs), len(blurs), 1 / 8)
    assert_uniform([blur.sigma[0] for blur in bells], 0.2, largest)
    turned = [blur for blur in bells if kind(blur).endswith("aniso")]
    assert_uniform([blur.sigma[1] for blur in turned], 0.2, largest)
    assert_uniform([blur.rotation for blur in turned], -math.pi, math.pi)


def test_betas_lie_under_one_as_often_as_over_it():
    bells = [drawn.blur for drawn in passes("first", "second") if isinstance(drawn.blur, Bell)]
    generalised = [blur.beta for blur in bells if kind(blur).startswith("generalised")]
    assert_share(sum(beta < 1 for beta in generalised), len(generalised), 0.5)
    assert_uniform([beta for beta in generalised if beta < 1], 0.5, 1)
    assert_uniform([beta for beta in generalised if beta > 1], 1, 4)
    plateaus = [blur.beta for blur in bells if blur.profile == "plateau"]
    assert_share(plateaus.count(1), len(plateaus), 0.5)
    assert_uniform([beta for beta in plateaus if beta > 1], 1, 2)


def test_sinc_cutoffs_reach_lower_in_large_kernels():
    blurs = [drawn.blur for drawn in passes("first", "second") if isinstance(drawn.blur, Sinc)]
    assert_uniform([blur.cutoff for blur in blurs if blur.size < 13], math.pi / 3, math.pi)
    assert_uniform([blur.cutoff for blur in blurs if blur.size >= 13], math.pi / 5, math.pi)


@pytest.mark.parametrize(
    ("which", "up", "down", "smallest", "largest"), [("first", 0.2, 0.7, 0.15, 1.5), ("second", 0.3, 0.4, 0.3, 1.2)]
)
def test_resizes_come_as_published(which, up, down, smallest, largest):
    factors = [drawn.factor for drawn in passes(which)]
    assert_share(sum(factor > 1 for factor in factors), len(factors), up)
    assert_share(sum(factor < 1 for factor in factors), len(factors), down)
    assert_uniform([factor for factor in factors if factor > 1], 1, largest)
    assert_uniform([factor for factor in factors if factor < 1], smallest, 1)
    for modes in ([drawn.mode for drawn in passes(which)], [drawn.mode for drawn in draws()]):
        for mode in ("area", "bilinear", "bicubic"):
            assert_share(modes.count(mode), len(modes), 1 / 3)


@pytest.mark.parametrize(("which", "sigma", "scale"), [("first", 30, 3), ("second", 25, 2.5)])
def test_noise_and_quality_come_as_published(which, sigma, scale):
    noises = [drawn.noise for drawn in passes(which)]
    gaussian = [noise.strength for noise in noises if noise.kind == "gaussian"]
    assert_share(len(gaussian), len(noises), 0.5)
    assert_uniform(gaussian, 1, sigma)
    assert_uniform([noise.strength for noise in noises if noise.kind == "poisson"], 0.05, scale)
    assert_share(sum(noise.grey for noise in noises), len(noises), 0.4)
    assert len({noise.seed for noise in noises}) == len(noises)
    assert_uniform([drawn.quality for drawn in passes(which)], 30, 95)


def test_the_end_comes_as_published():
    sincs = [drawn.sinc for drawn in draws() if drawn.sinc]
    assert_share(len(sincs), len(draws()), 0.8)
    assert_uniform([sinc.cutoff for sinc in sincs], math.pi / 3, math.pi)
    assert_share(sum(drawn.jpeg_first for drawn in draws()), len(draws()), 0.5)


def test_the_two_passes_and_other_seeds_draw_their_own():
    qualities = [drawn.quality for drawn in passes("first", "second")]
    assert len(set(qualities)) == 2 * len(draws())
    assert draw(stream(2, 3)) == draw(stream(2, 3))
    assert draw(stream(2, 3)) != draw(stream(3, 2))


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_sample_depends_on_its_own_stream_alone(scale):
    hr = photograph(count=6)
    hr[3:] = hr[3:].flip(3)
    places = [(3, n) for n in (0, 1, 2, 0, 1, 5)]
    together = degrade(hr, scale, [stream(*place) for place in places])
    assert together.shape == (6, 3, 64 // scale, 64 // scale)
    for n, place in enumerate(places):
        assert torch.equal(degrade(hr[n : n + 1], scale, [stream(*place)])[0], together[n])
    order = [4, 2, 0, 5, 1, 3]
    assert torch.equal(degrade(hr[order], scale, [stream(*places[n]) for n in order]), together[order])
    assert not torch.equal(together[0], together[1])


def test_the_global_generators_are_neither_used_nor_touched():
    hr = photograph(32)
    torch.manual_seed(0)
    before, one = torch.get_rng_state(), degrade(hr, 4, [stream(1)])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(degrade(hr, 4, [stream(1)]), one)


def test_the_results_are_eight_bit_levels_even_of_tiny_images():
    # 8 pixels times 0.15 leave one: less than any kernel's radius.
    hr = photograph(8, count=60)
    lr = degrade(hr, 4, [stream(n) for n in range(60)])
    assert lr.shape == (60, 3, 2, 2)
    assert lr.min() >= 0
    assert lr.max() <= 1
    torch.testing.assert_close(lr * 255, (lr * 255).round(), atol=1e-4, rtol=0)


def test_without_blur_noise_or_compression_it_is_the_resize_alone():
    hr = photograph()
    lr = apply(hr, (16, 16), Drawn(STILL, STILL, "area", None, True))
    expected = torch.nn.functional.avg_pool2d(hr, 4)
    # What JPEG of quality 100 leaves of a photograph, twice.
    assert (lr - expected).abs().mean() * 255 < 2


def test_swapping_the_last_steps_matters():
    drawn = Drawn(STILL, dataclasses.replace(STILL, quality=30, factor=1.2), "bicubic", Sinc(11, 2.0), True)
    hr = photograph()
    swapped = apply(hr, (16, 16), dataclasses.replace(drawn, jpeg_first=False))
    assert (apply(hr, (16, 16), drawn) - swapped).abs().mean() * 255 > 0.5


def test_gaussian_noise_has_its_strength_and_grey_noise_one_field():
    flat = torch.full((1, 3, 128, 128), 0.5)
    for grey in (False, True):
        field = (add_noise(flat, Noise("gaussian", 10.0, grey, 3)) - flat) * 255
        assert field.std().item() == pytest.approx(10, rel=0.03)
        assert field.mean().item() == pytest.approx(0, abs=0.2)
        assert torch.allclose(field[:, 0], field[:, 1], atol=1e-4) == grey


def test_poisson_noise_grows_with_brightness():
    # Four levels: white is four photons, and a level v has the variance v / 4.
    image = torch.tensor([0.2, 0.4, 0.6, 0.8]).repeat_interleave(32)[None, None, None].expand(1, 3, 128, 128)
    field = add_noise(image, Noise("poisson", 0.1, False, 3)) - image
    deviations = field.unflatten(3, (4, 32)).transpose(2, 3).flatten(3).std(dim=3)[0].mean(dim=0)
    np.testing.assert_allclose(deviations, 0.1 * np.sqrt(np.array([0.2, 0.4, 0.6, 0.8]) / 4), rtol=0.05)
    grey = add_noise(image, Noise("poisson", 0.1, True, 3)) - image
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-6)


def test_a_side_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="10x8 is not a multiple of 4"):
        degrade(torch.zeros(1, 3, 8, 10), 4, [stream(0)])
