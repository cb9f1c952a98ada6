"""Every key, shape and precision that a weight must have: what was published, no less and no more."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.networks.vgg import CONVOLUTIONS, WIDTHS, Variant, layer_indices
from pipeline.weights.registry import Layout

Shape = tuple[str, tuple[int, ...]]
"""A key and its shape."""

ALEXNET = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}
"""Outputs, inputs and side of each convolution, by torchvision's index in `features` (facts/weights.md)."""
ALEXNET_HEADS = tuple(outputs for outputs, _, _ in ALEXNET.values())
DISTS_CHANNELS = 3 + sum(WIDTHS)
"""The image and the last layer of each of VGG-16's five blocks."""

_SHOWN = 3
"""Keys that a message names; a wrong file has hundreds."""


def shapes(layout: Layout) -> dict[str, tuple[int, ...]]:
    """The shape of every key of a layout."""
    return dict(_LAYOUTS[layout]())


def check(tensors: Mapping[str, Tensor], layout: Layout) -> None:
    """Raise `UserError` unless `tensors` has the keys, shapes and precision of `layout`, no more, all finite."""
    expected = shapes(layout)
    faults = [
        *_named("lacks", expected.keys() - tensors.keys()),
        *_named("has, beyond the layout,", tensors.keys() - expected.keys()),
        *(
            f"{key} has the shape {tuple(tensors[key].shape)} instead of {shape}"
            for key, shape in expected.items()
            if key in tensors and tuple(tensors[key].shape) != shape
        ),
    ][:_SHOWN]
    if faults:
        raise UserError(f"not the layout {layout}: it {'; '.join(faults)}")
    precision = torch.float64 if layout == "niqe" else torch.float32
    for key, tensor in tensors.items():
        if tensor.dtype != precision:
            raise UserError(f"{key} is {tensor.dtype} instead of {precision}")
        if not tensor.isfinite().all():
            raise UserError(f"{key} has values that are not finite")


def _named(verb: str, keys: set[str]) -> list[str]:
    if not keys:
        return []
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return [f"{verb} {', '.join(sorted(keys)[:_SHOWN])}{more}"]


def _convolution(name: str, outputs: int, inputs: int, side: int) -> Iterator[Shape]:
    yield f"{name}.weight", (outputs, inputs, side, side)
    yield f"{name}.bias", (outputs,)


def rrdb_convolutions(features: int = 64, blocks: int = 23, growth: int = 32) -> dict[str, tuple[int, int]]:
    """Outputs and inputs of each 3 x 3 convolution of RRDBNet by BasicSR's names, in the order of its forward."""
    dense = {
        f"body.{block}.rdb{number}.conv{layer}": (
            growth if layer < 5 else features,
            features + (layer - 1) * growth,
        )
        for block in range(blocks)
        for number in (1, 2, 3)
        for layer in (1, 2, 3, 4, 5)
    }
    wide = dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (features, features))
    return {"conv_first": (features, 3), **dense, **wide, "conv_last": (3, features)}


def _rrdb() -> Iterator[Shape]:
    for name, (outputs, inputs) in rrdb_convolutions().items():
        yield from _convolution(name, outputs, inputs, 3)


def _released() -> Iterator[Shape]:
    """Of our own network, which has the authors' keys (facts/methods.md 2.1)."""
    from pipeline.networks.released import ReleasedNet

    with torch.random.fork_rng(devices=[]):  # its fresh weights are drawn, and of no interest
        network = ReleasedNet(64, 23, 32, 4, 3, masked=True)
    yield from ((key, tuple(tensor.shape)) for key, tensor in network.state_dict().items())


def _edsr(features: int, blocks: int) -> Iterator[Shape]:
    """facts/methods.md 1.2; the last convolution of the body and the pixel shuffles of the tail at scale 4."""
    yield from _convolution("sub_mean", 3, 3, 1)
    yield from _convolution("add_mean", 3, 3, 1)
    yield from _convolution("head.0", features, 3, 3)
    for block in range(blocks):
        for layer in (0, 2):
            yield from _convolution(f"body.{block}.body.{layer}", features, features, 3)
    yield from _convolution(f"body.{blocks}", features, features, 3)
    for layer in (0, 2):
        yield from _convolution(f"tail.0.{layer}", 4 * features, features, 3)
    yield from _convolution("tail.1", 3, features, 3)


def _alexnet_lpips() -> Iterator[Shape]:
    for index, (outputs, inputs, side) in ALEXNET.items():
        yield from _convolution(f"features.{index}", outputs, inputs, side)
    yield from _heads(ALEXNET_HEADS)


def _vgg16_lpips() -> Iterator[Shape]:
    yield from _vgg("vgg16")
    yield from _heads(WIDTHS)


def _vgg(variant: Variant) -> Iterator[Shape]:
    widths = [width for width, count in zip(WIDTHS, CONVOLUTIONS[variant], strict=True) for _ in range(count)]
    for index, outputs, inputs in zip(layer_indices(variant).values(), widths, [3, *widths[:-1]], strict=True):
        yield from _convolution(f"features.{index}", outputs, inputs, 3)


def _heads(channels: tuple[int, ...]) -> Iterator[Shape]:
    for number, inputs in enumerate(channels):
        yield f"lin{number}.model.1.weight", (1, inputs, 1, 1)


def _dists() -> Iterator[Shape]:
    yield from ((key, (1, DISTS_CHANNELS, 1, 1)) for key in ("alpha", "beta"))


def _niqe() -> Iterator[Shape]:
    yield "mu_pris_param", (1, 36)
    yield "cov_pris_param", (36, 36)


_LAYOUTS: Mapping[Layout, Callable[[], Iterator[Shape]]] = {
    "alexnet_lpips": _alexnet_lpips,
    "dists": _dists,
    "edsr": partial(_edsr, features=256, blocks=32),
    "edsr_baseline": partial(_edsr, features=64, blocks=16),
    "niqe": _niqe,
    "released": _released,
    "rrdb": _rrdb,
    "vgg16_lpips": _vgg16_lpips,
    "vgg19": partial(_vgg, "vgg19"),
}
