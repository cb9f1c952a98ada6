"""The calibration pairs, made of the real CameraSR."""

import numpy as np
import pytest

from pipeline import settings
from pipeline.datasets import layouts, sources
from pipeline.datasets.images import read_rgb
from pipeline.degradations.bicubic import downscale_uint8, resize_uint8


@pytest.fixture(scope="module")
def made(mirror_root, root, tmp_path_factory):
    """The raw folder of `calibration` at the preset `lab`."""
    folder = tmp_path_factory.mktemp("calibration")
    composition = settings.load(root / "params.yaml").lab.dataset("calibration")
    sources.fetch(composition, 1, str(mirror_root), folder / "downloads", folder / "raw")
    return folder / "raw" / "camerasr_bicubic"


def test_the_pairs_are_the_test_photographs_and_their_reduction(made, mirror_root):
    pairs = layouts.find("camerasr_bicubic", made)
    assert [pair.id for pair in pairs] == [f"{number:03}" for number in range(1, 21)]
    originals = {path.name: path for path in mirror_root.rglob("*H.PNG")}
    for pair in pairs:
        assert (made / pair.hr).read_bytes() == originals[f"{pair.id}H.PNG"].read_bytes()
        assert np.array_equal(read_rgb(made / pair.lr), downscale_uint8(read_rgb(made / pair.hr), 4))


def test_bicubic_has_the_golden_psnr(made):
    # facts/weights.md: MATLAB bicubic x4 of the bicubic quarter of CameraSR 001 to 020, border 4, RGB.
    values = []
    for pair in layouts.find("camerasr_bicubic", made):
        hr = read_rgb(made / pair.hr)
        sr = resize_uint8(read_rgb(made / pair.lr), hr.shape[:2])
        error = np.mean((hr[4:-4, 4:-4].astype(float) - sr[4:-4, 4:-4]) ** 2)
        values.append(10 * np.log10(255**2 / error))
    assert np.mean(values) == pytest.approx(25.047, abs=1e-3)
