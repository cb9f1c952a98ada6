"""What a training reads: the pack, the trunk it starts from, the perceptual features, and their content hashes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from pipeline.datasets.packs import Pack
from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.networks import load_generator
from pipeline.networks.rrdb import RRDBNet
from pipeline.networks.vgg import VGGFeatures
from pipeline.settings import Perceptual, Start
from pipeline.training.experiment import TRUNK, input_hashes


@dataclass(frozen=True)
class Inputs:
    """The inputs of a training.

    Attributes:
        pack: the training set.
        trunk: the trained plain RRDB to start from; None for a generator that starts from scratch, as the trunk.
        perceptual: frozen features; None for the trunk, whose objective is L1 alone.
        hashes: sha256 by name of everything above.
        perceptual_source: `perceptual.json` as it is; None where no features are read.
    """

    pack: Pack
    hashes: dict[str, str]
    trunk: RRDBNet | None = None
    perceptual: VGGFeatures | None = None
    perceptual_source: dict[str, Any] | None = field(default=None)


def trunk_inputs(root: Path, training_set: str) -> Inputs:
    """The inputs of a trunk, from `root` = runs/<preset>. Raises `UserError` for what is missing."""
    pack = Pack.open(root / "packs" / training_set)
    return Inputs(pack, {"pack": pack.content})


def experiment_inputs(root: Path, training_set: str, layers: Perceptual, start: Start) -> Inputs:
    """The inputs of an experiment, from `root` = runs/<preset>. Raises `UserError` for what is missing."""
    hashes = input_hashes(root, training_set, start)
    trunk = trained_trunk(root / "models" / training_set / TRUNK) if start == "trunk" else None
    features, source = perceptual_features(root / "weights", layers)
    return Inputs(Pack.open(root / "packs" / training_set), hashes, trunk, features, source)


def trained_trunk(folder: Path) -> RRDBNet:
    """The trunk in the folder of its model. Raises `UserError` when there is none."""
    trunk, _ = load_generator(folder)
    if not isinstance(trunk, RRDBNet):
        raise UserError(f"{folder} holds no plain RRDB. Run `dvc repro trunk`.")
    return trunk


def perceptual_features(folder: Path, layers: Perceptual) -> tuple[VGGFeatures, dict[str, Any]]:
    """The features that the stage `features` wrote to `folder`, up to the layers asked for, and their source."""
    source: dict[str, Any] = read_json(folder / "perceptual.json")
    weights = load_file(folder / "perceptual.safetensors")
    return VGGFeatures(source["variant"], (layers.bottom, layers.top), weights), source
