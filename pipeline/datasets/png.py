"""What Pillow does not check of a PNG: the checksums of its pixels, its end, and that all its rows are there.

Pillow leaves rows that are missing black. Chunks, checksums, filtered rows and Adam7 passes are those of the PNG
specification (ISO/IEC 15948).
"""

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE_LENGTH = 8
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, row step and column step of each pass of an interlaced image."""


def check(data: bytes, height: int, width: int, channels: int, interlaced: bool) -> None:
    """Raise `ValueError` unless the file of an 8-bit image is whole.

    Args:
        data: the file's bytes, whose header Pillow has accepted.
        height: of the decoded image, in pixels.
        width: of the decoded image, in pixels.
        channels: bytes a pixel.
        interlaced: whether the rows come in the seven passes of Adam7.
    """
    try:
        rows = b"".join(body for name, body in _chunks(data) if name == b"IDAT")
    except struct.error:
        raise ValueError("the PNG ends before its end chunk") from None
    expected = sum(_lengths(height, width, channels, _ADAM7 if interlaced else ((0, 0, 1, 1),)))
    inflate = zlib.decompressobj()
    try:
        found = len(inflate.decompress(rows, expected + 1))  # one more than expected is enough to be wrong
    except zlib.error:
        raise ValueError("the PNG's pixels are damaged") from None
    if found != expected or not inflate.eof:
        raise ValueError(f"the PNG does not hold the pixels of {width}x{height}, no more and no less")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of every chunk. Raises `struct.error` where the file ends early."""
    name, position = b"", _SIGNATURE_LENGTH
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(data[position + 4 : end]) != checksum:
            raise ValueError(f"the PNG's chunk {name.decode('ascii', 'replace')} has a wrong checksum")
        yield name, data[position + 8 : end]
        position = end + 4


def _lengths(
    height: int, width: int, channels: int, passes: tuple[tuple[int, int, int, int], ...]
) -> Iterator[int]:
    """Bytes of each pass: a row is its filter's number and its pixels; a pass without columns has no rows."""
    for top, left, down, right in passes:
        rows, columns = len(range(top, height, down)), len(range(left, width, right))
        yield rows * (1 + channels * columns) if columns else 0
