"""Where patches are cut: textured, spread, apart, within the image, and the same for a seed."""

from collections import Counter
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.mos.patches import Place, choose_places


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=4),
    scale=st.sampled_from([1, 4]),
    side=st.integers(2, 12),
    count=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_places_lie_in_their_images_at_lr_pixels_apart_and_the_same_for_a_seed(sizes, scale, side, count, seed):
    images = {f"im{number}": noise(*size, number) for number, size in enumerate(sizes)}
    places = choose_places(images, scale, side * scale, count, seed)
    assert 1 <= len(places) <= count
    for place in places:
        height, width = (scale * length for length in images[place.image].shape[:2])
        assert (place.height, place.width) == (min(side * scale, height), min(side * scale, width))
        assert 0 <= place.top <= height - place.height
        assert 0 <= place.left <= width - place.width
        assert not any(length % scale for length in (place.top, place.left, place.height, place.width))
    assert not any(one.overlaps(other) for one, other in combinations(places, 2) if one.image == other.image)
    assert places == choose_places(images, scale, side * scale, count, seed)


def test_every_image_gives_a_patch_before_any_gives_a_second():
    images = {f"im{number}": noise(64, 64, number) for number in range(5)}
    counts = Counter(place.image for place in choose_places(images, 1, 16, 12, seed=3))
    assert sorted(counts.values()) == [2, 2, 2, 3, 3]


def test_a_flat_half_gives_no_patch():
    image = noise(64, 128)
    image[:, 64:] = 120
    places = choose_places({"im": image}, 4, 64, 50, seed=0)
    assert len(places) >= 4
    assert all(place.left // 4 < 64 for place in places)


def test_seeds_choose_differently():
    images = {f"im{number}": noise(64, 64, number) for number in range(5)}
    assert choose_places(images, 1, 16, 10, seed=0) != choose_places(images, 1, 16, 10, seed=1)


def test_an_image_smaller_than_a_patch_gives_all_of_it():
    assert choose_places({"im": noise(10, 30)}, 4, 64, 1, seed=0)[0].height == 40


def test_the_same_place_of_the_lr_image_shows_the_same_content():
    image = noise(20, 24)
    enlarged = image.repeat(4, axis=0).repeat(4, axis=1)
    place = Place("im", top=8, left=16, height=32, width=24)
    again = place.reduced(4).cut(image).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(place.cut(enlarged), again)
