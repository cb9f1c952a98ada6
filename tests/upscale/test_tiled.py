"""Tile by tile is as whole: for interpolations to the bit, for a network up to the rounding of its sums."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from pipeline.methods.classical import METHODS
from pipeline.methods.network import NetworkMethod
from pipeline.settings import Restoration
from pipeline.upscale.tiled import upscaled
from tests.upscale.conftest import picture

FIELD = 4
"""LR pixels that the network below sees on each side: 2 of the first convolution, 1 and 1 of the others."""


def small(scale):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)]
    return nn.Sequential(*layers, nn.Upsample(scale_factor=scale), nn.Conv2d(8, 3, 3, padding=1)).eval()


NETWORKS = {scale: small(scale) for scale in (1, 2, 4)}


def network(scale, **restoration):
    options = Restoration(**{"tile": 0, "overlap": 0, **restoration})
    return NetworkMethod(NETWORKS[scale], scale, options, torch.device("cpu"))


def apart(one, other):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other))


sides = st.integers(1, 50)
modes = st.sampled_from(["L", "LA", "RGB", "RGBA"])


@settings(deadline=None, max_examples=40)
@given(sides, sides, st.integers(1, 20), st.integers(0, 3), st.sampled_from([1, 2, 4]), modes)
def test_tiles_that_see_the_networks_field_join_to_the_whole(width, height, core, more, scale, mode):
    image, overlap = picture(width, height, mode), FIELD + more
    whole = upscaled(image, network(scale), scale, 0)
    tiled = upscaled(image, network(scale), scale, 2 * overlap + core, overlap)
    assert whole.size == tiled.size == (width * scale, height * scale)
    assert whole.mode == tiled.mode == mode
    assert apart(whole, tiled).max() <= 1


@settings(deadline=None, max_examples=40)
@given(sides, sides, st.integers(1, 20), st.sampled_from(["bicubic", "lanczos"]), st.sampled_from(["L", "RGB"]))
def test_tiles_of_an_interpolation_join_to_the_very_whole(width, height, core, name, mode):
    image, method = picture(width, height, mode), METHODS[name](4)
    assert upscaled(image, method, 4, 8 + core, 4) == upscaled(image, method, 4, 0)


def test_with_too_little_overlap_only_what_is_near_a_seam_differs():
    image = picture(90, 20)
    difference = apart(upscaled(image, network(4), 4, 50, 1), upscaled(image, network(4), 4, 0)).max(axis=(0, 2))
    columns = np.flatnonzero(difference > 1)
    assert columns.size > 0
    seam = (50 - 1) * 4 - 0.5
    assert np.abs(columns - seam).max() <= 4 * FIELD


def test_an_interpolation_of_a_photo_is_that_of_the_method():
    image = picture(40, 30)
    expected = cv2.resize(np.asarray(image), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert np.array_equal(upscaled(image, METHODS["bicubic"](4), 4, 24, 8), expected)


def test_grey_goes_through_as_three_channels_and_comes_back_as_their_luma():
    grey = picture(20, 16, "L")
    colour = upscaled(grey.convert("RGB"), network(4), 4)
    expected = np.asarray(colour) @ np.array([0.299, 0.587, 0.114])
    assert np.ptp(np.asarray(colour).astype(int), axis=2).max() > 0
    assert apart(upscaled(grey, network(4), 4), np.rint(expected)).max() <= 1
    assert upscaled(grey, METHODS["bicubic"](4), 4) == upscaled(
        grey.convert("RGB"), METHODS["bicubic"](4), 4
    ).getchannel("R")


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_is_pillows_bicubic_and_colours_do_not_depend_on_it(mode):
    image = picture(33, 27, mode)
    result = upscaled(image, network(4), 4, 20, FIELD)
    alpha = image.getchannel("A").resize((132, 108), Image.Resampling.BICUBIC)
    assert apart(result.getchannel("A"), alpha).max() <= 1  # Pillow rounds the weights of a part in its own way
    opaque = image.convert(mode.removesuffix("A"))
    assert result.convert(opaque.mode) == upscaled(opaque, network(4), 4, 20, FIELD)


def test_at_scale_one_transparency_stays_as_it_is():
    image = picture(33, 27, "RGBA")
    assert upscaled(image, network(1), 1, 20, FIELD).getchannel("A") == image.getchannel("A")


def test_tiles_go_together_as_the_method_takes_them():
    seen = []

    class Watched(NetworkMethod):
        def __call__(self, images):
            seen.append(len(images))
            return super().__call__(images)

    restoration = Restoration(tile=0, overlap=0, batch=3)
    watched = Watched(NETWORKS[4], 4, restoration, torch.device("cpu"))
    image = picture(52, 20)
    together = upscaled(image, watched, 4, 20, FIELD)
    assert seen == [3, 1]
    assert apart(together, upscaled(image, network(4), 4, 0)).max() <= 1


def test_no_more_goes_to_a_network_at_once_than_a_tile_and_real_pixels_join(mirror_root):
    sizes = set()

    class Watched(NetworkMethod):
        def __call__(self, images):
            sizes.update(image.shape for image in images)
            return super().__call__(images)

    image = Image.open(mirror_root / "camerasr/City100/City100_iPhoneX/001L.PNG").crop((0, 0, 420, 300))
    watched = Watched(NETWORKS[4], 4, Restoration(tile=0, overlap=0), torch.device("cpu"))
    tiled = upscaled(image, watched, 4, 96)
    assert sizes == {(96, 96, 3)}
    assert apart(tiled, upscaled(image, network(4), 4, 0)).max() <= 1
