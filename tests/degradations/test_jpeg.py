"""The tensor JPEG against libjpeg."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from pipeline.degradations.jpeg import CHROMINANCE, LUMINANCE, round_trip, table

QUALITIES = [5, 30, 49, 50, 75, 95, 100]
ZIGZAG = sorted(((r, c) for r in range(8) for c in range(8)), key=lambda p: (sum(p), p[sum(p) % 2]))


def libjpeg(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return Image.open(file)


def planes(pixels):
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None] / 255


def levels(tensor):
    return (tensor * 255).round().permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_tables_are_those_libjpeg_writes(quality):
    written = libjpeg(np.zeros((8, 8, 3), np.uint8), quality).quantization
    for base, found in zip((LUMINANCE, CHROMINANCE), written.values(), strict=True):
        # Pillow has them row by row or in the file's zigzag order, by its version.
        scaled = np.array(table(base, quality))
        assert list(found) in (scaled.flatten().tolist(), [scaled[place] for place in ZIGZAG])


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("cut", [np.s_[:128, 100:244], np.s_[33:100, 51:112]], ids=["whole blocks", "ragged"])
def test_it_is_libjpeg_to_less_than_a_level(quality, cut):
    pixels = np.ascontiguousarray(data.astronaut()[cut])
    ours, theirs = (
        levels(round_trip(planes(pixels), [quality]))[0],
        np.asarray(libjpeg(pixels, quality)).astype(float),
    )
    # Different only where the two round a value near one half their own way.
    assert abs(ours - theirs).mean() < 0.8
    assert (abs(ours - theirs) > 4).mean() < 0.02
    # Libjpeg is nearer to our result than to the picture that both were given.
    assert abs(ours - theirs).mean() < abs(pixels - theirs).mean() / 2


def test_grey_of_a_whole_level_survives_any_quality():
    # 128 is the middle of the range: every coefficient is 0.
    grey = torch.full((1, 3, 24, 40), 128 / 255)
    assert torch.equal(levels_of(round_trip(grey, [1])), levels_of(grey))


def levels_of(tensor):
    return (tensor * 255).round()


def test_what_it_returns_are_eight_bit_levels():
    images = torch.rand(2, 3, 19, 33, generator=torch.Generator().manual_seed(0))
    result = round_trip(images, [10, 90])
    assert result.shape == images.shape
    torch.testing.assert_close(result * 255, (result * 255).round(), atol=1e-4, rtol=0)
    assert result.min() >= 0
    assert result.max() <= 1


def test_each_image_has_its_own_quality():
    image = planes(data.astronaut()[:64, 100:164])
    together = round_trip(image.repeat(3, 1, 1, 1), [95, 30.7, 10])
    errors = (together - image).abs().mean(dim=(1, 2, 3))
    assert errors[0] < errors[1] < errors[2]
    for n, quality in enumerate([95, 30.7, 10]):
        assert (levels_of(together[n : n + 1]) - levels_of(round_trip(image, [quality]))).abs().mean() < 0.01
