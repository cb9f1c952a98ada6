"""A photo file as a picture that stands upright, and a picture as a file that keeps what the photo had."""

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from pipeline.datasets.images import other_format, raw_mode
from pipeline.errors import UserError

READ = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
"""What is written, by the end of the name."""

_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA")
_DEFECTS = (OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError, struct.error)
"""What Pillow raises for broken files, and for broken EXIF in a good one."""
_OF_THE_FILE = {
    ExifTags.Base.NewSubfileType,
    ExifTags.Base.ImageWidth,
    ExifTags.Base.ImageLength,
    ExifTags.Base.BitsPerSample,
    ExifTags.Base.Compression,
    ExifTags.Base.PhotometricInterpretation,
    ExifTags.Base.FillOrder,
    ExifTags.Base.StripOffsets,
    ExifTags.Base.SamplesPerPixel,
    ExifTags.Base.RowsPerStrip,
    ExifTags.Base.StripByteCounts,
    ExifTags.Base.PlanarConfiguration,
    ExifTags.Base.Predictor,
    ExifTags.Base.ColorMap,
    ExifTags.Base.TileWidth,
    ExifTags.Base.TileLength,
    ExifTags.Base.TileOffsets,
    ExifTags.Base.TileByteCounts,
    ExifTags.Base.SubIFDs,
    ExifTags.Base.ExtraSamples,
    ExifTags.Base.SampleFormat,
    ExifTags.Base.JPEGTables,
    ExifTags.Base.YCbCrSubSampling,
    ExifTags.Base.YCbCrPositioning,
    ExifTags.Base.ReferenceBlackWhite,
    ExifTags.Base.XMLPacket,
    ExifTags.Base.InterColorProfile,
    ExifTags.Base.ImageResources,
}
"""Tags that say how the photo's own file stores its pixels, a TIFF's above all: untrue of any other file."""
_OPTIONS: Mapping[str, Mapping[str, int]] = {
    # Measured on enlarged photos: 2.5 times as fast as zlib's own 6, and files at most 7 % longer.
    "PNG": {"compress_level": 4},
    # By default the colours' resolution is halved, which is what was just restored.
    "JPEG": {"subsampling": 0},
}
_JPEG_SIDE, _JPEG_EXIF = 65535, 65533


class PhotoError(UserError):
    """One photo cannot be upscaled; the others can."""


@dataclass(frozen=True)
class Photo:
    """What a photo file holds.

    Attributes:
        image: upright, of mode L, LA, RGB or RGBA, 8 bits a channel.
        exif: as in the file, with an orientation of 1 and without what describes that file alone.
        icc: its colour profile.
    """

    image: Image.Image
    exif: Image.Exif
    icc: bytes | None


def read_photo(path: Path) -> Photo:
    """Decode a PNG, JPEG, BMP, TIFF or WebP file, whatever its name ends with, and turn it upright.

    Grey and transparency stay; a palette becomes RGB. More than 8 bits a channel are refused and not reduced: every
    method takes and gives 8 bits, and how to bring 16 bits there (which range, which curve) is the owner's choice.
    Raises `PhotoError` for that, for CMYK, animations, several pages, and a file that cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of EXIF with a tag that cannot be read, the rest is kept
            with Image.open(path, formats=READ) as image:
                return _photo(path, image)
    except UnidentifiedImageError:
        found = _other(path) or "no picture that is known"
        raise PhotoError(f"{path}: {found}; what is read is PNG, JPEG, BMP, TIFF and WebP. Convert it.") from None
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
        raise PhotoError(f"{path}: larger than {most} megapixels. Cut it into parts first.") from None
    except PermissionError as error:
        raise PhotoError(f"{path}: cannot be read ({error.strerror}).") from None
    except _DEFECTS as error:
        raise PhotoError(f"{path}: cannot be decoded ({error}). Take a whole copy of it.") from None


def check_fits(photo: Photo, source: Path, target: Path, scale: int) -> None:
    """Raise `PhotoError` where the file format of `target` cannot hold the result."""
    if WRITTEN[target.suffix.lower()] != "JPEG":
        return
    if photo.image.mode.endswith("A"):
        raise PhotoError(f"{source}: has transparency, which JPEG cannot keep. Write a .png.")
    if max(photo.image.size) * scale > _JPEG_SIDE:
        raise PhotoError(f"{source}: would have a side of more than {_JPEG_SIDE} px, JPEG's limit. Write a .png.")
    if len(photo.exif.tobytes()) > _JPEG_EXIF:
        raise PhotoError(f"{source}: has more EXIF than the 64 KB that a JPEG can hold. Write a .png.")


def write_photo(stream: BinaryIO, image: Image.Image, photo: Photo, suffix: str, quality: int) -> None:
    """Write `image`, made of `photo`, with the photo's EXIF and colour profile; `quality` is a JPEG's."""
    details = photo.exif.get_ifd(ExifTags.IFD.Exif) if ExifTags.IFD.Exif in photo.exif else {}
    for tag, side in ((ExifTags.Base.ExifImageWidth, image.width), (ExifTags.Base.ExifImageHeight, image.height)):
        if tag in details:
            details[tag] = side
    exif = photo.exif.tobytes() if photo.exif else b""
    kind = WRITTEN[suffix.lower()]
    asked = {"quality": quality} if kind == "JPEG" else {}
    image.save(stream, format=kind, exif=exif, icc_profile=photo.icc, **_OPTIONS[kind], **asked)


def _photo(path: Path, image: Image.Image) -> Photo:
    stored = raw_mode(image)
    # The pictures beside the first of an MPO, as many phones write, are previews and depth.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise PhotoError(f"{path}: an animation, or several pages. Save the one that you want as a PNG.")
    if ";16" in stored or image.mode.startswith("I;16"):
        raise PhotoError(f"{path}: 16 bits a channel, and every method here takes and gives 8. Reduce it first.")
    if image.mode not in _GREY + _COLOUR:
        raise PhotoError(f"{path}: of the kind {image.mode}; what is read is 8-bit grey and RGB. Convert it.")
    exif = _upright(image)
    return Photo(_plain(image), exif, image.info.get("icc_profile"))


def _upright(image: Image.Image) -> Image.Exif:
    """Turn the picture as its EXIF says; what its EXIF is from then on."""
    oriented = ExifTags.Base.Orientation in image.getexif()  # before it is decoded: a TIFF is then turned already
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    exif = image.getexif()
    for tag in _OF_THE_FILE & set(exif):
        del exif[tag]
    if oriented:
        exif[ExifTags.Base.Orientation] = 1
    exif.tobytes()  # what cannot be written is found before the work, not after it
    return exif


def _plain(image: Image.Image) -> Image.Image:
    mode = ("L" if image.mode in _GREY else "RGB") + ("A" if image.has_transparency_data else "")
    return image if image.mode == mode else image.convert(mode)


def _other(path: Path) -> str:
    with path.open("rb") as stream:
        return other_format(stream.read(16))
