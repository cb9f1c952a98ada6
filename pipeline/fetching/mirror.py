"""The mirror root: a folder or URL that is tried before the official places."""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import UserError
from pipeline.fetching.download import is_web, local_path
from pipeline.fetching.source import Source


def subfolder(mirror: str, name: str) -> str:
    """The place `name` under a mirror root, without a slash at the end. Raises `UserError` for a missing root."""
    if is_web(mirror):
        return f"{mirror.rstrip('/')}/{name}"
    root = local_path(mirror)
    if not root.is_dir():
        raise UserError(f"the mirror root {root} is missing: mend CRIA_MIRROR or `mirror` in params.yaml.")
    return str(root / name)


def mirrored(near: str | None, files: Iterable[Source]) -> dict[str, str]:
    """Where the mirror's subfolder `near` has each file (a local one) or may have it, by name."""
    if near is None:
        return {}
    if is_web(near):
        return {file.name: f"{near}/{quote(file.name)}" for file in files}
    return {file.name: str(Path(near, file.name)) for file in files if Path(near, file.name).exists()}
