"""Photographs that EXIF turns, and grey ones: taken where they have no counterpart, refused in a pair."""

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets import splits
from pipeline.datasets.images import pixel_hash, read_rgb
from pipeline.datasets.packs import Pack
from pipeline.degradations.bicubic import downscale_uint8

ZERO = "realsr_zero/realsr-zero/002.png"
SOURCE = "ntire2020/track1-train-source/Flickr2K_000002.png"
TARGET = "ntire2020/train-target/0002.png"


def turned(path, grey=False):
    """The file stored lying on its side, as a camera held upright stores it; returns the upright picture."""
    picture = Image.open(path).convert("L" if grey else "RGB")
    picture = picture.crop((0, 0, picture.width, picture.height - 8))
    tags = Image.Exif()
    tags[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=tags)
    return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("grey", [False, True])
def test_a_set_without_ground_truth_takes_them_and_its_manifest_says_so(fetched, grey):
    raw = fetched.raw("realsr_zero")
    upright = turned(raw / ZERO, grey)
    stored = (raw / ZERO).read_bytes()
    done = fetched.run("split", "realsr_zero")
    assert done.returncode == 0, done.stderr
    row = next(row for row in splits.read(fetched.split("realsr_zero")) if row.lr == ZERO)
    words = "turned upright (EXIF orientation 6)" + (", grey made RGB" if grey else "")
    assert row.adjusted == words
    assert f"{ZERO}: {words}" in done.stderr
    assert (row.height, row.width) == upright.shape[:2]
    assert row.lr_pixels == pixel_hash(upright)
    np.testing.assert_array_equal(row.read(raw, "lr"), upright)
    assert (raw / ZERO).read_bytes() == stored


def test_training_sees_them_upright(fetched):
    raw = fetched.raw("ntire2020")
    upright = {"0002": turned(raw / TARGET), "Flickr2K_000002": turned(raw / SOURCE, grey=True)}
    for stage in ("split", "pools", "pack"):
        done = fetched.run(stage, "ntire2020")
        assert done.returncode == 0, done.stderr
    pack = Pack.open(fetched.pack("ntire2020"))
    found = {spot.id: pack._hr(spot) for spot in pack.training}
    np.testing.assert_array_equal(found["0002"], upright["0002"])
    halved = downscale_uint8(upright["Flickr2K_000002"], 2)
    np.testing.assert_array_equal(found["Flickr2K_000002"], halved)
    clean = {spot.id: pack._hr(spot) for spot in pack.clean_images}
    assert clean.keys() == found.keys()
    np.testing.assert_array_equal(clean["Flickr2K_000002"], halved)
    real = {spot.id: pack._lr(spot) for spot in pack.photographs}
    assert real.keys() == {"Flickr2K_000001", "Flickr2K_000002", "Flickr2K_000003"}
    np.testing.assert_array_equal(real["Flickr2K_000002"], upright["Flickr2K_000002"])


@pytest.mark.parametrize("side", ["H", "L"])
def test_a_pair_with_a_turned_half_is_refused(fetched, side):
    file = fetched.raw("camerasr") / f"camerasr/City100/City100_iPhoneX/004{side}.PNG"
    turned(file)
    message = fetched.refused("split", "camerasr")
    assert f"004{side}.PNG: found a picture that viewers turn (EXIF orientation 6)" in message


def test_a_turned_copy_of_a_test_image_is_a_leak(fetched):
    raw = fetched.raw("ntire2020")
    test = "ntire2020/track1-valid-gt/0801.png"
    pixels = read_rgb(raw / test)
    tags = Image.Exif()
    tags[0x0112] = 3
    Image.fromarray(np.ascontiguousarray(pixels[::-1, ::-1])).save(raw / TARGET, exif=tags)
    assert f"{TARGET} (target) has the same pixels as the test image" in fetched.refused("split", "ntire2020")
