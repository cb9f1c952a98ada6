"""Parts of images, and images without counterpart: turned upright, and grey made RGB."""

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.images import centre, pixel_hash, read_alone, read_rgb, write_png
from pipeline.errors import UserError

UPRIGHT = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (24, 33, 3), dtype=np.uint8), (0, 0), 2)
STORED = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, 3),
}
"""How a camera held in each of the eight ways stores the upright picture (EXIF 2.3, Orientation)."""


def save(path, pixels, orientation, **how):
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=tags, **how)
    return path


def test_the_centre_is_the_middle_and_never_more_than_there_is():
    pixels = np.arange(6 * 9 * 3, dtype=np.uint8).reshape(6, 9, 3)
    assert (centre(pixels, 4) == pixels[1:5, 2:6]).all()
    assert (centre(pixels, 7) == pixels[:, 1:8]).all()
    assert (centre(pixels, 99) == pixels).all()


@pytest.mark.parametrize("orientation", STORED)
def test_a_png_without_counterpart_is_turned_upright_to_the_bit(tmp_path, orientation):
    file = save(tmp_path / "photo.png", STORED[orientation](UPRIGHT), orientation)
    pixels, adjusted = read_alone(file)
    np.testing.assert_array_equal(pixels, UPRIGHT)
    assert adjusted == ("" if orientation == 1 else f"turned upright (EXIF orientation {orientation})")
    np.testing.assert_array_equal(read_rgb(file, alone=True), UPRIGHT)


@pytest.mark.parametrize("orientation", STORED)
def test_a_jpeg_without_counterpart_stands_as_another_library_turns_it(tmp_path, orientation):
    file = save(tmp_path / "photo.jpg", STORED[orientation](UPRIGHT), orientation, quality=95, subsampling=0)
    pixels, _ = read_alone(file)
    other = cv2.cvtColor(cv2.imread(str(file), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    np.testing.assert_allclose(pixels.astype(int), other, atol=2)
    assert np.abs(pixels.astype(int) - UPRIGHT).mean() < 2


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_grey_without_counterpart_is_three_equal_channels(tmp_path, kind, orientation):
    grey = UPRIGHT[..., 0]
    file = save(tmp_path / f"photo.{kind}", STORED[orientation](grey), orientation)
    pixels, adjusted = read_alone(file)
    assert pixels.shape == UPRIGHT.shape
    assert (pixels == pixels[..., :1]).all()
    assert np.abs(pixels[..., 0].astype(int) - grey).mean() < (3 if kind == "jpg" else 1e-9)
    assert adjusted.endswith("grey made RGB")
    assert ("EXIF orientation 6" in adjusted) == (orientation == 6)
    with pytest.raises(UserError, match="found grey, expected 8-bit RGB"):
        read_rgb(file)


@pytest.mark.parametrize(
    ("mode", "found"), [("LA", "grey with alpha"), ("RGBA", "RGB with alpha"), ("P", "palette"), ("1", "black")]
)
def test_what_else_is_not_8_bit_rgb_is_refused_without_counterpart_too(tmp_path, mode, found):
    Image.fromarray(UPRIGHT).convert(mode).save(tmp_path / "photo.png")
    with pytest.raises(UserError, match=f"found {found}"):
        read_alone(tmp_path / "photo.png")


def test_grey_of_other_depths_or_with_a_transparent_level_is_refused_without_counterpart_too(tmp_path):
    file = tmp_path / "photo.png"
    cv2.imwrite(str(file), UPRIGHT[..., 0].astype(np.uint16) * 257)
    with pytest.raises(UserError, match="found 16-bit grey"):
        read_alone(file)
    Image.fromarray(UPRIGHT[..., 0]).save(file, transparency=7)
    with pytest.raises(UserError, match="found grey with a transparent colour"):
        read_alone(file)


def test_a_grey_png_cut_short_anywhere_is_refused(tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(UPRIGHT[..., 0]).save(file)
    data = file.read_bytes()
    for length in range(0, len(data), 3):
        file.write_bytes(data[:length])
        with pytest.raises(UserError, match="cannot be decoded"):
            read_alone(file)


def test_an_image_as_it_is_stored_is_not_adjusted(tmp_path):
    write_png(tmp_path / "photo.png", UPRIGHT)
    pixels, adjusted = read_alone(tmp_path / "photo.png")
    assert pixel_hash(pixels) == pixel_hash(read_rgb(tmp_path / "photo.png")) == pixel_hash(UPRIGHT)
    assert adjusted == ""
