"""Random numbers: a stream for each purpose and place, and no other generator anywhere in the study.

Draws that share a stream are not independent: where one starts like another, the first decides the second. So a
stream is named by a seed, what is drawn (`Purpose`) and where (`Place`: an iteration and a place in the batch, the
id of an image, ...), and its numbers are a function of this name alone. They depend neither on what was drawn
before nor on how many processes share the work.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum, unique
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Place = int | str


@unique
class Purpose(StrEnum):
    """What is drawn. A value is part of the names of its streams: whoever changes it changes results."""

    STANDIN = "stand-in"
    """What the camera model does to a stand-in image."""
    TEST_NOISE = "test noise"
    """Patches of the noise pool on a test image that is made here."""
    KERNELGAN_WEIGHTS = "KernelGAN weights"
    """Initial weights of KernelGAN's two networks."""
    KERNELGAN_CROPS = "KernelGAN crops"
    """Crops of the photograph that KernelGAN trains on."""
    KERNELGAN_NOISE = "KernelGAN noise"
    """Noise on what KernelGAN's discriminator sees."""
    KERNEL = "kernel"
    """The kernel of the pool that reduces a clean image."""
    VALIDATION_NOISE = "validation noise"
    """Patches of the noise pool on a validation image."""
    VALIDATION_DEGRADATION = "validation degradation"
    """The second-order degradation of a validation image."""
    CROP = "crop"
    """A training pair's images, and the place, turn and flip of its crop."""
    CLEAN_CROP = "clean crop"
    """The same of a clean image that a phase degrades itself."""
    REAL_CROP = "real crop"
    """The same of a real photograph that is read unpaired."""
    NOISE = "noise"
    """The piece of a noise patch on a training crop."""
    DEGRADATION = "degradation"
    """The second-order degradation of a training crop."""
    NOISE_FIELD = "noise field"
    """The pixels of a noise field whose kind, strength and seed a second-order degradation has drawn."""
    INITIAL_WEIGHTS = "initial weights"
    """Of a network that is to be trained."""
    MEAN_INTERVAL = "mean interval"
    """Resamples of the test images, for the interval of a mean score."""
    MOS_PATCHES = "MOS patches"
    """Places in a test image, in the order in which raters get them."""
    MOS_ORDER = "MOS order"
    """The order in which test images give patches to raters."""
    EFFICIENCY_IMAGE = "efficiency image"
    """The image on which networks are timed."""
    BENCHMARK = "benchmark"
    """Images and weights of benchmarks, which are about time and not about results."""


def generator(seed: int, purpose: Purpose, *place: Place) -> np.random.Generator:
    """The stream of that name, from its beginning."""
    return np.random.default_rng(np.frombuffer(_digest(seed, purpose, place), "<u4"))


def torch_generator(device: "torch.device | str", seed: int, purpose: Purpose, *place: Place) -> "torch.Generator":
    """The stream of that name, from its beginning, for draws on `device`: its kind decides the numbers, too."""
    import torch

    return torch.Generator(device).manual_seed(_torch_seed(seed, purpose, place))


@contextmanager
def torch_weights(seed: int, purpose: Purpose, *place: Place) -> Iterator[None]:
    """Within it PyTorch's own generator of the CPU, from which new networks take their weights, is the stream of
    that name; afterwards it is as it was before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(_torch_seed(seed, purpose, place))
        yield


def _torch_seed(seed: int, purpose: Purpose, place: tuple[Place, ...]) -> int:
    """63 bits, which every PyTorch generator takes."""
    return int.from_bytes(_digest(seed, purpose, place)[:8], "little") >> 1


def _digest(seed: int, purpose: Purpose, place: tuple[Place, ...]) -> bytes:
    """256 bits of a name. A hash, as NumPy's own seeding by a list of numbers takes [1] and [1, 0] for the same."""
    return sha256(json.dumps([seed, purpose, *place]).encode()).digest()
