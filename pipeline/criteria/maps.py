"""The paper's criteria as unreduced maps: B x 1 x H x W, zero where the image is perfect, larger is worse.

Images are B x 3 x H x W, values in [0, 1]. Readings and evidence: facts/methods.md 2.5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_C1 = 0.01**2
SSIM_C2 = 0.03**2


def pix(image: Tensor, target: Tensor) -> Tensor:
    """C_pix: the absolute difference, averaged over the channels."""
    return (image - target).abs().mean(dim=1, keepdim=True)


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


def perceptual(features: Tensor, target: Tensor, size: torch.Size) -> Tensor:
    """C_perc: absolute difference of two feature maps, averaged over channels, brought to `size` bilinearly."""
    return at_size((features - target).abs().mean(dim=1, keepdim=True), size)


def adversarial(fake: Tensor, real: Tensor, size: torch.Size) -> Tensor:
    """C_adv: the generator's relativistic-average loss at each location of the discriminator's logit map.

    Its mean before resizing is ESRGAN's generator loss: half of BCE(D(real) - E[D(fake)], 0) plus
    BCE(D(fake) - E[D(real)], 1). Logits are B x 1 x h x w.
    """
    return at_size(relativistic_generator(fake, real), size)


def relativistic_generator(fake: Tensor, real: Tensor) -> Tensor:
    """The relativistic-average generator loss at each logit (BCE written as softplus, stable at any logit)."""
    return (F.softplus(real - fake.mean()) + F.softplus(real.mean() - fake)) / 2


def relativistic_discriminator(fake: Tensor, real: Tensor) -> Tensor:
    """The relativistic-average discriminator loss at each logit: the generator's with the roles exchanged."""
    return relativistic_generator(fake=real, real=fake)


def at_size(criterion: Tensor, size: torch.Size) -> Tensor:
    """A criterion map resized bilinearly to H x W."""
    if criterion.shape[-2:] == size:
        return criterion
    return F.interpolate(criterion, size=tuple(size), mode="bilinear", align_corners=False)


def _smooth(x: Tensor) -> Tensor:
    """Each channel under the normalised Gaussian window, same size, borders reflected."""
    half = SSIM_WINDOW // 2
    position = torch.arange(-half, half + 1, dtype=x.dtype, device=x.device)
    window = torch.exp(-(position**2) / (2 * SSIM_SIGMA**2))
    window = (window / window.sum()).expand(x.shape[1], 1, -1)
    x = F.pad(x, (half, half, half, half), mode="reflect")
    x = F.conv2d(x, window[:, :, None, :], groups=x.shape[1])
    return F.conv2d(x, window[:, :, :, None], groups=x.shape[1])
