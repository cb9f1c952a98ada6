"""PyTorch checkpoints: tensors only, out of whatever wrapper and with whichever of the known names."""

import io
import pickle
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.weights.registry import Layout

WRAPPERS = ("params_ema", "params")
"""BasicSR's: the averaged parameters before the last ones (facts/methods.md 1.1, 1.8)."""
AUTHORS_FILE = "NTIRE.pth"
"""The one file that RealSR-CCL's code names (facts/methods.md 2.1)."""
TORCHS_OWN = "data.pkl"
"""What every checkpoint holds that PyTorch wrote as a zip."""
LARGEST = 10**9
"""Bytes; the checkpoint has 69 MB. More is no checkpoint but a zip that means harm."""

BASICSR_NAMES = {
    r"^RRDB_trunk\.(\d+)\.RDB(\d)\.": r"body.\1.rdb\2.",
    r"^trunk_conv\.": "conv_body.",
    r"^upconv(\d)\.": r"conv_up\1.",
    r"^HRconv\.": "conv_hr.",
}
"""From ESRGAN's own names to BasicSR's (facts/methods.md 1.1)."""


def read(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """One checkpoint: RRDBs under BasicSR's names, of VGG the features alone."""
    (path,) = paths
    return _named(_state(path.read_bytes()), layout)


def read_lpips(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """torchvision's features and LPIPS's heads, two checkpoints."""
    features, heads = (_state(path.read_bytes()) for path in paths)
    return _named(features, layout) | heads


def read_zip(paths: Sequence[Path], layout: Layout) -> dict[str, Tensor]:
    """The authors' checkpoint, inside the zip that they publish or by itself."""
    (path,) = paths
    return _named(_state(_unzipped(path.read_bytes())), layout)


def _unzipped(content: bytes) -> bytes:
    """`AUTHORS_FILE` of a zip; a checkpoint, which may be a zip of PyTorch's, as it is."""
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if any(Path(name).name == TORCHS_OWN for name in names):
                return content
            members = [info for info in archive.infolist() if Path(info.filename).name == AUTHORS_FILE]
            if len(members) != 1 or members[0].file_size > LARGEST:
                raise UserError(f"the zip holds no single checkpoint {AUTHORS_FILE}; it has {', '.join(names[:5])}")
            return archive.read(members[0])
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"broken or encrypted zip ({error})") from None


def _named(state: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Under the names of the layout."""
    if layout == "rrdb":
        renamed = {_basicsr(key): tensor for key, tensor in state.items()}
        if len(renamed) < len(state):
            raise UserError("it has the same layers twice, under ESRGAN's own names and under BasicSR's")
        return renamed
    if layout in ("vgg19", "vgg16_lpips", "alexnet_lpips"):
        return {key: tensor for key, tensor in state.items() if key.startswith("features.")}
    return dict(state)


def _basicsr(key: str) -> str:
    for theirs, ours in BASICSR_NAMES.items():
        key = re.sub(theirs, ours, key)
    return key


def _state(content: bytes) -> dict[str, Tensor]:
    """The state dict in a checkpoint. Raises `UserError` for anything that is not a dict of tensors."""
    try:
        value: object = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise UserError(f"broken, or it holds more than tensors, which is not read: {_summary(error)}") from None
    except (RuntimeError, ValueError, EOFError, KeyError, AttributeError, IndexError) as error:
        raise UserError(f"truncated or not a PyTorch checkpoint: {_summary(error)}") from None
    if isinstance(value, dict):
        value = next((value[name] for name in WRAPPERS if name in value), value)
    if not isinstance(value, dict) or not all(isinstance(item, Tensor) for item in value.values()):
        raise UserError("it is not a dict of tensors (nor under `params_ema` or `params`)")
    return {str(key): tensor.detach() for key, tensor in value.items()}


def _summary(error: Exception) -> str:
    """Of PyTorch's message the one that says what is wrong; the rest is advice to switch the protection off."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "GLOBAL" in line or "Unsupported" in line]
    return (telling or lines or ["no reason given"])[0].split(". ")[0].rstrip(".")
