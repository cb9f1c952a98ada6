"""What a photo file has is kept, and what cannot be kept or read is named."""

from io import BytesIO

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from pipeline.upscale.photo import PhotoError, check_fits, read_photo, write_photo
from tests.upscale.conftest import picture

TAG = ExifTags.Base
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def exif(orientation=None):
    """A camera, a place, an exposure, a size, and an orientation."""
    made = Image.Exif()
    made[TAG.Make] = "a camera"
    made.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    made.get_ifd(ExifTags.IFD.Exif).update({TAG.ISOSpeedRatings: 400, TAG.ExifImageWidth: 24})
    if orientation:
        made[TAG.Orientation] = orientation
    return made


def written(photo, image=None, suffix=".png"):
    """The photo as it comes back from a file."""
    stream = BytesIO()
    write_photo(stream, image or photo.image, photo, suffix, 95)
    opened = Image.open(stream)
    opened.load()
    return opened


def same(one, other):
    """Whether two pictures are equal, whatever files they are from."""
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright_once_and_its_orientation_is_one(tmp_path, orientation):
    path = tmp_path / "photo.png"
    picture(24, 18).save(path, exif=exif(orientation))
    photo = read_photo(path)
    with Image.open(path) as stored:
        assert same(photo.image, ImageOps.exif_transpose(stored))
    back = written(photo)
    assert back.getexif()[TAG.Orientation] == 1
    assert same(ImageOps.exif_transpose(back), photo.image)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_other_exif_and_the_profile_are_kept_and_a_size_is_the_new_one(tmp_path, suffix):
    path = tmp_path / "photo.jpg"
    picture(24, 18).save(path, exif=exif(6), icc_profile=PROFILE)
    photo = read_photo(path)
    back = written(photo, photo.image.resize((72, 96)), suffix)
    assert back.info["icc_profile"] == PROFILE
    found = back.getexif()
    assert found[TAG.Make] == "a camera"
    assert found.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
    assert found.get_ifd(ExifTags.IFD.Exif) == {TAG.ISOSpeedRatings: 400, TAG.ExifImageWidth: 72}


def test_a_photo_without_exif_and_profile_gets_none(tmp_path):
    picture(24, 18).save(tmp_path / "photo.jpg")
    back = written(read_photo(tmp_path / "photo.jpg"))
    assert not back.getexif()
    assert "icc_profile" not in back.info


def test_what_describes_a_tiff_file_itself_does_not_reach_the_result(tmp_path):
    path = tmp_path / "photo.tif"
    picture(24, 18).save(path, exif=exif(6).tobytes())
    assert dict(written(read_photo(path)).getexif()).keys() == {
        TAG.Make,
        TAG.Orientation,
        ExifTags.IFD.Exif,
        ExifTags.IFD.GPSInfo,
    }


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "webp"])
def test_every_format_that_is_read_gives_its_pixels(tmp_path, suffix):
    path = tmp_path / f"photo.{suffix}"
    picture(24, 18).save(path)
    assert np.array_equal(read_photo(path).image, Image.open(path).convert("RGB"))


def test_a_file_is_what_it_holds_and_not_what_its_name_says(tmp_path):
    picture(24, 18).save(tmp_path / "photo.jpg", format="PNG")
    assert same(read_photo(tmp_path / "photo.jpg").image, picture(24, 18))


def transparent(mode):
    image = (
        picture(24, 18, "L").point(lambda level: level // 64 * 64) if mode == "L" else Image.new("RGB", (24, 18))
    )
    return image if mode != "P" else picture(24, 18).quantize(4)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [("L", 64, "LA"), ("RGB", (0, 0, 0), "RGBA"), ("P", 0, "RGBA"), ("P", None, "RGB")],
)
def test_palettes_and_transparent_colours_become_channels(tmp_path, mode, colour, expected):
    options = {} if colour is None else {"transparency": colour}
    transparent(mode).save(tmp_path / "photo.png", **options)
    image = read_photo(tmp_path / "photo.png").image
    assert image.mode == expected
    assert same(image, Image.open(tmp_path / "photo.png").convert(expected))
    if colour is not None:
        assert image.getchannel("A").getextrema()[0] == 0


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_grey_and_transparency_stay(tmp_path, mode):
    picture(24, 18, mode).save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    assert same(photo.image, picture(24, 18, mode))
    assert same(written(photo), photo.image)


def test_black_and_white_is_grey(tmp_path):
    Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "photo.png")
    assert np.array_equal(read_photo(tmp_path / "photo.png").image, 255 * np.eye(9, dtype=np.uint8))


def bad(path, kind):
    """A file that is refused."""
    image = picture(64, 48)
    frames = {"save_all": True, "append_images": [picture(64, 48, seed=1)]}
    if kind in ("gif", "heic", "text"):
        path.write_bytes({"gif": b"GIF89a", "heic": b"\0\0\0\x18ftypheic", "text": b"hello"}[kind] + bytes(20))
    elif kind == "truncated":
        image.save(path, format="JPEG")
        path.write_bytes(path.read_bytes()[:-400])
    elif kind == "grey 16":
        Image.fromarray(np.zeros((9, 9), np.uint16)).save(path, format="PNG")
    elif kind in ("RGB 16 png", "RGB 16 tiff"):
        import cv2

        pixels = np.zeros((9, 9, 3), np.uint16)
        path.write_bytes(cv2.imencode(".png" if "png" in kind else ".tiff", pixels)[1].tobytes())
    elif kind == "float":
        Image.fromarray(np.zeros((9, 9), np.float32)).save(path, format="TIFF")
    elif kind == "CMYK":
        image.convert("CMYK").save(path, format="JPEG")
    else:
        image.save(path, format={"apng": "PNG", "webp": "WEBP", "pages": "TIFF"}[kind], **frames)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("gif", "a GIF file; what is read is"),
        ("heic", "a HEIC or AVIF file; what is read is"),
        ("text", "no picture that is known"),
        ("truncated", "cannot be decoded .*truncated"),
        ("grey 16", "16 bits a channel"),
        ("RGB 16 png", "16 bits a channel"),
        ("RGB 16 tiff", "16 bits a channel"),
        ("float", "of the kind F"),
        ("CMYK", "of the kind CMYK"),
        ("apng", "an animation, or several pages"),
        ("webp", "an animation, or several pages"),
        ("pages", "an animation, or several pages"),
    ],
)
def test_what_is_no_8_bit_photo_is_refused_in_one_line(tmp_path, kind, said):
    bad(tmp_path / "photo", kind)
    with pytest.raises(PhotoError, match=f"photo: {said}") as refusal:
        read_photo(tmp_path / "photo")
    assert "\n" not in str(refusal.value)


def test_the_first_picture_of_a_phones_mpo_is_the_photo(tmp_path):
    path = tmp_path / "photo.jpg"
    picture(64, 48).save(path, format="MPO", save_all=True, append_images=[picture(16, 12, seed=1)])
    assert read_photo(path).image.size == (64, 48)


def test_a_picture_beyond_pillows_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
    Image.new("L", (2000, 1001)).save(tmp_path / "photo.png")
    with pytest.raises(PhotoError, match="larger than 2 megapixels"):
        read_photo(tmp_path / "photo.png")


@pytest.mark.filterwarnings("error")
def test_a_photo_with_wrong_bytes_is_a_photo_or_a_refusal_and_nothing_else_is_said(tmp_path):
    stream, path = BytesIO(), tmp_path / "photo"
    picture(24, 18).save(stream, format="JPEG", exif=exif(6), icc_profile=PROFILE)
    data, random = stream.getvalue(), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(0, 700, 3):
            changed[place] = random.integers(256)
        path.write_bytes(changed)
        try:
            photo = read_photo(path)
            write_photo(BytesIO(), photo.image, photo, ".png", 95)
        except PhotoError:
            refused += 1
    assert 0 < refused < 300


@pytest.mark.parametrize(
    ("mode", "side", "said"),
    [("RGBA", 9, "has transparency"), ("LA", 9, "has transparency"), ("L", 16384, "side of")],
)
def test_what_a_jpeg_cannot_hold_is_said_before_the_work(tmp_path, mode, side, said):
    source = tmp_path / "photo.png"
    Image.new(mode, (side, 1)).save(source)
    photo = read_photo(source)
    with pytest.raises(PhotoError, match=said):
        check_fits(photo, source, tmp_path / "photo.jpg", 4)
    check_fits(photo, source, tmp_path / "photo.png", 4)


def test_more_exif_than_a_jpeg_holds_is_said_before_the_work(tmp_path):
    source, much = tmp_path / "photo.png", exif()
    much[TAG.ImageDescription] = "long " * 14000
    picture(24, 18).save(source, exif=much)
    photo = read_photo(source)
    with pytest.raises(PhotoError, match="more EXIF than the 64 KB"):
        check_fits(photo, source, tmp_path / "photo.jpg", 4)
