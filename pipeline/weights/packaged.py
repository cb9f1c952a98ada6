"""A file inside an installed package, found without importing the package."""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.weights.registry import Packaged


def locate(file: Packaged) -> Path:
    """Where `file` is, its sha256 checked. Raises `UserError` when it is not there, or is another file."""
    name = file.package.partition("==")[0]
    try:
        path = Path(str(distribution(name).locate_file(file.path)))
    except PackageNotFoundError:
        raise UserError(
            f"the package {name} is not installed; `make repro` installs what requirements.lock names"
        ) from None
    if not path.is_file():
        raise UserError(f"{path} is missing; reinstall {file.package} from requirements.lock")
    if (found := sha256(path)) != file.sha256:
        raise UserError(
            f"{path} has sha256 {found}, not that of {file.package}; reinstall it from requirements.lock"
        )
    return path
