"""make's rule for .venv: once for a lock file, again after an interruption, nothing else touched.

The tools are stubs that write down how they were called: no test installs anything.
"""

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs GNU make")

UV = "uv==1.2.3 \\\n    --hash=sha256:00\n"
PYTHON = """#!/bin/sh
# Stands in for python3: `-c` passes the version check, `-m venv` makes a .venv of stubs.
if [ "$1" = -c ]; then exit "${OLD_PYTHON:-0}"; fi
echo "venv $*" >> calls
mkdir -p .venv/bin
for tool in python uv pytest; do
    printf '#!/bin/sh\\necho "%s $*" >> calls\\n[ ! -e broken-%s ]\\n' $tool $tool > .venv/bin/$tool
    chmod +x .venv/bin/$tool
done
"""


@pytest.fixture
def checkout(root, tmp_path):
    """A folder with the Makefile, a lock file, and a stub of python3."""
    shutil.copy(root / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text(
        "uv==1.2.3 \\\n    --hash=sha256:00\nvine==5.1 \\\n    --hash=sha256:11\n"
    )
    (tmp_path / "python3").write_text(PYTHON)
    (tmp_path / "python3").chmod(0o755)
    return tmp_path


def make(checkout, *arguments, **variables):
    """Run make in `checkout` with the stub of python3; the tools it called since are in `calls`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "PYTHON=./python3", *arguments],
        cwd=checkout,
        env=environment | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def calls(checkout):
    """The tools called since the last time this was asked."""
    path = checkout / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


SET_UP = [
    "venv -m venv --clear .venv",
    "python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt",
    "uv pip sync --require-hashes requirements.lock",
]


def test_the_first_call_sets_up_and_the_second_does_not(checkout):
    assert make(checkout, "test").returncode == 0
    assert calls(checkout) == [*SET_UP, "pytest -n auto --dist loadgroup"]
    assert (checkout / ".venv" / "uv.txt").read_text() == UV
    assert make(checkout, "test").returncode == 0
    assert calls(checkout) == ["pytest -n auto --dist loadgroup"]


def test_a_changed_lock_file_is_installed_into_the_same_venv(checkout):
    make(checkout, "test")
    calls(checkout)
    lock = checkout / "requirements.lock"
    lock.write_text(lock.read_text() + "zipp==4.1 \\\n    --hash=sha256:22\n")
    later = (checkout / ".venv" / "installed.lock").stat().st_mtime + 1
    os.utime(lock, (later, later))
    assert make(checkout, "test").returncode == 0
    assert calls(checkout) == ["venv -m venv .venv", *SET_UP[1:], "pytest -n auto --dist loadgroup"]
    assert (checkout / ".venv" / "installed.lock").read_text() == lock.read_text()


@pytest.mark.parametrize("broken", ["python", "uv"])
def test_a_set_up_that_was_cut_short_is_done_again_from_the_start(checkout, broken):
    (checkout / f"broken-{broken}").touch()
    assert make(checkout, "test").returncode != 0
    assert "pytest -n auto --dist loadgroup" not in calls(checkout)
    (checkout / f"broken-{broken}").unlink()
    assert make(checkout, "test").returncode == 0
    assert calls(checkout) == [*SET_UP, "pytest -n auto --dist loadgroup"]


def test_an_old_python_is_refused_with_a_way_on(checkout):
    done = make(checkout, "test", OLD_PYTHON="1")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "make PYTHON=python3.11" in done.stderr
    assert not (checkout / ".venv").exists()


def test_help_is_the_default_and_names_every_target_without_a_set_up(root, checkout):
    shown = make(checkout).stdout
    targets = re.search(r"^\.PHONY: (.+)$", (root / "Makefile").read_text(), re.MULTILINE)[1].split()
    assert re.findall(r"^  make (\w+) ", shown, re.MULTILINE) == targets
    assert calls(checkout) == []


def test_clean_removes_what_was_made_and_leaves_the_rest(checkout):
    kept = [
        ".venv/bin/python",
        "runs/downloads/div2k/a.zip",
        "params.yaml",
        "reports/paper/table_1.csv",
        ".dvc/config",
        "dvc.lock",
    ]
    made = [
        "runs/sample/raw/a.png",
        "mlflow/mlflow.db",
        "reports/sample/index.html",
        ".dvc/cache/files/a",
        ".snakemake/x",
    ]
    for name in [*kept, *made]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    done = make(checkout, "clean")
    assert done.returncode == 0
    assert "removing runs/sample mlflow" in done.stdout
    assert [name for name in kept if not (checkout / name).exists()] == []
    assert [name for name in made if (checkout / name).exists()] == []
