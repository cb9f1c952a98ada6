"""Where a preset's files lie. Data is shared; what an ablation seed makes lies apart."""

from pathlib import Path

DOWNLOADS = Path("runs", "downloads")
"""Fetched archives, of all presets; a person may put a file there by hand."""


def code_record(stage: str) -> Path:
    """The hashes of the code that a stage runs (pipeline/deps.py); the same for all presets."""
    return Path("runs", "code", f"{stage}.json")


def data_root(preset: str) -> Path:
    """Of raw/, splits/, packs/, weights/, pretrained/, the trunks in models/, and state/."""
    return Path("runs", preset)


def results_root(preset: str, seed: int | None = None) -> Path:
    """Of models/, restored/ and scores/: the comparison's (seed None), or one seed's of the ablations."""
    return data_root(preset) if seed is None else data_root(preset) / "ablations" / f"seed{seed}"


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
