"""Images as arrays: decoding with every defect named, writing, hashing."""

import hashlib
import struct
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from pipeline.datasets import png
from pipeline.errors import UserError

Pixels = NDArray[np.uint8]
"""H x W x 3, RGB."""

_MODES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with alpha",
    "P": "palette",
    "RGBA": "RGB with alpha",
    "I;16": "16-bit grey",
    "I;16B": "16-bit grey",
    "I": "32-bit grey",
    "F": "float grey",
    "CMYK": "CMYK",
}
_OTHER_FORMATS = {
    b"GIF8": "a GIF file",
    b"WEBP": "a WebP file",
    b"II*\0": "a TIFF file",
    b"MM\0*": "a TIFF file",
    b"ftyp": "a HEIC or AVIF file",
}
"""By a mark in the first bytes."""
_END_OF_JPEG = b"\xff\xd9"
_DEFECTS = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError, Warning)
"""What Pillow raises for broken files."""


def read_rgb(path: Path) -> Pixels:
    """Decode a whole 8-bit RGB image, of a PNG, JPEG or BMP file whatever its name ends with.

    Raises `UserError` for a missing, truncated or broken file and for anything but one picture of 8-bit RGB: grey,
    palette, alpha, 16-bit, an animation, another file format. Nothing is converted silently, because a silently
    converted image scores differently. So a picture that viewers turn, by its EXIF orientation, is refused too:
    turned or not, its pixels would not be what either its maker or its reader means. Colour profiles and gamma are
    no conversion of the stored values and stay unapplied, as in every reader of these datasets. A PNG is checked
    by its checksums; a JPEG and a BMP have none, so only what their decoder notices is found.
    """
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.filterwarnings("error", module=r"PIL\.")  # what Pillow mends with a warning is a defect here
            found, pixels = _decode(data)
    except FileNotFoundError:
        raise UserError(f"{path}: missing. Put the file back, or fetch the dataset again.") from None
    except UnidentifiedImageError:
        found = other_format(data)
        if not found:
            raise UserError(f"{path}: cannot be decoded (not an image file). Fetch this file again.") from None
    except _DEFECTS as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: cannot be decoded ({reason}). Fetch this file again.") from None
    if found != "8-bit RGB":
        raise UserError(
            f"{path}: found {found}, expected 8-bit RGB in a PNG, JPEG or BMP file. Convert it, or fetch the "
            "original file again."
        )
    return pixels


def write_png(path: Path, pixels: Pixels) -> None:
    """Write an 8-bit RGB image, making its folder. The caller renames: write into a folder made aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")


def centre(pixels: Pixels, side: int) -> Pixels:
    """The middle of an image, at most `side` x `side`."""
    height, width = pixels.shape[:2]
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return pixels[top : top + side, left : left + side]


def pixel_hash(pixels: Pixels) -> str:
    """Hex sha256 of what is seen: the shape and the decoded pixels, whatever the file around them.

    Files of equal bytes decode to equal pixels, so this finds every copy that a hash of the file finds.
    """
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _decode(data: bytes) -> tuple[str, Pixels]:
    """What the file holds, in words, and its pixels, which mean something for "8-bit RGB" only."""
    stream = BytesIO(data)
    with Image.open(stream, formats=("PNG", "JPEG", "BMP")) as image:
        stored, scan = raw_mode(image), stream.tell()
        image.load()
        found, pixels = _kind(image, stored), np.asarray(image)
    if found == "8-bit RGB" and image.format == "PNG":
        png.check(data, image.height, image.width, interlaced="interlace" in image.info)
    # A download that was cut short may be filled up with zeros, which decode as pixels.
    if image.format == "JPEG" and _END_OF_JPEG not in data[scan:]:
        raise ValueError("the JPEG has no end")
    return found, pixels


def raw_mode(image: Image.Image) -> str:
    """How the file stores pixels. Pillow opens 16-bit RGB as `RGB`; only this tells, and only before decoding."""
    raw = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else ""
    mode = raw[0] if isinstance(raw, tuple) and raw else raw
    return mode if isinstance(mode, str) else ""


def _kind(image: Image.Image, stored: str) -> str:
    """What a decoded file holds, in words: all its chunks are known by then."""
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    if getattr(image, "n_frames", 1) > 1 and image.format == "PNG":
        return "an animation"
    if image.mode in ("RGB", "RGBA") and ";" in stored:
        return f"{stored.split(';')[1][:2]}-bit {image.mode}"
    if image.mode != "RGB":
        return _MODES.get(image.mode, f"mode {image.mode}")
    if "transparency" in image.info:
        return "RGB with a transparent colour"
    if orientation in range(2, 9):
        return f"a picture that viewers turn (EXIF orientation {orientation})"
    return "8-bit RGB"


def other_format(data: bytes) -> str:
    """What an image file is that `read_rgb` does not read, by its first 12 bytes, in words; else ""."""
    marks = (data[at : at + 4] for at in (0, 4, 8))
    return next((_OTHER_FORMATS[mark] for mark in marks if mark in _OTHER_FORMATS), "")
