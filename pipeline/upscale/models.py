"""The method that a person asks for: a row of the study, or a file with a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline.errors import UserError
from pipeline.methods import Method, records, rows
from pipeline.methods.records import Record
from pipeline.paths import data_root, model_folder
from pipeline.settings import Interpolation, Preset, PresetName, Restoration, Settings
from pipeline.upscale.tiled import OVERLAP

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

    def run_by(self, preset: str) -> Preset:
        """The preset's settings on the device that was asked for, for whole pictures: tiles are cut outside."""
        from pipeline.networks.devices import device_named

        settings = self.settings.preset(preset)
        device = device_named(self.device, "--device")
        restore = Restoration(tile=0, overlap=OVERLAP, precision=settings.restore.precision)
        return settings.model_copy(
            update={"restore": restore, "run": settings.run.model_copy(update={"device": device})}
        )


def short(wanted: str) -> str:
    """What the names of files say of a method: its own name, or that of its file or training."""
    path = Path(wanted)
    if path.name == GENERATOR or (path / GENERATOR).exists():
        folder = path.resolve().parent if path.name == GENERATOR else path.resolve()
        return folder.parent.name if folder.name.startswith("seed") else folder.name
    return path.stem


def find(wanted: str, search: Search) -> Model:
    """The method `wanted`: the name of an interpolation, a configuration or a rival, or a path.

    A path is of a checkpoint, or of a folder that a training made. Raises `UserError` when there is no such method
    or model, saying what makes it and what there is.
    """
    settings = search.settings
    if wanted in INTERPOLATIONS:
        method = records.build(records.interpolation(rows.interpolation_row(wanted), SCALE))
        return Model(f"{wanted} interpolation, no network", SCALE, method)
    if wanted in settings.configurations:
        return _of_training(wanted, search)
    if wanted in settings.rivals:
        return _of_rival(wanted, search)
    path = Path(wanted)
    if path.suffix in CHECKPOINTS or path.is_dir():
        return _of_path(path, search)
    known = ", ".join([*INTERPOLATIONS, *settings.configurations, *settings.rivals])
    raise UserError(f"there is no method {wanted!r}; known are {known}, and paths of checkpoints.")


def available(search: Search) -> str:
    """What can be run at once, as `--method` takes it."""
    found, settings = list(INTERPOLATIONS), search.settings
    for name in reversed(get_args(PresetName)):
        preset = f" --preset {name}"
        found += [r + preset for r, rival in settings.rivals.items() if records.checkpoint_of(rival, name).exists()]
        models = {file.parents[1] for file in data_root(name).glob(f"models/*/*/seed*/{GENERATOR}")}
        found += [
            f"{model.name} --data {model.parent.name}{preset}"
            for model in sorted(models)
            if model.name in settings.configurations
        ]
    return "; ".join(found)


def _of_training(name: str, search: Search) -> Model:
    """Of the first of a preset's seeds."""
    settings, sets = search.settings, search.settings.study.training_sets
    if search.data not in sets:
        raise UserError(f"--data {search.data}: nothing is trained on it; the training sets are {', '.join(sets)}.")
    seeds = {preset: settings.preset(preset).seeds[0] for preset in search.presets}
    folders = {preset: model_folder(preset, search.data, name, seed) for preset, seed in seeds.items()}
    for preset, folder in folders.items():
        if (folder / GENERATOR).exists():
            return _trained(folder, search, preset)
    preset = search.presets[0]
    how = f"`snakemake --config preset={preset} -- {search.data}_{name}_seed{seeds[preset]}` trains it."
    if name not in settings.rows(search.data):
        how = f"Nothing in the study trains it on {search.data}."
    raise UserError(
        f"{folders[preset]}: {name} is not trained there yet. {how} "
        f"Or name what there is, --method {available(search)}."
    )


def _of_rival(name: str, search: Search) -> Model:
    rival, row = search.settings.rivals[name], rows.published_row(name, search.settings.rivals[name])
    for preset in search.presets:
        checkpoint = records.checkpoint_of(rival, preset)
        if checkpoint.exists():
            return _built(records.published(row, checkpoint, rival.scale, rival.scale, search.run_by(preset)))
    preset = search.presets[0]
    make = f"`python -m stages.weights --preset {preset} --name {rival.weights}` gets it."
    raise UserError(
        f"{records.checkpoint_of(rival, preset)} is missing. {'Put the file there.' if rival.file else make} "
        f"Or name what there is, --method {available(search)}."
    )


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
    from pipeline.networks.pretrained import network_in

    scale = network_in(path, SCALE).scale
    return _built(
        records.published(rows.Row(path.name, path.name, "published"), path, scale, scale, search.run_by(preset))
    )


def _trained(folder: Path, search: Search, preset: str) -> Model:
    row = rows.trained_row(short(str(folder)))
    record = records.trained(row, None, folder, None, search.run_by(preset))
    return Model(f"{folder} ({record.run})", record.scale, records.build(record))


def _built(record: Record) -> Model:
    """A published network."""
    method = records.build(record)
    assert record.weights is not None
    return Model(
        f"{record.row.title} ({method.network['architecture']}, {record.weights.path})", method.scale, method
    )
