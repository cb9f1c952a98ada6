"""A row of a comparison table: a function from an LR image to an SR image.

Both are uint8 arrays of shape (height, width, 3), RGB; the SR image is `scale` times as high and wide.
To add a method that needs no training here, write a function `scale -> Restore` and name it in `METHODS`.
Every other name is a configuration of params.yaml, restored by its trained generator.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import UserError
from pipeline.methods import classical
from pipeline.methods.classical import Restore

__all__ = ["METHODS", "Restore", "build"]

METHODS: Mapping[str, Callable[[int], Restore]] = {
    "identity": classical.identity,
    "bicubic": classical.bicubic,
}


def build(name: str, scale: int, model: Path | None = None) -> Restore:
    """The method `name` at `scale`.

    Args:
        name: a key of `METHODS`, or the name of a trained configuration.
        scale: upscaling factor of the dataset, 4 or 1.
        model: folder of the trained model; needed by a configuration, not used by `METHODS`.

    Raises `UserError` when the method is not defined at this scale, or its model is missing or does not fit.
    """
    if name in METHODS:
        return METHODS[name](scale)
    if model is None:
        raise UserError(f"the method {name!r} needs a trained model; without one there are {', '.join(METHODS)}")
    # Only a trained method pays for importing torch.
    from pipeline.methods.trained import trained

    return trained(model, scale)
