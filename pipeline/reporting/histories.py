"""Validation curves, read from each run's own history.jsonl."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.errors import UserError
from pipeline.paths import model_folder

PREFIX = "validation/"


def read_histories(preset: str, data: str, configurations: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """The validation scores of every configuration and seed on the training set `data`, a row a score.

    Columns: configuration, seed, iteration, metric (without its prefix `validation/`), value.
    Raises `UserError` for a missing or broken history, or one without validation scores.
    """
    parts = [
        _read(model_folder(preset, data, configuration, seed) / "history.jsonl").assign(
            configuration=configuration, seed=seed
        )
        for configuration in configurations
        for seed in seeds
    ]
    return pd.concat(parts, ignore_index=True)[["configuration", "seed", "iteration", "metric", "value"]]


def _read(file: Path) -> pd.DataFrame:
    """Columns iteration, metric, value."""
    try:
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        scores = [
            (int(record["iteration"]), name.removeprefix(PREFIX), float(value))
            for record in records
            for name, value in record.items()
            if name.startswith(PREFIX)
        ]
    except FileNotFoundError:
        raise UserError(f"{file} is missing. Run `snakemake ablations` to train that configuration.") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file} is not a history of a training ({error!r}). Delete its folder and run `snakemake ablations`."
        ) from None
    if not scores:
        raise UserError(
            f"{file} has no `{PREFIX}...` score. Delete its folder and run `snakemake ablations` to train it again."
        )
    return pd.DataFrame(scores, columns=["iteration", "metric", "value"])
