"""One finished study for all tests of this folder."""

import pytest

from tests.graph.clone import Clone


@pytest.fixture(scope="session")
def study(tmp_path_factory) -> Clone:
    """A clone in which `dvc repro` has run from fetch to report."""
    clone = Clone(tmp_path_factory.mktemp("study") / "clone")
    clone.run("dvc", "repro")
    return clone
