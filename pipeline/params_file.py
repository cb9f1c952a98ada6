"""params.yaml as text: read by both YAML dialects, and its mistakes told in words.

Kept apart from `settings`, which says what the values mean.
"""

import difflib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import UserError


def read_params(path: Path) -> object:
    """The values in `path`, as DVC reads them (YAML 1.2).

    Raises `UserError` for a missing file, broken YAML, or a value that YAML 1.1 and 1.2 read differently.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run this from the project's root folder") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from None
    try:
        values = YAML(typ="safe").load(io.StringIO(text))
        values_1_1 = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # libyaml, where there is one
    except (YAMLError, yaml.YAMLError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    _refuse_dialects(values, values_1_1, path)
    return values


def _refuse_dialects(new: object, old: object, path: Path, key: str = "") -> None:
    """Refuse what YAML 1.2 (DVC) and YAML 1.1 (Snakemake) read as different values, e.g. `1e-4` or `no`."""
    if isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys():
        for name in new:
            _refuse_dialects(new[name], old[name], path, f"{key}.{name}".lstrip("."))
    elif isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        for index, (a, b) in enumerate(zip(new, old, strict=True)):
            _refuse_dialects(a, b, path, f"{key}.{index}")
    elif type(new) is not type(old) or repr(new) != repr(old):  # repr: NaN is read alike, and refused later
        raise UserError(
            f"{path}: {key or 'a top-level key'}: YAML 1.2 reads {new!r}, YAML 1.1 reads {old!r}. Write numbers "
            "as 1.0e-4 and switches as true or false, so that DVC and Snakemake read the same."
        )


def explained(item: Mapping[str, Any], path: Path, schema: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a line: the key's path, what is wrong, what was expected, an example.

    Args:
        item: an entry of `ValidationError.errors()`.
        path: of the file.
        schema: the JSON schema of the whole, for known keys and examples.
    """
    location: Sequence[str | int] = item["loc"]
    key = ".".join(str(part) for part in location) or "(top level)"
    owner, field = _walk(location, schema)
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(location[-1]), owner, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(sorted(owner))}"
        return f"{path}: {key}: unknown key; {hint}"
    if item["type"] == "missing":
        return f"{path}: {key}: missing{_example(field)}"
    message = item["msg"].removeprefix("Value error, ")
    got = "" if isinstance(item["input"], dict) else f" (got {item['input']!r})"
    return f"{path}: {key}: {message}{got}{_example(field)}"


def _example(field: Mapping[str, Any]) -> str:
    examples = field.get("examples", [])
    return f"; for example {json.dumps(examples[0])}" if examples else ""


def _walk(location: Sequence[str | int], root: Mapping[str, Any]) -> tuple[list[str], Mapping[str, Any]]:
    """The known keys of the block that `location` ends in, and the schema of the field it names."""
    block: Mapping[str, Any] = root
    field: Mapping[str, Any] = root
    for part in location:
        block = field
        if "$ref" in block:
            block = root["$defs"][block["$ref"].rsplit("/", 1)[1]]
        named = next(iter(block.get("patternProperties", {}).values()), None)  # names of a form, e.g. of rivals
        inner = block.get("items") if isinstance(part, int) else block.get("properties", {}).get(part)
        field = inner or named or block.get("additionalProperties") or {}
        field = field if isinstance(field, dict) else {}
    return list(block.get("properties", {})), field
