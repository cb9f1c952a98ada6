"""Where and with what a result was made: code, package versions, machine. For run.json and MLflow's tags."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The checkout that this code runs from."""

PACKAGES = ("torch", "torchvision", "numpy", "opencv-python", "pyiqa", "scikit-image")
"""Packages whose release can change a number."""

RESULTS = ("dvc.lock", "stages/dvc.lock", "reports")
"""What `dvc repro` rewrites as it goes: a change there says nothing about the code."""


def environment(device: str = "cpu") -> dict[str, Any]:
    """The circumstances of a run as JSON; what cannot be found out is None.

    Args:
        device: `cpu` or `cuda`, where the run computes.
    """
    return {
        "git": _code(),
        "dvc_stage": os.environ.get("DVC_STAGE"),
        "versions": {"python": platform.python_version(), **_releases()},
        "device": {"kind": device, "name": device_name(device)},
        "threads": _threads(),
        "platform": platform.platform(),
    }


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """The release of each package by name; None where it is not installed."""
    return {name: _version(name) for name in packages}


def git_state(root: Path) -> dict[str, str | bool | None]:
    """`{"commit": 40 hex digits, "dirty": bool}` of the checkout at `root`.

    dirty: files other than results differ from the commit. Both are None where git is missing or `root` is not
    the top of a repository (an unpacked archive inside another project must not borrow that project's commit).
    """
    top = _git(root, "rev-parse", "--show-toplevel")
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return {"commit": None, "dirty": None}
    changed = _git(root, "status", "--porcelain", "--", ".", *(f":(exclude){name}" for name in RESULTS))
    return {"commit": commit, "dirty": None if changed is None else bool(changed)}


def device_name(device: str) -> str | None:
    """The model of the GPU (`cuda`) or of the processor (`cpu`)."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def gpu_count() -> int:
    """NVIDIA GPUs of this machine, by their device files: without importing torch, which takes seconds."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _code() -> dict[str, str | bool | None]:
    """The state of this checkout when the process first asked: of what it has imported, not of a later edit."""
    return git_state(ROOT)


@cache
def _releases() -> dict[str, str | None]:
    return versions(PACKAGES)


def _threads() -> int | None:
    """torch's CPU threads; None where torch is not in use, so that asking does not import it."""
    torch = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None where it is missing, refuses or takes over ten seconds."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
