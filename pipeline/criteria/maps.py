"""The paper's criteria as unreduced maps: B x 1 x H x W, zero where the image is perfect, larger is worse.

C_pix, C_ssim and C_perc are here, C_adv in `adversarial`. Images are B x 3 x H x W, values in [0, 1]. Readings and
evidence: facts/methods.md 2.5.

A criterion of your own is one more function of (image, target) marked `@criterion`: params.yaml then knows it by
its name, as an anchor, a positive or a negative.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.networks.grid import Grid

L2_EPSILON = 1e-6
"""Rounds the tip of the L2 norm, whose gradient has no limit at zero."""
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_C1 = 0.01**2
SSIM_C2 = 0.03**2


OfImages = Callable[[Tensor, Tensor], Tensor]
OF_IMAGES: dict[str, OfImages] = {}
"""The criteria that need nothing but the image and its ground truth, by name."""


def criterion(function: OfImages) -> OfImages:
    """Mark a function of image and target, B x 3 x H x W, to a map, B x 1 x H x W; params.yaml then knows it."""
    OF_IMAGES[function.__name__] = function
    return function


def pix(image: Tensor, target: Tensor) -> Tensor:
    """C_pix (L1): the absolute difference, averaged over the channels."""
    return (image - target).abs().mean(dim=1, keepdim=True)


def pix_l2(image: Tensor, target: Tensor) -> Tensor:
    """C_pix as the paper's text writes it: the Euclidean norm over the channels, rounded at zero."""
    squares = ((image - target) ** 2).sum(dim=1, keepdim=True)
    return (squares + L2_EPSILON**2).sqrt() - L2_EPSILON


@criterion
def ssim(image: Tensor, target: Tensor) -> Tensor:
    """C_ssim: 1 - SSIM per pixel (Gaussian 11 x 11, sigma 1.5, reflected borders), averaged over the channels.

    Range [0, 2]. Raises a torch error for images smaller than 6 px (reflection of 5 px).
    """
    mu_x, mu_y = _smooth(image), _smooth(target)
    var_x = _smooth(image * image) - mu_x**2
    var_y = _smooth(target * target) - mu_y**2
    covariance = _smooth(image * target) - mu_x * mu_y
    luminance = (2 * mu_x * mu_y + SSIM_C1) / (mu_x**2 + mu_y**2 + SSIM_C1)
    structure = (2 * covariance + SSIM_C2) / (var_x + var_y + SSIM_C2)
    return (1 - luminance * structure).mean(dim=1, keepdim=True)


def perceptual(features: Tensor, target: Tensor) -> Tensor:
    """C_perc: absolute difference of two feature maps, averaged over channels, at the features' size."""
    return (features - target).abs().mean(dim=1, keepdim=True)


def at_size(criterion: Tensor, size: torch.Size) -> Tensor:
    """A criterion map whose values are means over equal cells of the image, bilinearly at its size H x W."""
    if criterion.shape[-2:] == size:
        return criterion
    return F.interpolate(criterion, size=tuple(size), mode="bilinear", align_corners=False)


def on_image(criterion: Tensor, size: torch.Size, grid: Grid) -> Tensor:
    """A criterion map whose values lie at `grid` in the image, bilinearly between them, at the image's size H x W.

    Outside the outermost centres the nearest value goes on.
    """
    if criterion.shape[-2:] == size:
        return criterion
    height, width = size
    return _interpolated(_interpolated(criterion, width, grid).mT, height, grid).mT


def _interpolated(criterion: Tensor, pixels: int, grid: Grid) -> Tensor:
    """The last axis, whose values lie at `grid`, at every pixel."""
    last = criterion.shape[-1] - 1
    pixel = torch.arange(pixels, dtype=criterion.dtype, device=criterion.device)
    place = ((pixel - grid.first) / grid.step).clamp(0, last)
    before = place.long()
    after = (before + 1).clamp(max=last)
    # Selected, not multiplied by a matrix: cuBLAS promises no equal bits.
    return torch.lerp(criterion.index_select(-1, before), criterion.index_select(-1, after), place - before)


def _smooth(x: Tensor) -> Tensor:
    """Each channel under the normalised Gaussian window, same size, borders reflected."""
    half = SSIM_WINDOW // 2
    position = torch.arange(-half, half + 1, dtype=x.dtype, device=x.device)
    window = torch.exp(-(position**2) / (2 * SSIM_SIGMA**2))
    window = (window / window.sum()).expand(x.shape[1], 1, -1)
    x = F.pad(x, (half, half, half, half), mode="reflect")
    x = F.conv2d(x, window[:, :, None, :], groups=x.shape[1])
    return F.conv2d(x, window[:, :, :, None], groups=x.shape[1])
