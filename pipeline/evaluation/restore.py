"""Run one method over the test images of one dataset."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.datasets.images import read_rgb, write_png
from pipeline.errors import UserError
from pipeline.evaluation.cases import read_cases, restored_folder
from pipeline.files import read_json, whole_folder, write_json
from pipeline.methods import METHODS, build
from pipeline.progress import progress
from pipeline.settings import SCALES, Dataset, Settings

TRAINED_ON: Mapping[Dataset, Dataset] = {
    "realsr": "realsr",
    "ntire2020": "ntire2020",
    "camerasr": "camerasr",
    # RealSR-Zero has no training images; the paper's models for it saw DF2K (Fig. 5), as NTIRE2020's do.
    "realsr_zero": "ntire2020",
}
"""The training set whose models restore each dataset."""


def model_folder(root: Path, dataset: Dataset, method: str) -> Path | None:
    """Where the model behind a method lies under `root` (runs/<preset>); None for a method without training."""
    return None if method in METHODS else root / "models" / TRAINED_ON[dataset] / method


def restore(root: Path, dataset: Dataset, method: str, settings: Settings, results: Path | None = None) -> None:
    """Write results/restored/<dataset>/<method>: a PNG per test image, and restored.json that names the run.

    Args:
        root: runs/<preset>, where the images lie.
        results: where models and restored images lie; None is `root`.

    Raises `UserError` for an unknown method, or an input that is missing or damaged; then nothing is written.
    """
    if method not in METHODS and method not in settings.configurations:
        known = ", ".join([*METHODS, *settings.configurations])
        raise UserError(f"there is no method {method!r}; known are {known}")
    cases = read_cases(root, dataset)
    results = results or root
    model = model_folder(results, dataset, method)
    function = build(method, SCALES[dataset], model)
    run = read_json(model / "model.json")["run"] if model else None
    label = f"restore {dataset} {method}"
    with whole_folder(restored_folder(results, dataset, method)) as folder, progress(label, len(cases)) as meter:
        for case in cases:
            write_png(folder / f"{case.id}.png", function(read_rgb(case.lr)))
            meter.update()
        write_json(folder / "restored.json", {"method": method, "dataset": dataset, "run": run})
