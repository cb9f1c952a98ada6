"""A tiny experiment on synthetic crops."""

import pytest

from tests.training.tiny import EXPERIMENT, tiny_trainer


@pytest.fixture
def experiment():
    return EXPERIMENT


@pytest.fixture
def make_trainer():
    """A fresh trainer of the experiment, always the same one; `hook` is called at each batch."""
    return tiny_trainer
