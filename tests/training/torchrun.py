"""Starting real processes."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


HASHED = 'PYTHONHASHSEED=$((3 * RANK + 1)) exec "$0" -m "$@"'
"""What torchrun starts. The order of a set of strings differs from process to process with or without the variable;
with it the orders are the same in every run of the tests, so that a mistake fails always and not now and then."""


def launched(processes, module, *arguments, folder=CHECKOUT):
    """A finished `torchrun` of `module`."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--no-python"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    command = [*launcher, "sh", "-c", HASHED, sys.executable, module, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
