"""A row of a comparison table: from the LR images of a dataset to SR images.

    interpolation   `classical`: a function `scale -> Method`, named in `METHODS`
    configuration   `trained`: the generator that this study has trained for the dataset
    rival           `rivals`: a pretrained network, named in `rivals` of params.yaml

All are a `Method`: called with LR images of one size (uint8, height x width x 3, RGB), it gives their SR images.
"""

from collections.abc import Callable, Mapping

from pipeline.methods import classical
from pipeline.methods.method import Method

__all__ = ["METHODS", "PACKAGES", "Method"]

METHODS: Mapping[str, Callable[[int], Method]] = {
    "identity": classical.identity,
    "bicubic": classical.bicubic,
    "bicubic_matlab": classical.bicubic_matlab,
    "lanczos": classical.lanczos,
}
"""Methods without weights. `settings.Interpolation` names those of the sets at scale 4."""

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "identity": (),
    "bicubic": ("opencv-python",),
    "bicubic_matlab": ("torch",),
    "lanczos": ("opencv-python",),
}
"""What computes each of them: another release may give other bits."""
