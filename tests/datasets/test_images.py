"""Parts of images."""

import numpy as np

from pipeline.datasets.images import centre


def test_the_centre_is_the_middle_and_never_more_than_there_is():
    pixels = np.arange(6 * 9 * 3, dtype=np.uint8).reshape(6, 9, 3)
    assert (centre(pixels, 4) == pixels[1:5, 2:6]).all()
    assert (centre(pixels, 7) == pixels[:, 1:8]).all()
    assert (centre(pixels, 99) == pixels).all()
