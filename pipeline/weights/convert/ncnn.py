"""RRDBNet as ncnn holds it: a text `.param` with the graph, a `.bin` with the numbers (facts/weights.md, Formats).

`.param`: a magic number, the counts of layers and blobs, then a line a layer: type, name, numbers of inputs and
outputs, their names, and `key=value` (0 outputs, 1 side, 4 padding, 5 bias, 6 number of weights, 9 activation with
its slope under -23310). `.bin`: for each convolution in the order of `.param` a flag, fp16 weights OIHW padded to
4 bytes, and fp32 biases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import UserError
from pipeline.weights.layouts import rrdb_convolutions
from pipeline.weights.registry import Layout

MAGIC = "7767517"
HALF_PRECISION = 0x01306B47
SIDE = 3
SLOPE = 0.2
LAYERS = {"Input", "Split", "Concat", "Eltwise", "BinaryOp", "Interp", "Convolution"}
"""What RRDBNet is made of; of these only convolutions have numbers in the `.bin`."""
KEYS = {"0", "1", "4", "5", "6", "9", "-23310"}
"""Of a convolution; any other would be a stride, a dilation or a quantisation that RRDBNet has not."""


@dataclass(frozen=True)
class Convolution:
    """What a line of `.param` says of one: `inputs` and `outputs` channels, and the slope of its LeakyReLU."""

    name: str
    outputs: int
    inputs: int
    slope: float | None


def read(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """The state dict of RRDBNet with BasicSR's keys, float32, of a `.param` and a `.bin`.

    Raises `UserError` for another graph than RRDBNet's, and for a `.bin` with too few or too many bytes.
    """
    param, binary = paths
    found = convolutions(param.read_text(encoding="utf-8"))
    expected = rrdb_convolutions()
    if len(found) != len(expected):
        raise UserError(f"{param.name}: it has {len(found)} convolutions, {layout} has {len(expected)}")
    for convolution, (key, (outputs, inputs)) in zip(found, expected.items(), strict=True):
        wanted = Convolution(convolution.name, outputs, inputs, SLOPE if _activated(key) else None)
        if convolution != wanted:
            raise UserError(f"{param.name}: {convolution} stands where {key} of {layout} should: {wanted}")
    return _numbers(binary, found, list(expected))


def convolutions(text: str) -> list[Convolution]:
    """Every convolution of a `.param`. Raises `UserError` for a text that is not one, or has other layers."""
    lines = text.splitlines()
    try:
        if lines[0].strip() != MAGIC:
            raise UserError(f"not an ncnn .param: it begins with {lines[0][:20]!r} instead of {MAGIC}")
        layers = int(lines[1].split()[0])
        rows = [line.split() for line in lines[2:] if line.strip()]
        if len(rows) != layers:
            raise UserError(f"truncated .param: it has {len(rows)} layers of {layers}")
        if other := sorted({row[0] for row in rows} - LAYERS):
            raise UserError(f"the .param has layers that RRDBNet has not: {', '.join(other)}")
        return [_convolution(row) for row in rows if row[0] == "Convolution"]
    except (IndexError, ValueError, KeyError, ZeroDivisionError) as error:
        raise UserError(f"broken ncnn .param ({error})") from None


def _convolution(row: Sequence[str]) -> Convolution:
    name, blobs = row[1], int(row[2]) + int(row[3])
    values = dict(item.split("=", 1) for item in row[4 + blobs :])
    if values.keys() - KEYS:
        raise UserError(f"{name} has keys that are not read: {', '.join(sorted(values.keys() - KEYS))}")
    if (values["1"], values["4"], values["5"]) != (str(SIDE), str(SIDE // 2), "1"):
        raise UserError(f"{name} is not a {SIDE} x {SIDE} convolution with padding and bias")
    outputs, weights = int(values["0"]), int(values["6"])
    inputs, rest = divmod(weights, outputs * SIDE * SIDE)
    if rest:
        raise UserError(f"{name} has {weights} weights, no multiple of its {outputs} outputs")
    return Convolution(name, outputs, inputs, _slope(name, values))


def _slope(name: str, values: dict[str, str]) -> float | None:
    """Of a LeakyReLU (activation 2, its list of one value); None without activation."""
    activation = values.get("9", "0")
    if activation == "0":
        return None
    count, _, slope = values["-23310"].partition(",")
    if activation != "2" or count != "1":
        raise UserError(f"{name} has the activation {activation} ({values['-23310']}), which RRDBNet has not")
    return float(slope)


def _activated(key: str) -> bool:
    """Whether RRDBNet applies LeakyReLU after this convolution."""
    return key in ("conv_up1", "conv_up2", "conv_hr") or (key.startswith("body.") and not key.endswith("conv5"))


def _numbers(binary: Path, found: Sequence[Convolution], keys: Sequence[str]) -> dict[str, Tensor]:
    content, position = binary.read_bytes(), 0
    tensors = {}
    for convolution, key in zip(found, keys, strict=True):
        shape = (convolution.outputs, convolution.inputs, SIDE, SIDE)
        size = int(np.prod(shape))
        padded = size + size % 2  # to 4 bytes
        end = position + 4 + 2 * padded + 4 * convolution.outputs
        if end > len(content):
            raise UserError(f"{binary.name}: truncated at {key}: it has {len(content)} bytes, {end} are needed")
        flag = int.from_bytes(content[position : position + 4], "little")
        if flag != HALF_PRECISION:
            raise UserError(f"{binary.name}: {key} has the flag {flag:#010x}, not that of fp16 weights")
        weights: NDArray[np.float16] = np.frombuffer(content, "<f2", size, position + 4)
        bias: NDArray[np.float32] = np.frombuffer(content, "<f4", convolution.outputs, position + 4 + 2 * padded)
        tensors[f"{key}.weight"] = torch.from_numpy(weights.astype(np.float32).reshape(shape))
        tensors[f"{key}.bias"] = torch.from_numpy(bias.astype(np.float32))
        position = end
    if position != len(content):
        raise UserError(f"{binary.name}: {len(content) - position} bytes are left over after the last convolution")
    return tensors
