"""What a training is given beside crops: the trunk that it starts from and the perceptual features."""

from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.networks import load_generator
from pipeline.networks.vgg import VGGFeatures
from pipeline.settings import TRUNK
from pipeline.training.experiment import Experiment


def given(root: Path, plan: Sequence[Experiment], trunk: Path) -> dict[str, nn.Module]:
    """The networks that the phases of a row read and do not train, by name.

    Args:
        root: runs/<preset>.
        trunk: the folder of the trained trunk, which is read where a phase starts from it.

    Raises `UserError` for what is missing, and for a trunk that is not the one that `plan` starts from.
    """
    needs = {name for experiment in plan for name in experiment.inputs}
    layers = sorted({layer for experiment in plan for layer in experiment.settings.layers or ()})
    found: dict[str, nn.Module] = {}
    if TRUNK in needs:
        fingerprint = next(experiment.inputs[TRUNK] for experiment in plan if TRUNK in experiment.inputs)
        if not (trunk / f"{fingerprint}.done").exists():
            raise UserError(f"{trunk} is not the trunk of these settings. Run `dvc repro` to train it.")
        found[TRUNK], _ = load_generator(trunk)
    if "features" in needs:
        found["features"] = perceptual_features(root / "weights", layers)
    return found


def perceptual_features(folder: Path, layers: Sequence[str]) -> VGGFeatures:
    """The features that the stage `features` wrote to `folder`, up to the deepest of `layers`."""
    variant = read_json(folder / "perceptual.json")["variant"]
    return VGGFeatures(variant, layers, load_file(folder / "perceptual.safetensors"))
