"""The method that a person asks for: an interpolation, a trained or a pretrained network, or a file with one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.methods import METHODS, Method
from pipeline.paths import pretrained_folder, results_root
from pipeline.settings import Interpolation, Preset, PresetName, Restoration, Rival, Settings
from pipeline.upscale.tiled import OVERLAP

if TYPE_CHECKING:
    from pipeline.networks.pretrained import Pretrained

CHECKPOINTS = (".safetensors", ".pth", ".pt")
INTERPOLATIONS = get_args(Interpolation)
SCALE = 4
"""Of interpolations, and of a checkpoint that does not show its own (facts/methods.md 2.6)."""
GENERATOR, DESCRIPTION = "generator.safetensors", "model.json"


@dataclass(frozen=True)
class Model:
    """A method, ready to run.

    Attributes:
        about: what it is and where it is from, for a person.
        scale: how many times as wide and high its results are.
    """

    about: str
    scale: int
    method: Method


@dataclass(frozen=True)
class Search:
    """Where and for what a method is looked up.

    Attributes:
        preset: whose trainings and weights; None: those of the enabled presets, the largest first.
        data: the training set of a configuration.
        device: auto, cpu or cuda.
    """

    settings: Settings
    preset: str | None
    data: str
    device: str

    @property
    def presets(self) -> Sequence[str]:
        """The names of the presets to look in, in order."""
        if self.preset:
            self.settings.preset(self.preset)
            return [self.preset]
        return [name for name in reversed(get_args(PresetName)) if name in self.settings.presets]


def short(wanted: str) -> str:
    """What the names of files say of a method: its own name, or that of its file or training."""
    path = Path(wanted)
    return path.resolve().parent.name if path.name == GENERATOR else path.stem


def find(wanted: str, search: Search) -> Model:
    """The method `wanted`: the name of an interpolation, a configuration or a rival, or a path.

    A path is of a checkpoint, or of a folder that a training made. Raises `UserError` when there is no such method
    or model, saying what makes it and what there is.
    """
    if wanted in INTERPOLATIONS:
        return Model(f"{wanted} interpolation, no network", SCALE, METHODS[wanted](SCALE))
    if wanted in search.settings.configurations:
        return _of_training(wanted, search)
    if wanted in search.settings.rivals:
        return _of_rival(wanted, search)
    path = Path(wanted)
    if path.suffix in CHECKPOINTS or path.is_dir():
        return _of_path(path, search)
    known = ", ".join([*INTERPOLATIONS, *search.settings.configurations, *search.settings.rivals])
    raise UserError(f"there is no method {wanted!r}; known are {known}, and paths of checkpoints.")


def available(search: Search) -> str:
    """What can be run at once, as `--method` takes it."""
    found = list(INTERPOLATIONS)
    for name in reversed(get_args(PresetName)):
        preset = f" --preset {name}"
        found += [r + preset for r, rival in search.settings.rivals.items() if _checkpoint(rival, name).exists()]
        for model in sorted(results_root(name).glob(f"models/*/*/{GENERATOR}")):
            if model.parent.name in search.settings.configurations:
                found.append(f"{model.parent.name} --data {model.parents[1].name}{preset}")
    return "; ".join(found)


def _of_training(name: str, search: Search) -> Model:
    sets = search.settings.study.training_sets
    if search.data not in sets:
        raise UserError(f"--data {search.data}: nothing is trained on it; the training sets are {', '.join(sets)}.")
    folders = {preset: results_root(preset) / "models" / search.data / name for preset in search.presets}
    for preset, folder in folders.items():
        if (folder / GENERATOR).exists():
            return _trained(folder, search, preset)
    preset = search.presets[0]
    raise UserError(
        f"{folders[preset]}: {name} is not trained there yet. {_how_to_train(name, preset, search)} "
        f"Or name what there is, --method {available(search)}."
    )


def _how_to_train(name: str, preset: str, search: Search) -> str:
    if name not in search.settings.study.configurations:
        ablation = search.settings.ablation
        made = results_root(preset, search.settings.preset(preset).seeds[0]) / "models" / ablation.data / name
        return f"`snakemake ablations` trains it; then give --method {made}."
    return f"{_enabled(preset, search)}`dvc repro train@{preset}-{search.data}-{name}` trains it."


def _enabled(preset: str, search: Search) -> str:
    return "" if preset in search.settings.presets else f"Add {preset} to `presets` in params.yaml; then "


def _of_rival(name: str, search: Search) -> Model:
    rival = search.settings.rivals[name]
    for preset in search.presets:
        checkpoint = _checkpoint(rival, preset)
        if checkpoint.exists():
            return _pretrained(checkpoint, rival.title, search, preset, rival.scale)
    preset = search.presets[0]
    make = f"{_enabled(preset, search)}`dvc repro weights@{preset}-{name}` gets it."
    raise UserError(
        f"{_checkpoint(rival, preset)} is missing. {'Put the file there.' if rival.file else make} "
        f"Or name what there is, --method {available(search)}."
    )


def _checkpoint(rival: Rival, preset: str) -> Path:
    if rival.file:
        return Path(rival.file)
    return pretrained_folder(preset, str(rival.weights)) / "weights.safetensors"


def _of_path(path: Path, search: Search) -> Model:
    preset = search.presets[0]
    folder = path if path.is_dir() else path.parent
    if path.is_dir() and not ((path / GENERATOR).exists() and (path / DESCRIPTION).exists()):
        raise UserError(
            f"{path}: no {GENERATOR} with a {DESCRIPTION} in it. Name a checkpoint, or a folder of a training."
        )
    if path in (folder, folder / GENERATOR) and (folder / DESCRIPTION).exists():
        return _trained(folder, search, preset)
    if not path.exists():
        raise UserError(f"{path} is missing. Name a checkpoint, or what there is, --method {available(search)}.")
    return _pretrained(path, path.name, search, preset)


def _trained(folder: Path, search: Search, preset: str) -> Model:
    from pipeline.methods.trained import trained

    description = read_json(folder / DESCRIPTION)
    try:
        run, scale = description["run"], description["scale"]
    except (KeyError, TypeError):
        raise UserError(f"{folder / DESCRIPTION}: names no `run` and `scale`; no training wrote it.") from None
    method = trained(folder, scale, _as_asked(search, preset))
    return Model(f"{folder} ({run})", scale, method)


def _pretrained(path: Path, title: str, search: Search, preset: str, scale: int | None = None) -> Model:
    """The network in `path`; with `scale` None, of whatever scale it is."""
    import torch

    from pipeline.methods.network import NetworkMethod
    from pipeline.networks.pretrained import load_pretrained, network_in

    asked = _as_asked(search, preset)
    network: Pretrained = load_pretrained(path, scale) if scale else network_in(path, SCALE)
    device = torch.device(asked.run.device)
    network.module.to(device)
    method = NetworkMethod(network.enlarge, network.scale, asked.restore, device)
    return Model(f"{title} ({network.architecture}, {path})", network.scale, method)


def _as_asked(search: Search, preset: str) -> Preset:
    """The preset's settings, on the device that was asked for, and whole pictures: tiles are cut outside."""
    from pipeline.networks.devices import device_named

    settings = search.settings.preset(preset)
    device = device_named(search.device, "--device")
    restore = Restoration(tile=0, overlap=OVERLAP, precision=settings.restore.precision)
    return settings.model_copy(
        update={"restore": restore, "run": settings.run.model_copy(update={"device": device})}
    )
