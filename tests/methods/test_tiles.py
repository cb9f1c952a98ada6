"""Tiles: the kept parts are the image, and each has seen enough around it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.methods.tiles import tiles

sizes = st.integers(1, 60)


@st.composite
def cuts(draw):
    overlap = draw(st.integers(0, 7))
    return draw(sizes), draw(sizes), draw(st.sampled_from([0, *range(2 * overlap + 1, 2 * overlap + 20)])), overlap


@given(cuts(), st.sampled_from([1, 4]))
def test_every_pixel_is_kept_once_from_where_it_lies(cut, scale):
    height, width, side, overlap = cut
    lr = np.arange(height * width).reshape(height, width)
    image = lr.repeat(scale, 0).repeat(scale, 1)
    joined, times = np.full_like(image, -1), np.zeros_like(image)
    for tile in tiles(height, width, side, overlap):
        rows, columns = tile.rows, tile.columns
        seen = lr[rows.seen(), columns.seen()].repeat(scale, 0).repeat(scale, 1)
        place = rows.kept(scale), columns.kept(scale)
        joined[place] = seen[rows.inside(scale), columns.inside(scale)]
        times[place] += 1
    assert np.array_equal(joined, image)
    assert np.all(times == 1)


@given(cuts())
def test_all_tiles_have_one_size_and_none_is_larger_than_asked(cut):
    height, width, side, overlap = cut
    found = {(tile.rows.size, tile.columns.size) for tile in tiles(height, width, side, overlap)}
    assert found == {(min(side or height, height), min(side or width, width))}


@given(cuts())
def test_a_kept_pixel_has_seen_the_overlap_on_every_side_but_the_images_own(cut):
    height, width, side, overlap = cut
    for tile in tiles(height, width, side, overlap):
        for span, length in ((tile.rows, height), (tile.columns, width)):
            assert span.start == 0 or span.first - span.start >= overlap
            assert span.start + span.size == length or span.start + span.size - span.end >= overlap


@given(sizes, sizes)
def test_side_zero_is_the_whole_image(height, width):
    assert len(tiles(height, width, 0, 16)) == 1
