"""Which methods restore a dataset, and what the images of each depend on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluation.case import Case
from pipeline.evaluation.cases import model_folder, restored_folder
from pipeline.evaluation.restore import Job, Restoration
from pipeline.files import fingerprint, read_json, sha256
from pipeline.methods import METHODS, PACKAGES, Method
from pipeline.settings import SCALES, Dataset, Preset, Settings, module_of


def methods_of(dataset: Dataset, settings: Settings) -> list[str]:
    """The methods of the comparison on a dataset: references, trained configurations, rivals."""
    study = settings.study
    references = study.interpolations if SCALES[dataset] > 1 else ["identity"]
    trained = study.configurations if study.trained_on(dataset) else []
    return [*references, *trained, *study.rivals]


def restorations(
    root: Path,
    dataset: Dataset,
    methods: Sequence[str],
    cases: Sequence[Case],
    settings: Settings,
    preset: str,
    results: Path,
) -> list[Restoration]:
    """Each of `methods` on `cases`, the test images of `dataset`.

    Args:
        root: runs/<preset>, where the images lie.
        preset: whose settings say on what device, in which tiles and precision networks run.
        results: where models and restored images lie.

    Raises `UserError` for an unknown method, or an input that is missing or damaged.
    """
    images = fingerprint([[case.id, _hash(case.lr)] for case in cases])
    return [
        Restoration(
            dataset,
            method,
            _job(root, dataset, method, settings, preset, results),
            restored_folder(results, dataset, method),
            results / "state",
            images,
        )
        for method in methods
    ]


def _hash(lr: Path) -> str:
    try:
        return sha256(lr)
    except FileNotFoundError:
        raise UserError(f"{lr}: missing. Run `dvc repro` (stage fetch) to fetch it again.") from None


def _job(root: Path, dataset: Dataset, method: str, settings: Settings, preset: str, results: Path) -> Job:
    scale = SCALES[dataset]
    if method in METHODS:
        return Job(lambda: METHODS[method](scale), ("pipeline.methods",), "cpu", PACKAGES[method])
    if method in settings.rivals:
        return _rival(root, method, scale, settings.preset(preset))
    if method in settings.configurations:
        return _trained(results, dataset, method, settings, settings.preset(preset))
    known = ", ".join([*METHODS, *settings.configurations, *settings.rivals])
    raise UserError(f"there is no method {method!r}; known are {known}")


def _trained(results: Path, dataset: Dataset, method: str, settings: Settings, preset: Preset) -> Job:
    from pipeline.networks.devices import device_named

    model = model_folder(results, settings.study, dataset, method)
    description = read_json(model / "model.json")
    run = description["run"]

    def build() -> Method:
        from pipeline.methods.trained import trained  # only networks pay for importing torch

        return trained(model, SCALES[dataset], preset)

    return Job(
        build,
        ("pipeline.methods.trained", module_of(description["network"])),
        device_named(preset.run.device),
        ("torch",),
        run=run,
        depends_on=_networks_run(preset) | {"weights": sha256(model / "generator.safetensors")},
    )


def _rival(root: Path, method: str, scale: int, preset: Preset) -> Job:
    from pipeline.methods import rivals
    from pipeline.networks.devices import device_named

    found, at_scale_1 = rivals.Found.read(root, method), preset.restore.at_scale_1
    return Job(
        lambda: rivals.pretrained(found, scale, preset),
        ("pipeline.methods.rivals",),
        device_named(preset.run.device),
        ("torch",),
        checkpoint=found.as_json(),
        at_scale_1=None if found.scale == scale else at_scale_1,
        left_out=rivals.left_out(found.scale, scale, at_scale_1),
        depends_on=_networks_run(preset),
    )


def _networks_run(preset: Preset) -> dict[str, Any]:
    """How networks run: the settings that decide about bits. `at_scale_1` is a rival's own affair."""
    restore = preset.restore.model_dump(mode="json", exclude={"at_scale_1"})
    return {"restore": restore, "threads": preset.run.threads}
