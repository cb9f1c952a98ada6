"""The code among the `deps:` of dvc.yaml: for each stage exactly the files that its commands run.

They are written by `make deps`, at the end of each list; data stand before them and are written by hand.
"""

import ast
import re
from pathlib import Path

import yaml

from pipeline.code import imports, modules
from pipeline.errors import UserError

GRAPH = Path("dvc.yaml")
SETTINGS = "pipeline/settings"
"""A folder, and whole: every stage validates all of params.yaml, so it runs all of this package."""

_STAGE = re.compile(r"-m (stages\.\w+)")
_IMPORT = re.compile(r"^(?:from|import) [^\n(]*(?:\([^)]*\))?", re.MULTILINE)
_HEAD = re.compile(r"  (\w+):")
_CODE = re.compile(r"      - (pipeline|stages|rules|Snakefile)\b")


def updated(text: str, root: Path) -> str:
    """The text of dvc.yaml with the code that each stage depends on; `root` is the checkout.

    Raises `UserError` for a stage without a list `deps:`, an item to a line.
    """
    commands = {name: stage["cmd"] for name, stage in yaml.safe_load(text)["stages"].items()}
    lines: list[str] = []
    stage, in_deps, done = "", False, set()
    for line in [*text.splitlines(), ""]:
        if in_deps and not line.startswith("      "):
            lines += [f"      - {file}" for file in code_of(commands[stage], root)]
            done.add(stage)
        if (head := _HEAD.fullmatch(line)) and head[1] in commands:
            stage = head[1]
        in_deps = line == "    deps:" or (in_deps and line.startswith("      "))
        if not (in_deps and _CODE.match(line)):
            lines.append(line)
    if missing := sorted(commands.keys() - done):
        raise UserError(f"{GRAPH}: {', '.join(missing)}: write `deps:` as a list with an item to a line")
    return "\n".join(lines)


def code_of(command: str, root: Path) -> list[str]:
    """The files of code that a stage's command runs, the stage's own modules first.

    `snakemake` runs the Snakefile, the rules that it includes, and the stages that these call.
    """
    names, files = set(_STAGE.findall(command)), []
    if command.startswith("snakemake"):
        files = ["Snakefile", *sorted(file.relative_to(root).as_posix() for file in root.glob("rules/*.smk"))]
        text = "\n".join((root / file).read_text(encoding="utf-8") for file in files)
        names |= {*_STAGE.findall(text), *imports(ast.parse("\n".join(_IMPORT.findall(text))))}
    found = sorted(modules(*names), key=lambda file: (not file.startswith("stages/"), file))
    return [*files, *found, SETTINGS]
