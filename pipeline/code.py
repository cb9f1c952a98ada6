"""The code that a result depends on: the modules that a module imports, those that they import, and so on.

Sources are read, not run. An import inside a function counts; one under TYPE_CHECKING does not. A name that a
package passes on leads to the module that defines it, so that a file added to a package changes nothing for others;
the package's own `__init__` counts where it defines the name. A file that is no module, such as a table or a
template, belongs to the module beside it that names it.
"""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pipeline", "stages")

GROUND = (
    # What a result reads of params.yaml stands in its fingerprint by value, defaults included. A stage of dvc.yaml
    # depends on the whole package, because every stage validates all of params.yaml.
    "pipeline.settings",
    "pipeline.params_file",
    # This module: a change of it changes the hashes themselves.
    "pipeline.code",
    # Where outputs lie. dvc.yaml names the same places, and a stage that misses them fails.
    "pipeline.paths",
    # How outputs are written whole, and how inputs are hashed.
    "pipeline.files",
    # What a person is told: messages, progress, the machine that a run was on, its mirror in MLflow.
    "pipeline.errors",
    "pipeline.progress",
    "pipeline.environment",
    "pipeline.tracking",
)
"""Modules and packages that cannot change a result, or whose part in it is recorded by value."""


def modules(*names: str) -> frozenset[str]:
    """The files behind the named modules and everything that they import, but for GROUND.

    Args:
        names: dotted, e.g. `pipeline.training.loop` or `stages.train`.

    Returns paths relative to the checkout, such as `pipeline/networks/rrdb.py`; a folder of data stands for all in
    it. Raises `ValueError` for a name that is no module of the project.
    """
    if unknown := [name for name in names if _source(name) is None]:
        raise ValueError(f"no such module: {', '.join(unknown)}")
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and not _is_ground(name):
            found.add(name)
            waiting += _imports_of(name)
    return frozenset(file for name in found for file in _files_of(name))


@cache
def code_hash(*names: str) -> str:
    """Hex sha256 of all that `modules(*names)` stands for, computed once per process."""
    return hashlib.sha256(json.dumps(hashes(modules(*names)), sort_keys=True).encode()).hexdigest()


def hashes(places: Iterable[str]) -> dict[str, str]:
    """Hex sha256 of each file among `places`, relative to the checkout, and of those in the folders among them."""
    files = {file for place in places for file in (ROOT / place, *(ROOT / place).rglob("*")) if file.is_file()}
    return {
        file.relative_to(ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(files)
        if file.parent.name != "__pycache__"
    }


def imports(tree: ast.AST, package: str = "") -> frozenset[str]:
    """The modules of the project that a source imports, itself; `package` is where its relative imports start."""
    found: set[str] = set()
    for node in _at_run_time(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if _source(alias.name)}
        elif _source(module := _origin(node, package)):
            found |= {_defining(module, alias.name) for alias in node.names}
    return frozenset(found)


def _is_ground(name: str) -> bool:
    return any(name == ground or name.startswith(f"{ground}.") for ground in GROUND)


@cache
def _source(name: str) -> Path | None:
    """The file of a module, or None where the project has no such module."""
    first, *rest = name.split(".")
    if first not in PACKAGES:
        return None
    place = ROOT.joinpath(first, *rest)
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)


def _is_package(name: str) -> bool:
    source = _source(name)
    return source is not None and source.name == "__init__.py"


@cache
def _tree(name: str) -> ast.Module:
    source = _source(name)
    return ast.parse(source.read_bytes() if source else b"")


@cache
def _imports_of(name: str) -> frozenset[str]:
    return imports(_tree(name), name if _is_package(name) else name.rpartition(".")[0])


@cache
def _files_of(name: str) -> frozenset[str]:
    """A module's own file, and the files and folders beside it that it names and that are no modules."""
    source = _source(name)
    assert source is not None
    beside = [place for place in source.parent.iterdir() if not _holds_modules(place)]
    named = {node.value for node in ast.walk(_tree(name)) if isinstance(node, ast.Constant)} if beside else set()
    files = [source, *(place for place in beside if place.name in named)]
    return frozenset(file.relative_to(ROOT).as_posix() for file in files)


@cache
def _holds_modules(place: Path) -> bool:
    return place.suffix == ".py" or place.name == "__pycache__" or (place / "__init__.py").exists()


def _at_run_time(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import but those for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from _at_run_time(ast.Module(child.orelse, []))
        elif not isinstance(child, ast.expr):
            yield from _at_run_time(child)


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The absolute name of the module behind `from`."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def _defining(module: str, name: str) -> str:
    """The module that defines what `from module import name` gives."""
    if not _is_package(module):
        return module
    passed_on, own = _bound(module)
    if name in passed_on:
        return _defining(*passed_on[name])
    submodule = f"{module}.{name}"
    return submodule if name not in own and _source(submodule) else module


@cache
def _bound(package: str) -> tuple[Mapping[str, tuple[str, str]], frozenset[str]]:
    """What a package's `__init__` takes from other modules (by name there: module, name), and what it defines."""
    passed_on: dict[str, tuple[str, str]] = {}
    own: set[str] = set()
    for node in _tree(package).body:
        if isinstance(node, ast.ImportFrom):
            module = _origin(node, package)
            if _source(module) and module != package:
                passed_on |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            own.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            own |= {target.id for target in targets if isinstance(target, ast.Name)}
    return passed_on, frozenset(own)
