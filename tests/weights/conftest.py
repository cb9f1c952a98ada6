"""What the packages of the lock file hold, converted once."""

import pytest

from pipeline.weights import obtain

OFFLINE = ("alexnet_lpips", "vgg16_lpips", "niqe", "dists", "real_esrgan", "impressionism")
RIVALS = ("real_esrgan", "impressionism")


@pytest.fixture(scope="session")
def held(tmp_path_factory):
    """A weight by name, from an installed package alone."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = obtain(name, ["package"], None, tmp_path_factory.mktemp("downloads"))
        return known[name]

    return get
