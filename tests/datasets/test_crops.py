"""The rule by which crops are chosen."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.crops import Box, choose
from pipeline.errors import UserError


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=40)
@given(
    st.integers(64, 200), st.integers(64, 200), st.sampled_from([32, 48, 64]), st.integers(1, 6), st.integers(0, 99)
)
def test_crops_lie_inside_and_are_distinct(height, width, side, count, seed):
    image = noise(height, width, seed)
    places = ((height - side) // (side // 8) + 1) * ((width - side) // (side // 8) + 1)
    if places < count:
        with pytest.raises(UserError, match="different crops"):
            choose(image, side, count)
        return
    boxes = choose(image, side, count)
    assert len(set(boxes)) == count
    assert all(box.cut(image).shape == (side, side, 3) for box in boxes)
    assert boxes[: count - 1] == choose(image, side, count - 1)


def test_crops_that_fit_side_by_side_do_not_overlap():
    boxes = choose(noise(128, 192), 64, 6)
    for a, b in itertools.combinations(boxes, 2):
        assert abs(a.left - b.left) >= 64 or abs(a.top - b.top) >= 64 or overlap(a, b) < 0.5


def overlap(a, b):
    return max(0, a.side - abs(a.left - b.left)) * max(0, a.side - abs(a.top - b.top)) / a.side**2


def test_the_textured_part_comes_first():
    image = np.full((128, 256, 3), 128, np.uint8)
    image[32:96, 160:224] = noise(64, 64)
    assert choose(image, 64, 1) == [Box(160, 32, 64)]


def test_a_flat_photograph_still_gives_distinct_crops():
    assert len(set(choose(np.zeros((96, 96, 3), np.uint8), 64, 4))) == 4


def test_a_photograph_that_is_too_small_is_named():
    with pytest.raises(UserError, match=r"200 pixels does not fit into a photograph of 150x300.*params\.yaml"):
        choose(noise(300, 150), 200, 1)
