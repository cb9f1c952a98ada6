"""Images as arrays: decoding with every defect named, writing, hashing."""

import hashlib
import struct
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, UnidentifiedImageError

from pipeline.datasets import png
from pipeline.errors import UserError

Pixels = NDArray[np.uint8]
"""H x W x 3, RGB."""

RGB, GREY = "8-bit RGB", "grey"
_MODES = {
    "1": "black and white",
    "L": GREY,
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
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation; the others are upright."""
_CHANNELS = {RGB: 3, GREY: 1}
_END_OF_JPEG = b"\xff\xd9"
_DEFECTS = (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError, Warning)
"""What Pillow raises for broken files."""


def read_rgb(path: Path, *, alone: bool = False) -> Pixels:
    """Decode a whole 8-bit RGB image, of a PNG, JPEG or BMP file whatever its name ends with.

    Raises `UserError` for a missing, truncated or broken file and for anything but one picture of 8-bit RGB: grey,
    palette, alpha, 16-bit, an animation, another file format. Nothing is converted silently, because a silently
    converted image scores differently. So a picture that viewers turn, by its EXIF orientation, is refused too:
    turned or not, its pixels would not be what either its maker or its reader means. Colour profiles and gamma are
    no conversion of the stored values and stay unapplied, as in every reader of these datasets. A PNG is checked
    by its checksums; a JPEG and a BMP have none, so only what their decoder notices is found.

    Args:
        path: of the file.
        alone: for an image without counterpart; it is adjusted as `read_alone` says.
    """
    return _read(path, alone)[0]


def read_alone(path: Path) -> tuple[Pixels, str]:
    """Decode an image that has no counterpart, and say in words how it was adjusted, "" mostly.

    As `read_rgb`, but a picture that viewers turn is turned upright, and 8-bit grey becomes RGB. There is no second
    image that the first would no longer fit.
    """
    return _read(path, alone=True)


def _read(path: Path, alone: bool) -> tuple[Pixels, str]:
    try:
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.filterwarnings("error", module=r"PIL\.")  # what Pillow mends with a warning is a defect here
            found, pixels, adjusted = _decode(data, alone)
    except FileNotFoundError:
        raise UserError(f"{path}: missing. Put the file back, or fetch the dataset again.") from None
    except UnidentifiedImageError:
        found = other_format(data)
        if not found:
            raise UserError(f"{path}: cannot be decoded (not an image file). Fetch this file again.") from None
    except _DEFECTS as error:
        reason = str(error) or type(error).__name__
        raise UserError(f"{path}: cannot be decoded ({reason}). Fetch this file again.") from None
    if found != RGB:
        raise UserError(
            f"{path}: found {found}, expected 8-bit RGB in a PNG, JPEG or BMP file. Convert it, or fetch the "
            "original file again."
        )
    return pixels, adjusted


def write_png(path: Path, pixels: Pixels, texts: Mapping[str, str] | None = None) -> None:
    """Write an 8-bit RGB image, making its folder. The caller renames: write into a folder made aside.

    Args:
        path: of the file.
        pixels: of the image.
        texts: what the file says of itself, by keyword (PNG's text chunks, Latin-1).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    info = PngImagePlugin.PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_text(keyword, text)
    Image.fromarray(pixels).save(path, format="PNG", pnginfo=info)


def png_text(path: Path, keyword: str) -> str | None:
    """What a PNG written by `write_png` says of itself under a keyword; None where it says nothing."""
    with Image.open(path, formats=("PNG",)) as image:
        text = image.info.get(keyword)
    return text if isinstance(text, str) else None


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


def _decode(data: bytes, alone: bool) -> tuple[str, Pixels, str]:
    """What the file holds, its pixels, which mean something for "8-bit RGB" only, and how they were adjusted."""
    stream = BytesIO(data)
    with Image.open(stream, formats=("PNG", "JPEG", "BMP")) as image:
        stored, scan = raw_mode(image), stream.tell()
        image.load()
        found, orientation = _kind(image, stored), image.getexif().get(ExifTags.Base.Orientation, 1)
        if image.format == "PNG" and found in _CHANNELS:
            png.check(data, image.height, image.width, _CHANNELS[found], interlaced="interlace" in image.info)
        # A download that was cut short may be filled up with zeros, which decode as pixels.
        if image.format == "JPEG" and _END_OF_JPEG not in data[scan:]:
            raise ValueError("the JPEG has no end")
        turned = f"EXIF orientation {orientation}" if orientation in _UPRIGHT else ""
        if not alone or found not in _CHANNELS:
            kind = f"a picture that viewers turn ({turned})" if turned and found == RGB else found
            return kind, np.asarray(image), ""
        done = [*([f"turned upright ({turned})"] if turned else []), *(["grey made RGB"] if found == GREY else [])]
        upright = image.transpose(_UPRIGHT[orientation]) if turned else image
        return RGB, np.asarray(upright.convert("RGB")), ", ".join(done)


def raw_mode(image: Image.Image) -> str:
    """How the file stores pixels. Pillow opens 16-bit RGB as `RGB`; only this tells, and only before decoding."""
    raw = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else ""
    mode = raw[0] if isinstance(raw, tuple) and raw else raw
    return mode if isinstance(mode, str) else ""


def _kind(image: Image.Image, stored: str) -> str:
    """What a decoded file holds, in words: all its chunks are known by then."""
    if getattr(image, "n_frames", 1) > 1 and image.format == "PNG":
        return "an animation"
    kind = {"RGB": "RGB", "RGBA": "RGBA", "L": GREY}.get(image.mode)
    if kind and ";" in stored:
        return f"{stored.split(';')[1][:2]}-bit {kind}"
    if "transparency" in image.info and image.mode in ("RGB", "L"):
        return f"{kind} with a transparent colour"
    return RGB if image.mode == "RGB" else _MODES.get(image.mode, f"mode {image.mode}")


def other_format(data: bytes) -> str:
    """What an image file is that `read_rgb` does not read, by its first 12 bytes, in words; else ""."""
    marks = (data[at : at + 4] for at in (0, 4, 8))
    return next((_OTHER_FORMATS[mark] for mark in marks if mark in _OTHER_FORMATS), "")
