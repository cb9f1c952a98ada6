"""The JPEG round trip as tensor operations: what libjpeg's default settings do to a photograph.

RGB to YCbCr, chroma halved both ways (4:2:0), 8 x 8 discrete cosine transform, division by the standard tables of
ITU-T T.81 Annex K scaled to a quality as libjpeg scales them, rounding, and back, with libjpeg's smooth ("fancy")
chroma upsampling. Entropy coding loses nothing and is left out.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)
"""Tables K.1 and K.2 of ITU-T T.81."""

TO_YCBCR = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
"""ITU-R BT.601 at full range, as JFIF has it; Cb and Cr are about 128."""


def round_trip(images: Tensor, qualities: Sequence[float]) -> Tensor:
    """Compress and decompress each image with its own quality.

    Args:
        images: N x 3 x H x W in [0, 1], RGB, of any size; rounded to 8 bits first.
        qualities: one for each image, 1 (worst) to 100; whole numbers are libjpeg's.

    Returns:
        N x 3 x H x W in [0, 1], rounded to 8-bit levels.
    """
    height, width = images.shape[2:]
    luma, chroma = _ycbcr(_padded((images * 255).round().clamp(0, 255)))
    luma = _coded(luma, _tables(LUMINANCE, qualities, images))
    chroma = _coded(functional.avg_pool2d(chroma, 2).round(), _tables(CHROMINANCE, qualities, images))
    smooth = functional.interpolate(chroma, scale_factor=2, mode="bilinear").round()
    return _rgb(luma, smooth)[:, :, :height, :width] / 255


def table(base: tuple[tuple[int, ...], ...], quality: float) -> list[list[int]]:
    """A quantisation table of Annex K scaled to a quality, 1 to 255, by libjpeg's formula."""
    percent = math.floor(5000 / quality) if quality < 50 else 200 - 2 * quality
    return [[min(max(math.floor((step * percent + 50) / 100), 1), 255) for step in row] for row in base]


def _tables(base: tuple[tuple[int, ...], ...], qualities: Sequence[float], like: Tensor) -> Tensor:
    """One table for each image: N x 1 x 1 x 1 x 8 x 8."""
    return like.new_tensor([table(base, quality) for quality in qualities])[:, None, None, None]


def _padded(levels: Tensor) -> Tensor:
    """Continued to whole blocks of 16 x 16 (one of halved chroma) with the last row and column, as libjpeg does."""
    height, width = levels.shape[2:]
    return functional.pad(levels, (0, -width % 16, 0, -height % 16), mode="replicate")


def _ycbcr(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Luma N x 1 x H x W and chroma N x 2 x H x W, in 8-bit levels about 0."""
    red, green, blue = rgb.unbind(1)
    y, cb, cr = (r * red + g * green + b * blue for r, g, b in TO_YCBCR)
    return (y.round() - 128)[:, None], torch.stack([cb.round(), cr.round()], 1)


def _rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    y, (cb, cr) = luma[:, 0] + 128, chroma.unbind(1)
    rgb = torch.stack([y + 1.402 * cr, y - 0.344136286 * cb - 0.714136286 * cr, y + 1.772 * cb], 1)
    return rgb.round().clamp(0, 255)


def _coded(plane: Tensor, tables: Tensor) -> Tensor:
    """Planes N x C x H x W, in levels about 0, after transform, quantisation and the way back.

    In float64: products of lower precision, which a training may ask for, would round to other coefficients.
    """
    basis = _dct().to(plane.device)
    count, channels, height, width = plane.shape
    blocks = plane.double().reshape(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    coefficients = (basis @ blocks @ basis.mT / tables).round() * tables
    decoded = torch.matmul(basis.mT @ coefficients, basis).transpose(3, 4).reshape(plane.shape)
    return decoded.round().clamp(-128, 127).to(plane.dtype)


def _dct() -> Tensor:
    """The orthonormal DCT-II of 8 samples, a row for each frequency."""
    frequency, sample = torch.meshgrid(*[torch.arange(8, dtype=torch.float64)] * 2, indexing="ij")
    basis = torch.cos((2 * sample + 1) * frequency * math.pi / 16) / 2
    basis[0] /= math.sqrt(2)
    return basis
