"""Images as arrays: decoding with every defect named, writing, hashing."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

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


def read_rgb(path: Path) -> Pixels:
    """Decode a whole 8-bit RGB image.

    Raises `UserError` for a missing, truncated or broken file and for anything but 8-bit RGB: grey, palette, alpha,
    16-bit. Nothing is converted silently, because a silently converted image scores differently.
    """
    try:
        with Image.open(path) as image:
            found = _kind(image)
            image.load()
            pixels = np.asarray(image)
    except FileNotFoundError:
        raise UserError(f"{path}: missing. Put the file back, or fetch the dataset again.") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be decoded ({_reason(error)}). Fetch this file again.") from None
    if found != "8-bit RGB":
        raise UserError(f"{path}: found {found}, expected 8-bit RGB. Convert it, or fetch the original file again.")
    return pixels


def write_png(path: Path, pixels: Pixels) -> None:
    """Write an 8-bit RGB image, making its folder. The caller renames: write into a folder made aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, format="PNG")


def pixel_hash(pixels: Pixels) -> str:
    """Hex sha256 of what is seen: the shape and the decoded pixels, whatever the file around them.

    Files of equal bytes decode to equal pixels, so this finds every copy that a hash of the file finds.
    """
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def _kind(image: Image.Image) -> str:
    """What the header says, in words. Pillow opens 16-bit RGB as `RGB`; only the decoder's raw mode tells."""
    raw = image.tile[0].args if isinstance(image, ImageFile.ImageFile) and image.tile else ""
    raw_mode = raw[0] if isinstance(raw, tuple) and raw else raw
    if isinstance(raw_mode, str) and ";16" in raw_mode and image.mode in ("RGB", "RGBA"):
        return f"16-bit {image.mode}"
    if image.mode == "RGB":
        return "RGB with a transparent colour" if "transparency" in image.info else "8-bit RGB"
    return _MODES.get(image.mode, f"mode {image.mode}")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not an image file"
    return str(error) or type(error).__name__
