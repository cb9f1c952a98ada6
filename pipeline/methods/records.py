"""Of each row that restores a dataset all that its images depend on, but the images themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.files import read_json, sha256
from pipeline.methods.method import Method
from pipeline.methods.rows import Row, rows
from pipeline.paths import model_folder, pretrained_folder
from pipeline.settings import SCALES, Dataset, Preset, Restoration, Rival, Settings, module_of

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "identity": (),
    "bicubic": ("opencv-python",),
    "bicubic_matlab": ("torch",),
    "lanczos": ("opencv-python",),
}
"""What computes each interpolation: another release may give other bits."""


@dataclass(frozen=True)
class Weights:
    """The weights of a network, and the scale that it was trained for."""

    path: Path
    sha256: str
    scale: int


@dataclass(frozen=True)
class Record:
    """A row, of one seed where it is trained here, on the images of a scale.

    Attributes:
        scale: of the dataset.
        code: the modules that restore, and no other row's.
        packages: what it computes with; another release may give other bits.
        device: `cpu` or `cuda`, where it computes.
        restoration: how its network goes over an image; None without a network.
        threads: of the CPU; None without a network.
        run: the name of the training behind it.
        at_scale_1: `enlarge_then_reduce` where a scale-4 network is applied to a scale-1 set so.
        left_out: why the row does not restore such images; None where it does.
    """

    row: Row
    scale: int
    code: tuple[str, ...]
    packages: tuple[str, ...]
    device: str = "cpu"
    seed: int | None = None
    weights: Weights | None = None
    restoration: Restoration | None = None
    threads: int | None = None
    run: str | None = None
    at_scale_1: str | None = None
    left_out: str | None = None

    @property
    def described(self) -> dict[str, Any]:
        """What its images depend on as JSON, but for the images, the code and the releases of its packages."""
        # How a scale-4 network is applied at scale 1 is the affair of those rows alone: `at_scale_1`.
        restore = self.restoration.model_dump(mode="json", exclude={"at_scale_1"}) if self.restoration else None
        weights = {"sha256": self.weights.sha256, "scale": self.weights.scale} if self.weights else None
        return {
            "row": self.row.name,
            "seed": self.seed,
            "scale": self.scale,
            "device": self.device,
            "weights": weights,
            "restore": restore,
            "threads": self.threads,
            "at_scale_1": self.at_scale_1,
        }


def records(settings: Settings, preset: str, dataset: Dataset) -> list[Record]:
    """One for each row of `rows` and, where it is trained here, for each seed of the preset.

    Raises `UserError` for a model or a checkpoint that is missing under runs/<preset>.
    """
    return [record for row in rows(settings, preset, dataset) for record in of_row(row, settings, preset, dataset)]


def of_row(row: Row, settings: Settings, preset: str, dataset: Dataset) -> list[Record]:
    """The records of one row on a dataset; errors as `records`."""
    block, scale = settings.preset(preset), SCALES[dataset]
    if row.kind == "interpolation":
        return [interpolation(row, scale)]
    if row.kind == "published":
        rival = settings.rivals[row.name]
        return [published(row, checkpoint_of(rival, preset), rival.scale, scale, block)]
    training_set = settings.study.sets[dataset]
    assert training_set is not None  # else `rows` has no trained row
    folders = {seed: model_folder(preset, training_set, row.name, seed) for seed in block.seeds}
    return [trained(row, seed, folder, scale, block) for seed, folder in folders.items()]


def interpolation(row: Row, scale: int) -> Record:
    """Of a method without weights."""
    return Record(row, scale, ("pipeline.methods.classical",), PACKAGES[row.name])


def trained(row: Row, seed: int | None, folder: Path, scale: int | None, preset: Preset) -> Record:
    """Of the generator in `folder`, on images of `scale`, or of whatever scale it was trained for."""
    from pipeline.networks.devices import device_named  # imports torch

    description, weights = read_json(folder / "model.json"), folder / "generator.safetensors"
    try:
        run, module, own = description["run"], module_of(description["network"]), description["scale"]
    except (KeyError, TypeError):
        raise UserError(
            f"{folder / 'model.json'}: has no `run`, `scale` and `network`; no training wrote it."
        ) from None
    return Record(
        row,
        scale or own,
        ("pipeline.methods.trained", module),
        ("torch",),
        device_named(preset.run.device),
        seed,
        Weights(weights, _hash(weights), own),
        preset.restore,
        preset.run.threads,
        run,
    )


def published(row: Row, path: Path, trained_for: int, scale: int, preset: Preset) -> Record:
    """Of the network in a checkpoint that was trained for one scale, on images of `scale`."""
    from pipeline.networks.devices import device_named  # imports torch

    way = preset.restore.at_scale_1
    left_out = _left_out(trained_for, scale, way)
    return Record(
        row,
        scale,
        ("pipeline.methods.published",),
        ("torch",),
        device_named(preset.run.device),
        weights=Weights(path, _hash(path), trained_for),
        restoration=preset.restore,
        threads=preset.run.threads,
        at_scale_1=None if trained_for == scale else way,
        left_out=left_out,
    )


def checkpoint_of(rival: Rival, preset: str) -> Path:
    """The file with a rival's weights."""
    return Path(rival.file) if rival.file else pretrained_folder(preset, str(rival.weights)) / "weights.safetensors"


def build(record: Record) -> Method:
    """The method of a record; weights are loaded now.

    Raises `UserError` when the weights are missing, broken or not what the record says.
    """
    # Only networks pay for importing torch.
    if record.weights is None or record.restoration is None:
        from pipeline.methods.classical import METHODS

        return METHODS[record.row.name](record.scale)
    if record.row.kind == "trained":
        from pipeline.methods import trained as trained_method

        return trained_method.trained(record.weights.path.parent, record.scale, record.restoration, record.device)
    from pipeline.methods import published as published_method

    return published_method.published(
        record.weights.path, record.weights.scale, record.scale, record.restoration, record.device
    )


def _hash(weights: Path) -> str:
    try:
        return sha256(weights)
    except FileNotFoundError:
        raise UserError(
            f"{weights} is missing. Run `dvc repro` to make it; put a checkpoint of your own there, or correct "
            "params.yaml (rivals)."
        ) from None


def _left_out(trained_for: int, scale: int, at_scale_1: str) -> str | None:
    """Why a network of the scale `trained_for` does not restore images of `scale`; None where it does."""
    if trained_for == scale or (scale == 1 and at_scale_1 == "enlarge_then_reduce"):
        return None
    choice = ", and this preset has `at_scale_1: skip`" if scale == 1 else ""
    return f"a network of scale {trained_for}, a set of scale {scale}{choice}"
