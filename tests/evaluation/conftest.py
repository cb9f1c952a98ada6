"""What the tests of the evaluation share."""

import shutil
from pathlib import Path

import pytest

from pipeline.evaluation.metrics import METRICS
from pipeline.files import whole_folder
from pipeline.weights import obtain, store
from tests.evaluation.project import dataset, only, run


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """The weights that the metrics judge with, as the stage `weights` makes them of installed packages."""
    folder = tmp_path_factory.mktemp("pretrained")
    for name in sorted({name for metric in METRICS.values() for name in metric.weights}):
        with whole_folder(folder / name) as made:
            store.write(obtain(name, ["package"], None, Path("unused")), made)
    return folder


@pytest.fixture(scope="session")
def restored(tmp_path_factory, pretrained):
    """A project whose `realsr` and `realsr_zero` are restored by bicubic and scored (read only)."""
    project = tmp_path_factory.mktemp("project")
    only(project, interpolations=["bicubic"], configurations=[])
    (project / "runs/sample").mkdir(parents=True)
    (project / "runs/sample/pretrained").symlink_to(pretrained)
    dataset(project, "realsr", 4)
    dataset(project, "realsr_zero", 4, with_hr=False)
    for name in ("realsr", "realsr_zero"):
        done = run("evaluate", project, "--dataset", name)
        assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(restored, tmp_path):
    """A copy of `restored` to spoil."""
    return Path(shutil.copytree(restored, tmp_path / "project", symlinks=True))
