"""From the files of an origin to tensors with the keys of a layout.

A converter is a function `(paths, layout) -> tensors`; it may leave keys that the layout does not have, and raises
`UserError` for a file that is not what it should be. `convert` then holds the result against the layout, strictly.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from pipeline.weights import layouts
from pipeline.weights.convert import arrays, checkpoints, jax_lpips, ncnn
from pipeline.weights.registry import Format, Layout

Converter = Callable[[Sequence[Path], Layout], dict[str, Tensor]]

_CONVERTERS: Mapping[Format, Converter] = {
    "jax_lpips": jax_lpips.read,
    "matlab": arrays.read_matlab,
    "ncnn": ncnn.read,
    "npz": arrays.read_npz,
    "torch": checkpoints.read,
    "torch_lpips": checkpoints.read_lpips,
    "torch_zip": checkpoints.read_zip,
}


def convert(paths: Sequence[Path], form: Format, layout: Layout) -> dict[str, Tensor]:
    """The tensors in `paths` (the files of one origin, in its order), on the CPU.

    Raises `UserError` for a broken file, one that asks for more than tensors and arrays, and tensors that are not
    those of `layout`: a key missing or too many, another shape or precision, a value that is not finite.
    """
    tensors = _CONVERTERS[form](paths, layout)
    layouts.check(tensors, layout)
    return {key: tensor.contiguous() for key, tensor in tensors.items()}
