"""Settings and histories in the shape that MLflow takes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME_LENGTH = 250
"""MLflow's limit (mlflow/utils/validation.py)."""


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as text by dotted name; lists as JSON; None is left out. Names obey MLflow's rules."""
    found: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif value is not None:
            found[mlflow_name(name)] = value if isinstance(value, str) else json.dumps(value)
    return found


def mlflow_name(name: str) -> str:
    """`name` as MLflow takes it for a param or metric: other characters become `_`, a path is made plain."""
    parts = (part.lstrip(".") for part in re.sub(r"[^\w\-. :/]", "_", name[:NAME_LENGTH]).split("/"))
    return "/".join(part for part in parts if part) or "_"


def metric_name(name: str) -> str:
    """What a column of a history is called in MLflow, whose charts are grouped by what stands before the `/`."""
    return name if "/" in name or name == "iteration" else f"train/{name}"


def lines_after(path: Path, iteration: int) -> list[dict[str, float]]:
    """The whole lines of a history whose iteration is greater; a line still being written is left out."""
    if not path.exists():
        return []
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    records = (json.loads(line) for line in whole)
    return [record for record in records if record["iteration"] > iteration]
