"""What the tests of the evaluation share."""

from pathlib import Path

import pytest

from pipeline.evaluation.metrics import METRICS
from pipeline.files import whole_folder
from pipeline.weights import obtain, store


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory):
    """The weights that the metrics judge with, as the stage `weights` makes them of installed packages."""
    folder = tmp_path_factory.mktemp("pretrained")
    for name in sorted({name for metric in METRICS.values() for name in metric.weights}):
        with whole_folder(folder / name) as made:
            store.write(obtain(name, ["package"], None, Path("unused")), made)
    return folder
