"""A network from a published checkpoint, told from the names of its weights.

spandrel knows most of them (facts/methods.md 2.6). Not EDSR, which is `edsr` here. And it takes a Cria-CL
checkpoint for an ESRGAN, dropping the branches without a word: such keys go to `released`, strictly, never to
spandrel. Of an RRDB with the names of ESRGAN's own repository it cannot tell whether it was trained at scale 4 or
1, the names being the same, and takes the growth for 32: that one is `rrdb`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.networks.edsr import SCALE as EDSR_SCALE
from pipeline.networks.edsr import build_edsr, edsr_weights
from pipeline.networks.released import ReleasedNet
from pipeline.networks.rrdb import RRDBNet, Trunk

CRIA_CL = ("branch1", "branch2", "sm.", "tail_conv")
"""Beginnings of the keys that only the authors' layout has."""
RRDB_KEYS = {"conv_first.weight", "RRDB_trunk.0.RDB1.conv1.weight", "upconv1.weight", "upconv2.weight"}

_NOT_TENSORS = (SafetensorError, UnpicklingError, RuntimeError, EOFError, LookupError, ValueError, TypeError)
"""What is raised for a file that is no checkpoint; torch's reader lets some errors of its own through."""


@dataclass(frozen=True)
class Pretrained:
    """A network with its weights: evaluation mode, float32, CPU, no gradients.

    Attributes:
        architecture: its name, e.g. ESRGAN.
        module: where the parameters are; moved to a device, `enlarge` follows.
        enlarge: LR images B x 3 x h x w in [0, 1] to B x 3 x scale h x scale w around [0, 1], of any h and w.
    """

    architecture: str
    scale: int
    module: nn.Module
    enlarge: Callable[[Tensor], Tensor]

    @property
    def parameters(self) -> int:
        """How many."""
        return sum(parameter.numel() for parameter in self.module.parameters())


def load_pretrained(path: Path, scale: int) -> Pretrained:
    """The network in the checkpoint `path`, a `.safetensors` file or a `.pth` that holds tensors alone.

    Args:
        path: the checkpoint, wrapped (`params_ema`, `state_dict`, ...) or not.
        scale: the upscaling factor that it is meant to have, 4 or 1.

    Raises `UserError` when the file is missing or broken, its network is not known, the weights do not fit it, or
    it is not one that turns an RGB image into one `scale` times as large.
    """
    network = network_in(path, scale)
    if network.scale != scale:
        raise UserError(
            f"{path}: {network.architecture} of scale {network.scale}, but params.yaml says `scale: {scale}`. "
            "Correct that, or take another checkpoint; the study has sets of scale 4 and of scale 1."
        )
    return network


def network_in(path: Path, scale: int) -> Pretrained:
    """`load_pretrained` for a network of any scale; where the weights do not show it, it is taken for `scale`."""
    state = read_weights(path)
    try:
        network = _built(state, scale, path)
    except (RuntimeError, KeyError) as error:
        what = "; ".join(str(error).splitlines()[:2])
        raise UserError(f"{path}: the weights do not fit the network that their names are of ({what})") from None
    network.module.eval().requires_grad_(False)
    return network


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, float32, on the CPU, out of what wraps them; nothing else is read."""
    from spandrel import canonicalize_state_dict

    try:
        loaded = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path} is missing. Put the checkpoint there, or correct params.yaml (rivals).") from None
    except _NOT_TENSORS as error:
        raise UserError(
            f"{path}: not a checkpoint of tensors alone ({str(error).partition(chr(10))[0]}). Fetch it again, or "
            "save its state dict with safetensors; a file that runs code when it is read is never opened."
        ) from None
    state = canonicalize_state_dict(loaded) if isinstance(loaded, dict) else {}
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: holds no state dict (names with tensors) that is known. Save it as safetensors.")
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}


def _built(state: dict[str, Tensor], scale: int, path: Path) -> Pretrained:
    if any(key.startswith(CRIA_CL) for key in state):
        return _generator("Cria-CL, released layout", _released(state, scale), state)
    if state.keys() >= RRDB_KEYS:
        return _generator("ESRGAN", RRDBNet(*_trunk_sizes(state), scale), state)
    if weights := edsr_weights(state):
        edsr = build_edsr(weights)
        return Pretrained("EDSR", EDSR_SCALE, edsr, edsr)
    return _by_spandrel(state, path)


def _generator(architecture: str, network: Trunk, state: Mapping[str, Tensor]) -> Pretrained:
    network.load_state_dict(state, strict=True)
    return Pretrained(architecture, network.scale, network, network)


def _released(state: Mapping[str, Tensor], scale: int) -> ReleasedNet:
    masked = any(key.startswith("sm.") for key in state)
    blocks = max(1, _count(state, r"branch1\.(\d+)\."))  # none at all is a fault that strict loading names
    return ReleasedNet(*_trunk_sizes(state), scale, blocks, masked=masked)


def _trunk_sizes(state: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """Features, blocks and growth of an RRDB trunk."""
    growth = state["RRDB_trunk.0.RDB1.conv1.weight"].shape[0]
    return state["conv_first.weight"].shape[0], _count(state, r"RRDB_trunk\.(\d+)\."), growth


def _count(state: Mapping[str, Tensor], numbered: str) -> int:
    return len({found[1] for key in state if (found := re.match(numbered, key))})


def _by_spandrel(state: dict[str, Tensor], path: Path) -> Pretrained:
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError

    held = sum(value.numel() for value in state.values())
    try:
        found = ModelLoader().load_from_state_dict(state)
    except UnsupportedModelError:
        some = ", ".join(sorted(state)[:3])
        raise UserError(
            f"{path}: no network is known that has weights named {some}, ...; known are those of spandrel, EDSR "
            "and Cria-CL."
        ) from None
    if not isinstance(found, ImageModelDescriptor) or found.purpose == "FaceSR":
        raise UserError(f"{path}: {found.architecture.name} is for {found.purpose}, not for super-resolution.")
    if (found.input_channels, found.output_channels) != (3, 3):
        raise UserError(
            f"{path}: {found.architecture.name} from {found.input_channels} to {found.output_channels} channels; "
            "the study's images are RGB, 3 to 3."
        )
    network = Pretrained(found.architecture.name, found.scale, found.model, found)
    if network.architecture == "ESRGAN" and held != network.parameters:
        raise UserError(
            f"{path}: has {held:,} numbers, of which an ESRGAN takes {network.parameters:,}: it is another network "
            "on an ESRGAN's trunk, and would lose its own layers."
        )
    return network
