"""KernelGAN (facts/methods.md 1.4): the kernel by which one photograph would be reduced and still look like itself.

A linear generator halves crops of the photograph; a discriminator tells the result from crops of the photograph
itself. What the generator has learned is a 13 x 13 kernel for a reduction by 2, from which one by 4 follows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from pipeline import streams
from pipeline.degradations import bicubic
from pipeline.errors import UserError
from pipeline.optimisers import Adam
from pipeline.progress import progress
from pipeline.streams import Purpose

Kernel = NDArray[np.float64]

LAYERS = (7, 5, 3, 1, 1, 1)
"""Kernel sizes of the generator's convolutions; together they see KERNEL x KERNEL pixels."""

WIDTH = 64
KERNEL = 13
PATCH = 7
"""Side of what the discriminator sees at a time."""

CROP = 64
HALVED = (CROP - KERNEL) // 2 + 1
"""Side of the generator's output, and so of the discriminator's crops."""

RATE, BETAS = 2e-4, (0.5, 0.999)
RATE_STEP = 750
"""Both learning rates fall to a tenth every so many iterations."""

BORDER_PENALTY = 30.0
SUPPORT = 16
"""Side of the x2 kernel once it is centred: even, so that its middle is that of a 2 x 2 block."""

KEPT = 40
"""Of the kernel stays what is above 0.75 of its 40th largest weight."""


@dataclass
class Weights:
    """The weights of the generator's losses, and their schedule.

    Published is a schedule that begins after three bicubic losses under 0.4 in a row. A generator that has not yet
    grown out of its initial zero has such losses too, and the discriminator's batch normalisation makes so much of
    next to nothing that some trainings never grow at all. So here the kernel must sum to about 1 as well, and until
    then, for some 40 iterations, the discriminator's opinion does not count.
    """

    gan: float = 0.0
    bicubic: float = 5.0
    sum: float = 0.5
    boundaries: float = 0.5
    centre: float = 0.0
    sparse: float = 0.0
    close_in_a_row: int = 0

    def update(self, iteration: int, bicubic_loss: float, total: float) -> None:
        """After iteration 1, 2, ..., with the bicubic loss and the kernel's sum that it had."""
        if not self.gan:
            close = bicubic_loss < 0.4 and abs(1 - total) < 0.1
            self.close_in_a_row = self.close_in_a_row + 1 if close else 0
            self.gan = float(self.close_in_a_row == 3)
        elif iteration % 200 == 0:
            self.bicubic = max(self.bicubic / 100, 5e-6)
            if self.bicubic < 5e-3:
                self.centre, self.sparse = 1.0, 5.0


class Generator(nn.Module):
    """Convolutions without bias or activation, the last of stride 2: one kernel, in a form that learns well.

    Being linear, they are worked out on the kernel rather than on the image: the same function and gradients, for a
    small part of the work.
    """

    def __init__(self) -> None:
        super().__init__()
        widths = [1, *[WIDTH] * (len(LAYERS) - 1), 1]
        shapes = zip(widths[1:], widths[:-1], LAYERS, LAYERS, strict=True)
        self.weights = nn.ParameterList(nn.init.xavier_normal_(torch.empty(shape), 0.1) for shape in shapes)

    def forward(self) -> Tensor:
        """The KERNEL x KERNEL kernel that the convolutions amount to, to be correlated with an image."""
        response = functional.pad(self.weights[0].new_ones(1, 1, 1, 1), [KERNEL - 1] * 4)
        for weight in self.weights:
            response = functional.conv2d(response, weight)
        return response[0, 0].flip(0, 1)


class Discriminator(nn.Sequential):
    """1 x 3 x H x W in [-1, 1] to a map of how real each PATCH x PATCH window looks, 0 to 1."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [_normed(3, WIDTH, PATCH)]
        for _ in range(5):
            norm = nn.BatchNorm2d(WIDTH)
            nn.init.normal_(norm.weight, 1.0, 0.02)
            layers += [_normed(WIDTH, WIDTH, 1), norm, nn.ReLU()]
        super().__init__(*layers, _normed(WIDTH, 1, 1), nn.Sigmoid())


def estimate(
    image: NDArray[np.uint8], seed: int, iterations: int, device: str | torch.device = "cpu"
) -> NDArray[np.float32]:
    """The blur kernel of a photograph for a reduction by 4, for use by `kernels.apply`.

    Args:
        image: H x W x 3, each side at least CROP.
        seed: decides crops, weights and noise; on a CPU the kernel is a function of image, seed and iterations.
        iterations: 3000 as published.

    Returns:
        30 x 30, of 0 or more, its sum 1 and its centre of mass in the middle. Raises `UserError` when the image is
        too small.
    """
    if min(image.shape[:2]) < CROP:
        raise UserError(
            f"KernelGAN needs an image of at least {CROP}x{CROP} pixels, not {image.shape[1]}x{image.shape[0]}: "
            "give it larger photographs to estimate kernels from."
        )
    return by_four(processed(learn(image, seed, iterations, device))).astype(np.float32)


def learn(image: NDArray[np.uint8], seed: int, iterations: int, device: str | torch.device = "cpu") -> Kernel:
    """The generator's KERNEL x KERNEL kernel after training on one photograph (as for `estimate`)."""
    place = _content(image)
    with streams.torch_weights(seed, Purpose.KERNELGAN_WEIGHTS, place):
        generator, discriminator = Generator().to(device), Discriminator().to(device)
    noise, weights = streams.torch_generator(device, seed, Purpose.KERNELGAN_NOISE, place), Weights()
    optimisers = [Adam(net.parameters(), RATE, BETAS) for net in (generator, discriminator)]
    schedules = [torch.optim.lr_scheduler.StepLR(optimiser, RATE_STEP) for optimiser in optimisers]
    with progress("KernelGAN", iterations) as meter:
        for iteration, (large, real) in enumerate(crops(image, seed, iterations, device), 1):
            kernel = generator()
            halved = halve(large, kernel)
            similar = functional.mse_loss(halved, _bicubic(large))
            caught = 1 - discriminator(halved).mean()
            _step(optimisers[0], weights.gan * caught + weights.bicubic * similar + _prior(kernel, weights))
            with torch.no_grad():
                fake = _noisy(halve(large, generator()), noise)
            told = discriminator(fake).mean() + 1 - discriminator(_noisy(real, noise)).mean()
            _step(optimisers[1], told / 2)
            for schedule in schedules:
                schedule.step()
            weights.update(iteration, similar.item(), kernel.sum().item())
            meter.update()
    return np.asarray(generator().detach().cpu().numpy(), np.float64)


def halve(crop: Tensor, kernel: Tensor) -> Tensor:
    """1 x 3 x CROP x CROP to 1 x 3 x HALVED x HALVED, without what lies beyond the border."""
    return functional.conv2d(crop.transpose(0, 1), kernel[None, None], stride=2).transpose(0, 1)


def processed(kernel: Kernel) -> Kernel:
    """A raw x2 kernel without its negligible weights, moved into the middle of SUPPORT x SUPPORT; its sum is 1."""
    strong = np.clip(kernel - 0.75 * np.sort(kernel, axis=None)[-KEPT], 0, None)
    centred = np.pad(strong, [(1, SUPPORT - KERNEL - 1)] * 2)
    # More than once: a move loses what it pushes over the border and what its spline undershoots by.
    for _ in range(3):
        move = (SUPPORT - 1) / 2 - np.array(ndimage.center_of_mass(centred))
        centred = np.clip(ndimage.shift(centred, move), 0, None)
    return np.asarray(centred / centred.sum(), np.float64)


def by_four(kernel: Kernel) -> Kernel:
    """The kernel of reducing by 2 twice, of side 3k - 2, less the k // 2 outermost pixels on each side."""
    side = len(kernel)
    twice = np.zeros((3 * side - 2, 3 * side - 2))
    for (row, column), weight in np.ndenumerate(kernel):
        twice[2 * row : 2 * row + side, 2 * column : 2 * column + side] += weight * kernel
    inner = twice[side // 2 : -(side // 2), side // 2 : -(side // 2)]
    return np.asarray(inner / inner.sum(), np.float64)


def crops(
    image: NDArray[np.uint8], seed: int, iterations: int, device: str | torch.device
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each iteration a crop to reduce, 1 x 3 x CROP x CROP, and one to be like, of side HALVED; in [-1, 1].

    They are drawn where the image has much gradient: the first by that of the halved image.
    """
    height, width = (side - side % 2 for side in image.shape[:2])
    whole = torch.from_numpy(image[:height, :width].astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
    halved = detail(_grey(bicubic.downscale(whole, 2))).repeat(2, axis=0).repeat(2, axis=1)
    rng = streams.generator(seed, Purpose.KERNELGAN_CROPS, _content(image))
    larges = _corners(halved, CROP, iterations, rng)
    reals = _corners(detail(_grey(whole)), HALVED, iterations, rng)
    whole = whole.to(device)
    for (top, left), (y, x) in zip(larges, reals, strict=True):
        yield whole[..., top : top + CROP, left : left + CROP], whole[..., y : y + HALVED, x : x + HALVED]


def detail(grey: NDArray[np.float64], window: int = 5, share: float = 0.03) -> NDArray[np.float64]:
    """How many of the `share` of steepest pixels (down, across, in magnitude) each pixel's `window` holds."""
    down, across = np.gradient(grey)
    total = np.zeros_like(grey)
    for steepness in (abs(down), abs(across), np.hypot(down, across)):
        inner = np.zeros_like(grey)
        inner[window:-window, window:-window] = steepness[window:-window, window:-window]
        strong = inner > np.quantile(inner, 1 - share)
        total += strong / max(strong.sum(), 1)
    return np.asarray(ndimage.uniform_filter(total, window, mode="constant"), np.float64)


def _corners(detail: NDArray[np.float64], side: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Even top left corners of crops, count x 2, drawn by the detail about their centres."""
    height, width = detail.shape
    likely = ndimage.uniform_filter(detail, side // 2, mode="constant")[
        side // 2 : height - side // 2 + 1, side // 2 : width - side // 2 + 1
    ]
    likely = likely + 1e-12  # a picture without any detail is drawn from evenly
    places = rng.choice(likely.size, count, p=(likely / likely.sum()).flatten())
    corners = np.stack(np.unravel_index(places, likely.shape), axis=1)
    return np.asarray(corners - corners % 2, np.int64)


def _content(image: NDArray[np.uint8]) -> str:
    """What tells the streams of two photographs apart, wherever they lie."""
    return sha256(image.tobytes()).hexdigest()


def _grey(image: Tensor) -> NDArray[np.float64]:
    red, green, blue = image[0].double().numpy()
    return np.asarray(0.299 * red + 0.587 * green + 0.114 * blue, np.float64)


def _bicubic(large: Tensor) -> Tensor:
    """What bicubic reduction makes of the pixels that the generator sees."""
    edge = (CROP // 2 - HALVED) // 2
    return bicubic.downscale(large, 2)[..., edge:-edge, edge:-edge]


def _prior(kernel: Tensor, weights: Weights) -> Tensor:
    total, places = kernel.sum(), torch.arange(float(KERNEL), device=kernel.device)
    centre = torch.stack([kernel.sum(1) @ places, kernel.sum(0) @ places]) / total
    off = ((centre - KERNEL / 2) ** 2).mean()
    edge = (kernel * _far(kernel)).abs().mean()
    sparse = (kernel.abs() ** 0.2).mean()
    return (
        weights.sum * (1 - total).abs() + weights.boundaries * edge + weights.centre * off + weights.sparse * sparse
    )


def _far(like: Tensor) -> Tensor:
    """The penalty on weights in the two outermost rings, more the farther from the middle."""
    places = torch.arange(KERNEL, device=like.device) - KERNEL // 2
    mask = BORDER_PENALTY * (1 - torch.exp(-(places[:, None] ** 2 + places**2) / (2 * KERNEL**2)))
    mask[2:-2, 2:-2] = 0
    return mask


def _noisy(crop: Tensor, generator: torch.Generator) -> Tensor:
    return crop + torch.randn(crop.shape, generator=generator, device=crop.device) / 255


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    optimiser.step()


def _normed(inputs: int, outputs: int, side: int) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, side)
    nn.init.xavier_normal_(layer.weight, 0.1)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return spectral_norm(layer)
