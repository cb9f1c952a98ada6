"""KernelGAN's kernels are kept, and estimated again where anything that they depend on has changed."""

import numpy as np
import pytest
import torch

from pipeline.datasets import pools
from pipeline.datasets.images import write_png
from pipeline.datasets.splits import Row
from pipeline.degradations import kernelgan
from pipeline.settings import Recipe

RECIPE = Recipe(kind="kernels", noise_patch=8, noise_variance=1e9, kernel_images=1, kernel_iterations=5)


@pytest.fixture
def estimated(tmp_path, monkeypatch):
    """Make the pools of one photograph once more; how many kernels were estimated so far."""
    calls = []
    monkeypatch.setattr(kernelgan, "estimate", lambda *given: calls.append(given) or np.ones((1, 1), np.float32))
    write_png(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    known = {"id": "a", "role": "source", "lr": "a.png", "lr_sha256": "0", "height": 64, "width": 64}
    row = Row(**{name: known.get(name, "") for name in Row.__annotations__})

    def make(seed=1, recipe=RECIPE):
        pools.make([row], tmp_path, recipe, seed, tmp_path / "kept")
        return len(calls)

    return make


def test_kernels_are_kept_for_equal_images_settings_threads_and_code(estimated, monkeypatch):
    assert (estimated(), estimated()) == (1, 1)
    assert estimated(seed=2) == 2
    assert estimated(recipe=RECIPE.model_copy(update={"kernel_iterations": 6})) == 3
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert (estimated(), estimated()) == (4, 4)
    monkeypatch.setattr(pools, "code_hash", lambda *names: "other")
    assert (estimated(), estimated()) == (5, 5)
