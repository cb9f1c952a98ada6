"""Whatever bytes a file holds: the picture as it is stored, or a refusal that names the file. Nothing else."""

import struct
import subprocess
import sys
import warnings
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.datasets.images import read_rgb
from pipeline.errors import UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
ROWS = b"".join(b"\0" + row.tobytes() for row in PIXELS)


def chunk(name, body=b""):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width=32, height=24, depth=8, colour=2, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


END = chunk(b"IEND")
STREAM = zlib.compress(ROWS)
IMAGE = chunk(b"IDAT", STREAM)


def png(*chunks, head=None, end=END):
    """A PNG of `PIXELS`, as far as its header and chunks do not say otherwise."""
    return SIGNATURE + (head or header()) + b"".join(chunks) + end


def saved(picture=PICTURE, kind="PNG", **how):
    stream = BytesIO()
    picture.save(stream, kind, **how)
    return stream.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def interlaced():
    """Adam7, pass by pass: what neither Pillow nor OpenCV writes."""
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    passes = (PIXELS[top::down, left::right] for top, left, down, right in starts)
    rows = b"".join(b"\0" + row.tobytes() for rows in passes for row in rows)
    return png(chunk(b"IDAT", zlib.compress(rows)), head=header(interlace=1))


def sixteen_bit(channels):
    return cv2.imencode(".png", np.zeros((4, 5, channels), np.uint16))[1].tobytes()


def five_bit_bmp():
    """16 bits a pixel: 5 each of red, green and blue."""
    size = struct.pack("<IiiHHIIiiII", 40, 32, 24, 1, 16, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 1536, 0, 0, 54) + size + bytes(1536)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("images") / "001H.png"


def read(file, data, alone=False):
    """The pixels, or the refusal as text; a warning fails the test."""
    file.write_bytes(data)
    with warnings.catch_warnings(action="error"):
        try:
            return read_rgb(file, alone=alone)
        except UserError as refusal:
            message = str(refusal)
    assert message.startswith(f"{file}: ")
    assert "etch" in message
    return message


WHOLE = {
    "plain": png(IMAGE),
    "pixels in two chunks": png(chunk(b"IDAT", STREAM[:50]), chunk(b"IDAT", STREAM[50:])),
    "interlaced": interlaced(),
    "a palette is a suggestion in RGB": png(chunk(b"PLTE", b"abcdef"), IMAGE),
    "gamma is not applied": png(chunk(b"gAMA", struct.pack(">I", 100000)), IMAGE),
    "a profile is not applied": png(chunk(b"iCCP", b"p\0\0" + zlib.compress(b"x" * 200)), IMAGE),
    "an unreadable profile": png(chunk(b"iCCP", b"p\0\0xxxx"), IMAGE),
    "text that is not compressed as it says": png(chunk(b"zTXt", b"p\0\0xxxx"), IMAGE),
    "upright by its EXIF": png(chunk(b"eXIf", exif(1).tobytes()[6:]), IMAGE),
    "an orientation that does not exist": png(chunk(b"eXIf", exif(9).tobytes()[6:]), IMAGE),
    "something after the end": png(IMAGE) + b"and more",
    "bitmap": saved(kind="BMP"),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_whole_file_gives_the_stored_pixels(file, data):
    np.testing.assert_array_equal(read(file, data), PIXELS)


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"subsampling": 0}, {"exif": exif(1)}], ids=" ".join)
def test_a_jpeg_decodes_as_another_library_decodes_it(file, how):
    smooth = cv2.GaussianBlur(PIXELS, (0, 0), 3)
    data = saved(Image.fromarray(smooth), "JPEG", quality=95, **how)
    other = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    np.testing.assert_allclose(read(file, data).astype(int), other, atol=2)


def test_of_a_jpeg_with_a_preview_behind_it_the_picture_is_read(file):
    data = saved(PICTURE, "MPO", save_all=True, append_images=[PICTURE.resize((8, 6))])
    np.testing.assert_array_equal(read(file, data), read(file, saved(PICTURE, "JPEG")))


OTHER = {
    "grey": (saved(PICTURE.convert("L")), "grey"),
    "grey JPEG": (saved(PICTURE.convert("L"), "JPEG"), "grey"),
    "CMYK JPEG": (saved(PICTURE.convert("CMYK"), "JPEG"), "CMYK"),
    "black and white": (saved(PICTURE.convert("1")), "black and white"),
    "palette": (saved(PICTURE.convert("P")), "palette"),
    "palette with transparency": (saved(PICTURE.convert("P"), transparency=0), "palette"),
    "alpha": (saved(PICTURE.convert("RGBA")), "RGB with alpha"),
    "grey with alpha": (saved(PICTURE.convert("LA")), "grey with alpha"),
    "transparent colour": (png(chunk(b"tRNS", b"\0\1\0\2\0\3"), IMAGE), "RGB with a transparent colour"),
    "told late": (png(IMAGE, chunk(b"tRNS", b"\0\1\0\2\0\3")), "RGB with a transparent colour"),
    "16-bit": (sixteen_bit(3), "16-bit RGB"),
    "16-bit with alpha": (sixteen_bit(4), "16-bit RGBA"),
    "16-bit grey": (sixteen_bit(1), "16-bit grey"),
    "5-bit": (five_bit_bmp(), "15-bit RGB"),
    "4-bit grey": (
        png(chunk(b"IDAT", zlib.compress(bytes(24 * 17))), head=header(depth=4, colour=0)),
        "4-bit grey",
    ),
    "animated": (saved(save_all=True, append_images=[Image.fromarray(255 - PIXELS)]), "an animation"),
    "frames that are missing": (png(chunk(b"acTL", struct.pack(">II", 2, 0)), IMAGE), "an animation"),
    "GIF": (saved(kind="GIF"), "a GIF file"),
    "WebP": (saved(kind="WEBP", lossless=True), "a WebP file"),
    "TIFF": (saved(kind="TIFF"), "a TIFF file"),
    "AVIF": (saved(kind="AVIF"), "a HEIC or AVIF file"),
}


@pytest.mark.parametrize(("data", "found"), OTHER.values(), ids=OTHER)
def test_what_is_not_8_bit_rgb_is_named(file, data, found):
    assert f"{file}: found {found}, expected 8-bit RGB in a PNG, JPEG or BMP file" in read(file, data)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_viewers_turn_is_neither_turned_nor_left(file, kind, orientation):
    message = read(file, saved(kind=kind, exif=exif(orientation)))
    assert f"found a picture that viewers turn (EXIF orientation {orientation})" in message


def test_an_orientation_behind_the_pixels_counts_as_one_before_them(file):
    assert "EXIF orientation 6" in read(file, png(IMAGE, chunk(b"eXIf", exif(6).tobytes()[6:])))


BROKEN = {
    "empty": (b"", "not an image file"),
    "text": (b"hello world\n" * 20, "not an image file"),
    "zeros": (bytes(1000), "not an image file"),
    "signature alone": (SIGNATURE, "not an image file"),
    "wider than its rows": (png(IMAGE, head=header(width=33)), "unrecognized data"),
    "narrower than its rows": (png(IMAGE, head=header(width=31)), "unrecognized data"),
    "higher than its rows": (png(IMAGE, head=header(height=25)), "does not hold the pixels of 32x25"),
    "lower than its rows": (png(IMAGE, head=header(height=23)), "does not hold the pixels of 32x23"),
    "no width": (png(IMAGE, head=header(width=0)), "not an image file"),
    "wider than PNG allows": (png(IMAGE, head=header(width=2**32 - 1)), "exceeds limit"),
    "bomb": (png(IMAGE, head=header(100_000, 100_000)), "exceeds limit"),
    "more pixels than Pillow likes": (png(IMAGE, head=header(10_000, 10_000)), "exceeds limit"),
    "RGB of 4 bits": (png(IMAGE, head=header(depth=4)), "not an image file"),
    "grey that is RGB": (png(IMAGE, head=header(colour=0)), "unrecognized data"),
    "interlaced by its header alone": (png(IMAGE, head=header(interlace=1)), "unrecognized data"),
    "pixels' checksum": (png(IMAGE[:-4] + b"crc!"), "chunk IDAT has a wrong checksum"),
    "header's checksum": (png(IMAGE, head=header()[:-4] + b"crc!"), "not an image file"),
    "stream's checksum": (png(chunk(b"IDAT", STREAM[:-4] + b"adl!")), "broken data stream"),
    "stream without its checksum": (png(chunk(b"IDAT", STREAM[:-4])), "does not hold the pixels"),
    "no end": (png(IMAGE, end=b""), "ends before its end chunk"),
    "half an end": (png(IMAGE, end=END[:6]), "ends before its end chunk"),
    "no header": (SIGNATURE + IMAGE + END, "not an image file"),
    "header last": (SIGNATURE + IMAGE + header() + END, "cannot load"),
    "two headers": (png(header(width=16), IMAGE), "unrecognized data"),
    "no pixels": (png(), "cannot load"),
    "text between pixels": (
        png(chunk(b"IDAT", STREAM[:50]), chunk(b"tEXt", b"a\0b"), chunk(b"IDAT", STREAM[50:])),
        "truncated",
    ),
    "a chunk of 2 GB": (SIGNATURE + header() + struct.pack(">I", 2**31 - 1) + b"tEXt" + bytes(99), "Truncated"),
    "text of 5 MB in 5 kB": (png(chunk(b"zTXt", b"p\0\0" + zlib.compress(bytes(5 << 20))), IMAGE), "too large"),
    "gamma without a value": (png(chunk(b"gAMA", b"a"), IMAGE), "gAMA"),
    "EXIF that is none": (png(chunk(b"eXIf", b"garbage"), IMAGE), "not a TIFF file"),
    "animation of no frame": (png(chunk(b"acTL", bytes(8)), IMAGE), "Invalid APNG"),
    "JPEG filled up with zeros": (saved(kind="JPEG")[:700] + bytes(400), "the JPEG has no end"),
    "and with an end in a comment": (saved(kind="JPEG", comment=b"\xff\xd9")[:700] + bytes(400), "no end"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_the_reason(file, data, reason):
    message = read(file, data)
    assert message.startswith(f"{file}: cannot be decoded (")
    assert reason in message


@pytest.mark.parametrize(
    "data",
    [
        png(IMAGE),
        interlaced(),
        saved(kind="JPEG", exif=exif(1)),
        saved(kind="JPEG", progressive=True),
        saved(kind="BMP"),
    ],
    ids=["PNG", "interlaced PNG", "JPEG", "progressive JPEG", "BMP"],
)
def test_a_file_cut_short_anywhere_is_refused(file, data):
    for length in range(len(data)):
        assert "cannot be decoded" in read(file, data[:length]), length


@pytest.mark.parametrize("data", [png(IMAGE), interlaced()], ids=["plain", "interlaced"])
def test_no_changed_byte_changes_a_pixel_of_a_png(file, data):
    changed = bytearray(data)
    for place in range(len(data)):
        changed[place] ^= 1 << place % 8
        found = read(file, bytes(changed))
        assert isinstance(found, str) or np.array_equal(found, PIXELS), place
        changed[place] = data[place]


FILES = (
    png(chunk(b"tEXt", b"a\0b"), chunk(b"eXIf", exif(1).tobytes()[6:]), IMAGE),
    interlaced(),
    saved(save_all=True, append_images=[Image.fromarray(255 - PIXELS)]),
    saved(PICTURE.convert("P"), transparency=0),
    saved(kind="JPEG", exif=exif(6)),
    saved(kind="JPEG", progressive=True, comment="a comment"),
    saved(PICTURE.convert("CMYK"), "JPEG"),
    saved(PICTURE.convert("L"), exif=exif(5)),
    saved(PICTURE.convert("L"), "JPEG"),
    saved(PICTURE, "MPO", save_all=True, append_images=[PICTURE]),
    saved(kind="BMP"),
    five_bit_bmp(),
)
CHANGE = st.tuples(st.integers(0, 2**16), st.binary(max_size=6), st.integers(0, 8))


def spoiled(data, changes):
    """`data` with each (place, new bytes, number of bytes they replace) applied."""
    for place, new, length in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + length :]
    return data


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(FILES), st.lists(CHANGE, max_size=4), st.booleans())
@example(FILES[0], [], False)
def test_a_spoiled_file_is_a_picture_or_a_refusal(file, data, changes, alone):
    found = read(file, spoiled(data, changes), alone)
    assert isinstance(found, str) or (found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from((b"", SIGNATURE, SIGNATURE + header(), b"\xff\xd8\xff\xe1", b"BM")), st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_a_refusal(file, start, data):
    found = read(file, start + data)
    assert isinstance(found, str) or (found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3)


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none.png", "missing")):
        with pytest.raises(UserError, match=reason) as refusal:
            read_rgb(path)
        assert str(refusal.value).startswith(str(path))


def test_decoders_write_nothing_to_the_terminal(tmp_path, root):
    """In a process of its own, as C libraries write to the terminal past Python."""
    files = [*(data for data, _ in BROKEN.values()), *(data for data, _ in OTHER.values())]
    jpeg = saved(kind="JPEG")
    files += [spoiled(jpeg, [(place, b"\xff\x00", 2)]) for place in range(20, len(jpeg), 7)]
    for number, data in enumerate(files):
        (tmp_path / f"{number}.png").write_bytes(data)
    code = (
        "import sys; from pathlib import Path; from pipeline.datasets.images import read_rgb\n"
        "from pipeline.errors import UserError\n"
        "for file in Path(sys.argv[1]).iterdir():\n"
        "    try: read_rgb(file)\n"
        "    except UserError: pass\n"
        "print('done')"
    )
    command = [sys.executable, "-c", code, tmp_path]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("done\n", "")
