"""A clone of the checkout whose params are cut down until the whole graph takes two or three minutes."""

import os
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

CHECKOUT = Path(__file__).parents[2]


def shrink(params: dict) -> None:
    """The sample preset on tiny crops: few images, few iterations, two configurations in the ablations."""
    sample = params["sample"]
    few = {"train": 6, "source": 6, "target": 3, "validation": 1, "test": 2}
    for dataset, composition in sample["datasets"].items():
        composition["standin"] = 256 if dataset == "realsr" else 96  # KernelGAN needs LR images of 64 px
        for part in composition["parts"]:
            part["roles"].update({role: 1 if dataset == "realsr_zero" else few[role] for role in part["roles"]})
    sample["datasets"]["realsr"]["recipe"] |= {"noise_patch": 8, "kernel_images": 1, "kernel_iterations": 5}
    sample["network"] |= {"features": 8, "blocks": 1, "growth": 4, "branch_blocks": 1}
    sample["trunk"] |= {"iterations": 6, "batch": 2, "halve_at": [4]}
    sample["training"] |= {"iterations": 4, "batch": 2, "halve_at": [3]}
    sample["run"] |= {"threads": 1, "log_every": 1, "validate_every": 2, "checkpoint_every": 2}
    params["sample"]["rivals"] = ["impressionism"]
    params["ablation"] |= {"table_5": ["plain", "full"], "table_6": ["full"]}


class Clone:
    """A clone with the tools of this environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(folder)], check=True)
        self.edit(shrink)

    def edit(self, change) -> None:
        """Apply `change` to params.yaml."""
        yaml = YAML()
        yaml.width = 200
        file = self.folder / "params.yaml"
        params = yaml.load(file)
        change(params)
        yaml.dump(params, file)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": paths, "OMP_NUM_THREADS": "1"}
        # The clone has a store of its own, and its hundred processes should compile their imports once.
        for name in ("MLFLOW_TRACKING_URI", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *command: str, expect: int = 0) -> str:
        """The output of a command, which has to end with the status `expect`."""
        process = self.start(*command)
        output, _ = process.communicate()
        assert process.returncode == expect, output
        return output

    def made(self, *patterns: str) -> dict[str, bytes]:
        """The bytes of the files under the clone that match."""
        files = (file for pattern in patterns for file in self.folder.glob(pattern) if file.is_file())
        return {str(file.relative_to(self.folder)): file.read_bytes() for file in files}


TABLES = ("reports/sample/tables/comparison/*", "reports/sample/tables/ablations/*", "runs/sample/scores/**/*.csv")
"""All but Table VII: a time is never the same twice."""
