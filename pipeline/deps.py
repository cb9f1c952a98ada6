"""The code that each stage of dvc.yaml depends on, as a graph of its own: stages/dvc.yaml, written by `make deps`.

A stage there has the files that a stage of dvc.yaml runs as dependencies, and leaves their hashes in runs/code/, on
which that stage depends. Written into dvc.yaml itself, for every preset and dataset, the files would make up four
fifths of dvc.lock, which DVC reads and writes anew after each stage.
"""

import ast
import re
from pathlib import Path

from pipeline.code import imports, modules
from pipeline.paths import code_record

GRAPH = Path("stages", "dvc.yaml")
FAN_OUT, FANNED_OUT = "experiments", "train"
"""The stage that calls Snakemake, and the stage that each of its jobs calls."""
SETTINGS = "pipeline/settings"
"""A folder, and whole: every stage validates all of params.yaml, so it runs all of this package."""
BY_NAME = ("pipeline/networks", "pipeline/recipes")
"""Packages whose modules are chosen by a name in params.yaml or model.json. A stage that loads one depends on the
folder: with a file added it runs again, and finds by exact fingerprints that nothing is to be made again."""

_IMPORT = re.compile(r"^(?:from|import) [^\n(]*(?:\([^)]*\))?", re.MULTILINE)
_HEAD = """\
# The code that each stage of ../dvc.yaml runs, found by its imports (pipeline/code.py). Written by `make deps`.
stages:
"""
_ENTRY = """
  {stage}:
    wdir: ..
    cmd: python -m stages.code --stage {stage}
    deps:
{deps}
    outs: [{record}]
"""


def graph(root: Path) -> str:
    """The text of stages/dvc.yaml; `root` is the checkout."""
    entries = (
        _ENTRY.format(
            stage=stage,
            deps="\n".join(f"      - {file}" for file in code_of(stage, root)),
            record=code_record(stage).as_posix(),
        )
        for stage in stages(root)
    )
    return _HEAD + "".join(entries).lstrip("\n")


def stages(root: Path) -> list[str]:
    """What has a list of its own: every module of stages/ that dvc.yaml runs by itself, and the fan-out."""
    return sorted({file.stem for file in (root / "stages").glob("[!_]*.py")} - {"code", FANNED_OUT} | {FAN_OUT})


def code_of(stage: str, root: Path) -> list[str]:
    """The files and folders that a stage of `stages` runs, in the order of stages/dvc.yaml.

    The fan-out runs the Snakefile, the rules that it includes, what these import, and a stage for each training.
    """
    if stage != FAN_OUT:
        return [*_by_name(modules(f"stages.{stage}"), root), SETTINGS]
    files = ["Snakefile", *sorted(file.relative_to(root).as_posix() for file in root.glob("rules/*.smk"))]
    text = "\n".join((root / file).read_text(encoding="utf-8") for file in files)
    imported = imports(ast.parse("\n".join(_IMPORT.findall(text))))
    return [*files, *_by_name(modules(f"stages.{FANNED_OUT}", *imported), root), SETTINGS]


def _by_name(files: frozenset[str], root: Path) -> list[str]:
    """`files`, with the packages that are loaded by name in place of their modules, and what these import."""
    loaded = {package for package in BY_NAME if f"{package}/__init__.py" in files}
    while True:
        names = [
            ".".join(file.relative_to(root).with_suffix("").parts)
            for package in loaded
            for file in (root / package).glob("[!_]*.py")
        ]
        files |= modules(*names)
        if (more := {package for package in BY_NAME if f"{package}/__init__.py" in files}) == loaded:
            break
        loaded = more
    return _sorted(frozenset({file for file in files if str(Path(file).parent) not in loaded} | loaded))


def _sorted(files: frozenset[str]) -> list[str]:
    return sorted(files, key=lambda file: (not file.startswith("stages/"), file))
