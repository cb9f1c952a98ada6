"""Where a preset's files lie."""

from collections.abc import Mapping
from pathlib import Path

DOWNLOADS = Path("runs", "downloads")
"""Fetched archives, of all presets; a person may put a file there by hand."""


def code_record(stage: str) -> Path:
    """The hashes of the code that a stage runs (pipeline/deps.py); the same for all presets."""
    return Path("runs", "code", f"{stage}.json")


def data_root(preset: str) -> Path:
    """Of raw/, splits/, packs/, weights/, pretrained/, models/, restored/, scores/ and state/."""
    return Path("runs", preset)


def model_folder(preset: str, training_set: str, row: str, seed: int) -> Path:
    """Of a trained row: generator.safetensors, model.json and what else its training leaves."""
    return data_root(preset) / "models" / training_set / row / f"seed{seed}"


def restored_folder(root: Path, dataset: str, row: str, seed: int | None = None) -> Path:
    """Of the test images of a dataset that a row has restored, with a seed where it was trained here."""
    folder = root / "restored" / dataset / row
    return folder if seed is None else folder / f"seed{seed}"


def scores_file(root: Path, dataset: str, row: str, seed: int | None = None) -> Path:
    """The scores of the images in `restored_folder`."""
    folder = root / "scores" / dataset
    return folder / f"{row}.csv" if seed is None else folder / row / f"seed{seed}.csv"


Made = tuple[str, int | None]
"""A row and, where it was trained here, the seed."""


def restored_folders(root: Path, dataset: str) -> dict[Made, Path]:
    """Every `restored_folder` of a dataset that is finished (it has a restored.json), in the order of its key."""
    folder = root / "restored" / dataset
    files = [*folder.glob("[!.]*/restored.json"), *folder.glob("[!.]*/seed*/restored.json")]
    return _by_key(folder, {file.parent: file.parent for file in files})


def score_files(root: Path, dataset: str) -> dict[Made, Path]:
    """Every `scores_file` of a dataset, in the order of its key."""
    folder = root / "scores" / dataset
    files = [*folder.glob("[!.]*.csv"), *folder.glob("[!.]*/seed*.csv")]
    return _by_key(folder, {file.with_suffix(""): file for file in files})


def of_seed(found: Mapping[Made, Path], seed: int) -> dict[str, Path]:
    """By row: of a row that was trained here what is of `seed`, of another the only one."""
    return {row: path for (row, own), path in found.items() if own in (None, seed)}


def _by_key(folder: Path, found: Mapping[Path, Path]) -> dict[Made, Path]:
    keys: dict[Made, Path] = {}
    for place, path in found.items():
        row, *seed = place.relative_to(folder).parts
        keys[row, int(seed[0].removeprefix("seed")) if seed else None] = path
    return dict(sorted(keys.items(), key=lambda item: (item[0][0], item[0][1] or 0)))


def pretrained_folder(preset: str, name: str) -> Path:
    """Of a weight of pipeline/weights/registry.yaml: weights.safetensors and weights.json."""
    return data_root(preset) / "pretrained" / name


def opinions_folder(preset: str, dataset: str) -> Path:
    """Of a rating study: study.json, the key to the methods, and <rater>.jsonl.

    Apart from runs/: what people have said cannot be made anew.
    """
    return Path("opinions", preset, dataset)


def tables_folder(preset: str, group: str) -> Path:
    """Of the tables of a group, `comparison`, `ablations` or `efficiency`."""
    return Path("reports", preset, "tables", group)


def figures_folder(preset: str, group: str) -> Path:
    """Of the figures of a group: `ablations`, `comparison` or `parts`."""
    return Path("reports", preset, "figures", group)
