"""Real-ESRGAN's second-order degradation (facts/methods.md 1.8) applied: twice blur, resize, noise and JPEG.

What a sample goes through is drawn from a stream of its own (`second_order_table.draw`), the seeds of its noise
included. Samples are worked on one by one, since their sizes differ on the way; so a sample is the same alone and
in any batch.

Real-ESRGAN's training sharpens HR images before it degrades them, and takes the sharpened ones for targets of its
pixel and perceptual losses. That is its way of training, and no part of the degradation: nothing is sharpened here.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline import streams
from pipeline.degradations import jpeg, kernels
from pipeline.degradations.blur_kernels import Bell, Sinc
from pipeline.degradations.second_order_table import Drawn, DrawnPass, Mode, Noise, draw
from pipeline.streams import Purpose

GREY = (0.299, 0.587, 0.114)
"""ITU-R BT.601 luma of RGB."""


def degrade(hr: Tensor, scale: int, rngs: Sequence[np.random.Generator]) -> Tensor:
    """The LR image of each HR image.

    Args:
        hr: N x 3 x H x W in [0, 1].
        scale: whole reduction factor; 1 keeps the size.
        rngs: a stream for each image.

    Returns:
        N x 3 x H/scale x W/scale in [0, 1], rounded to 8-bit levels. Raises `ValueError` when a side is no multiple
        of `scale`.
    """
    height, width = hr.shape[2:]
    if height % scale or width % scale:
        raise ValueError(f"{width}x{height} is not a multiple of {scale}")
    size = height // scale, width // scale
    samples = zip(hr[:, None], rngs, strict=True)
    return torch.cat([apply(image, size, draw(rng)) for image, rng in samples])


def apply(image: Tensor, size: tuple[int, int], drawn: Drawn) -> Tensor:
    """A drawn degradation of one image, 1 x 3 x H x W to 1 x 3 x size[0] x size[1]."""
    height, width = image.shape[2:]
    image = _before_jpeg(image, (height, width), drawn.first)
    image = jpeg.round_trip(image, [drawn.first.quality])
    image = _before_jpeg(image, size, drawn.second)
    if drawn.jpeg_first:
        image = _final(jpeg.round_trip(image, [drawn.second.quality]), size, drawn)
    else:
        image = jpeg.round_trip(_final(image, size, drawn), [drawn.second.quality])
    return (image * 255).round().clamp(0, 255) / 255


def add_noise(image: Tensor, noise: Noise) -> Tensor:
    """One image, 1 x 3 x H x W in [0, 1], with noise, clamped. Grey noise is the same in all three channels."""
    generator = streams.torch_generator(image.device, noise.seed, Purpose.NOISE_FIELD)
    field = _gaussian_field if noise.kind == "gaussian" else _poisson_field
    return (image + noise.strength * field(_grey(image) if noise.grey else image, generator)).clamp(0, 1)


def _before_jpeg(image: Tensor, size: tuple[int, int], drawn: DrawnPass) -> Tensor:
    """Blur, resize to `size` times the drawn factor, noise."""
    image = _blurred(image, drawn.blur)
    resized = (max(int(size[0] * drawn.factor), 1), max(int(size[1] * drawn.factor), 1))
    return add_noise(_resized(image, resized, drawn.mode).clamp(0, 1), drawn.noise)


def _final(image: Tensor, size: tuple[int, int], drawn: Drawn) -> Tensor:
    return _blurred(_resized(image, size, drawn.mode), drawn.sinc)


def _blurred(image: Tensor, blur: Bell | Sinc | None) -> Tensor:
    if blur is None:
        return image
    return kernels.apply(image, torch.from_numpy(blur.kernel()).to(image)[None], 1)


def _resized(image: Tensor, size: tuple[int, int], mode: Mode) -> Tensor:
    """Bilinear and bicubic as PyTorch has them by default, without antialiasing: so it was published."""
    return functional.interpolate(image, size=size, mode=mode)


def _grey(image: Tensor) -> Tensor:
    return (image * image.new_tensor(GREY).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _gaussian_field(image: Tensor, generator: torch.Generator) -> Tensor:
    """Of standard deviation 1 in 8-bit levels, in the shape of the image."""
    return torch.randn(image.shape, generator=generator, device=image.device, dtype=image.dtype) / 255


def _poisson_field(image: Tensor, generator: torch.Generator) -> Tensor:
    """What photon counts deviate from an image whose white is as many photons as the image has different levels,
    rounded up to a power of two."""
    levels = (image * 255).round()
    seen = torch.zeros(256, device=image.device).scatter(0, levels.long().flatten(), 1.0)
    white = torch.exp2(torch.log2(seen.sum()).ceil()).to(image.dtype)
    return torch.poisson(levels / 255 * white, generator=generator) / white - levels / 255
