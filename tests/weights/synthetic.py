"""Checkpoints of every published layout, written from the facts alone: right keys and shapes, hardly any bytes."""

import io
import zipfile

import torch

SMALL = 0.01


def filled(*shape, value=SMALL):
    """A tensor of one stored number: a checkpoint of 43 million such weights has a few kilobytes."""
    return torch.full((1,), value).expand(*shape)


def convolution(name, outputs, inputs, side=3):
    return {f"{name}.weight": filled(outputs, inputs, side, side), f"{name}.bias": filled(outputs)}


def rrdb(style):
    """RRDBNet, 64 features, 23 blocks, growth 32, by ESRGAN's own names or BasicSR's (facts/methods.md 1.1)."""
    own = style == "esrgan"
    block, dense = ("RRDB_trunk.{}", "RDB{}") if own else ("body.{}", "rdb{}")
    rest = "trunk_conv upconv1 upconv2 HRconv" if own else "conv_body conv_up1 conv_up2 conv_hr"
    state = convolution("conv_first", 64, 3)
    for number in range(23):
        for third in (1, 2, 3):
            name = f"{block.format(number)}.{dense.format(third)}"
            for layer in (1, 2, 3, 4):
                state |= convolution(f"{name}.conv{layer}", 32, 64 + 32 * (layer - 1))
            state |= convolution(f"{name}.conv5", 64, 192)
    for name in rest.split():
        state |= convolution(name, 64, 64)
    return state | convolution("conv_last", 3, 64)


def cria_cl():
    """The authors' checkpoint (facts/methods.md 2.1)."""
    state = rrdb("esrgan")
    for head in ("branch1", "branch2", "sm"):
        for block, inputs in enumerate((3, 64, 64)):
            state |= convolution(f"{head}.{block}.block.0", 64, inputs)
            state |= convolution(f"{head}.{block}.block.2", 64, 64)
            state |= convolution(f"{head}.{block}.conv", 64, inputs, side=1)
    return state | convolution("tail_conv1", 3, 64) | convolution("tail_conv2", 3, 64)


def edsr(features, blocks):
    """EDSR x4 by its authors' names (facts/methods.md 1.2)."""
    state = convolution("sub_mean", 3, 3, 1) | convolution("add_mean", 3, 3, 1) | convolution("head.0", features, 3)
    for block in range(blocks):
        state |= convolution(f"body.{block}.body.0", features, features)
        state |= convolution(f"body.{block}.body.2", features, features)
    state |= convolution(f"body.{blocks}", features, features)
    state |= convolution("tail.0.0", 4 * features, features) | convolution("tail.0.2", 4 * features, features)
    return state | convolution("tail.1", 3, features)


def torchvision(layers, classifier=(1000, 4096)):
    """A torchvision classifier: `layers` are (index, outputs, inputs, side) of its convolutions."""
    state = {}
    for index, outputs, inputs, side in layers:
        state |= convolution(f"features.{index}", outputs, inputs, side)
    return state | {"classifier.6.weight": filled(*classifier), "classifier.6.bias": filled(classifier[0])}


VGG19 = [
    *((0, 64, 3, 3), (2, 64, 64, 3), (5, 128, 64, 3), (7, 128, 128, 3), (10, 256, 128, 3)),
    *((index, 256, 256, 3) for index in (12, 14, 16)),
    (19, 512, 256, 3),
    *((index, 512, 512, 3) for index in (21, 23, 25, 28, 30, 32, 34)),
]
"""torchvision's VGG-19; conv1_2 is features.2, conv5_4 features.34 (facts/methods.md 1.1)."""


def saved(value, *, old=False):
    """The bytes of a `.pth`: a zip since PyTorch 1.6, a bare pickle before."""
    stream = io.BytesIO()
    torch.save(value, stream, _use_new_zipfile_serialization=not old)
    return stream.getvalue()


def zipped(**members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_pth", ".pth"), content)
    return stream.getvalue()
