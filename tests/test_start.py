"""What a process imports before it works: no package that it has no use for, counted in modules, not in seconds."""

import subprocess
import sys
from pathlib import Path

import pytest

import stages

STAGES = sorted(file.stem for file in Path(stages.__path__[0]).glob("[!_]*.py"))

COMPILERS = {"torch._dynamo", "torch._inductor", "sympy"}
"""What torch imports with its first optimiser, unless one is careful (pipeline/optimisers.py)."""
HEAVY = {
    *("cv2", "matplotlib", "mlflow", "pandas", "pyiqa", "scipy", "skimage", "sklearn", "spandrel", "sqlalchemy"),
    *("torch", "torchvision"),
    *COMPILERS,
}


def loaded(program: str, root: Path, *arguments: str) -> set[str]:
    """The modules that a Python program has imported when it ends."""
    shown = "import atexit, sys\natexit.register(lambda: print(*sys.modules, sep='\\n'))\n" + program
    done = subprocess.run([sys.executable, "-c", shown, *arguments], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_what_its_arguments_are_before_it_imports_what_it_works_with(stage, root):
    program = f"import runpy, sys; runpy.run_module('stages.{stage}', run_name='__main__')"
    assert loaded(program, root, "--help").isdisjoint(HEAVY)


def test_what_a_training_imports(root):
    """torch, and OpenCV for the crops."""
    program = (
        "import pipeline.training.run, pipeline.training.inputs, pipeline.training.export, pipeline.recipes.cria\n"
        "import pipeline.recipes.trunk, pipeline.evaluation.validation, pipeline.tracking"
    )
    assert loaded(program, root) & HEAVY == {"cv2", "torch"}


TRAINING = """
import sys
from pathlib import Path
from pipeline.training.checkpoints import TrainingState
from pipeline.training.execution import configure
from pipeline.training.loop import train
from pipeline.tracking import mirrored
from tests.training.tiny import tiny_trainer, with_schedule

experiment = with_schedule(ema=0.9)
configure(experiment.run)
for _ in range(2):  # the second one resumes
    trainer, state = tiny_trainer(experiment=experiment), TrainingState(Path(sys.argv[1]))
    with mirrored("sample", "full", params={}, environment={}) as run:
        train(trainer, state, lambda network: {"psnr": 1.0}, lambda: run.history(state.history))
"""


def test_a_short_training_imports_neither_a_compiler_nor_mlflow(root, tmp_path):
    assert loaded(TRAINING, root, str(tmp_path)) & HEAVY == {"cv2", "torch"}
    assert (tmp_path / "checkpoint.pt").exists()


ESTIMATE = """
import numpy as np
from pipeline.degradations.kernelgan import estimate
estimate(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8), seed=1, iterations=2)
"""


def test_an_estimate_of_a_kernel_imports_no_compiler(root):
    assert loaded(ESTIMATE, root).isdisjoint(COMPILERS)
