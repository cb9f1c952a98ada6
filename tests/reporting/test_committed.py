"""The committed report of the lab study is the one that the committed dvc.lock describes."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
LOCKED = {
    out["path"]: out["md5"]
    for stage in yaml.safe_load((CHECKOUT / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
    for out in stage.get("outs", [])
    if out["path"].startswith("reports/lab/")
}


def dvc_hash(path):
    """As DVC has it: a file's MD5; of a folder, that of its files' in JSON."""
    if path.is_file():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    entries = [{"md5": dvc_hash(file), "relpath": file.relative_to(path).as_posix()} for file in files]
    entries.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def test_page_tables_and_figures_are_locked():
    assert "reports/lab/index.html" in LOCKED
    assert {Path(path).parent.name for path in LOCKED} == {"lab", "tables", "figures"}


@pytest.mark.parametrize("path", LOCKED)
def test_it_has_the_bytes_of_the_lock(path):
    assert dvc_hash(CHECKOUT / path) == LOCKED[path]
