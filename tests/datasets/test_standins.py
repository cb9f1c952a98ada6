"""The stand-ins: layout, provenance, determinism, and whether they look like what they stand for."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline import settings
from pipeline.datasets import layouts, photographs, splits, standins
from pipeline.datasets.images import read_rgb
from pipeline.degradations import noise_pool
from pipeline.degradations.bicubic import downscale_uint8

REPO = Path(__file__).parents[2]
SAMPLE = settings.load(REPO / "params.yaml").sample
DATASETS = list(settings.SCALES)


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The stand-ins at the sizes that params.yaml asks for."""
    folder = tmp_path_factory.mktemp("sample")
    for name in DATASETS:
        for collection in SAMPLE.dataset(name).collections:
            standins.write(SAMPLE.dataset(name), collection, SAMPLE.run.seed, folder / name / collection)
    return folder


def record(folder):
    """The lines of a dataset's records, files relative to its folder."""
    rows = []
    for file in sorted(folder.glob(f"*/{standins.RECORD}")):
        with file.open(newline="", encoding="utf-8") as stream:
            rows += [row | {"file": f"{file.parent.name}/{row['file']}"} for row in csv.DictReader(stream)]
    return rows


def items(folder, dataset):
    """The items of the collection that a dataset is named after, with paths relative to the dataset's folder."""
    for item in layouts.find(dataset, folder / dataset / dataset):
        sides = (Path(dataset, path) if path else None for path in (item.hr, item.lr))
        yield layouts.Item(item.part, item.id, *sides)


def by_role(rows):
    return {role: {row["photograph"] for row in rows if row["role"] == role} for role in {r["role"] for r in rows}}


@pytest.mark.parametrize("dataset", DATASETS)
def test_no_photograph_is_on_both_sides_of_the_line(sample, dataset):
    used = by_role(record(sample / dataset))
    test = used.pop("test")
    assert test
    assert not test & set().union(*used.values())
    for role in {"source", "target", "validation"} & used.keys():
        # Pairs are real ones; that clean images show the same photographs takes nothing from the test.
        others = set().union(*(names for other, names in used.items() if other not in (role, "train")))
        assert not used[role] & others


@pytest.mark.parametrize("dataset", DATASETS)
def test_the_record_lists_every_file_and_its_roles_are_those_of_the_split(sample, dataset):
    rows = record(sample / dataset)
    files = {p.relative_to(sample / dataset).as_posix() for p in (sample / dataset).rglob("*") if p.is_file()}
    records = {f"{name}/{standins.RECORD}" for name in SAMPLE.dataset(dataset).collections}
    assert files == {row["file"] for row in rows} | records
    manifest = splits.make(SAMPLE.dataset(dataset), sample / dataset, settings.SCALES[dataset])
    roles = {path: row.role for row in manifest for path in (row.hr, row.lr) if path}
    assert roles == {row["file"]: row["role"] for row in rows}


@pytest.mark.parametrize("dataset", ["realsr", "ntire2020", "camerasr"])
def test_clean_images_are_exactly_the_recorded_crops(sample, dataset):
    boxes = {row["file"]: row for row in record(sample / dataset)}
    clean = [item.hr for item in items(sample, dataset) if item.hr]
    for path in clean:
        row = boxes[path.as_posix()]
        left, top, side = (int(row[name]) for name in ("left", "top", "side"))
        part = photographs.load(row["photograph"])[top : top + side, left : left + side]
        np.testing.assert_array_equal(read_rgb(sample / dataset / path), part)


def test_calibration_pairs_are_exactly_matlabs_bicubic(sample):
    folder = sample / "calibration" / "camerasr_bicubic"
    pairs = layouts.find("camerasr_bicubic", folder)
    assert len(pairs) == 4
    for pair in pairs:
        reduced = downscale_uint8(read_rgb(folder / pair.hr), 4)
        # The camera model computes in float32: where the exact value is a half, it may fall to the other side.
        difference = np.abs(read_rgb(folder / pair.lr).astype(int) - reduced)
        assert difference.max() <= 1
        assert np.mean(difference > 0) < 1e-3


def test_files_lie_where_the_official_archives_have_them(sample):
    for path in (
        "realsr/realsr/RealSR(V3)/Canon/Train/4/Canon_026_LR4.png",
        "realsr/realsr/RealSR(V3)/Canon/Test/4/Canon_004_HR.png",
        "camerasr/camerasr/City100/City100_iPhoneX/026H.PNG",
        "ntire2020/ntire2020/track1-train-source/Flickr2K_000012.png",
        "ntire2020/ntire2020/train-target/0014.png",
        "ntire2020/ntire2020/track1-valid-input/0801.png",
        "ntire2020/ntire2020/track1-valid-gt/0804.png",
    ):
        assert (sample / path).is_file(), path


def test_the_same_seed_gives_the_same_bytes_and_another_only_other_degradations(sample, tmp_path):
    for seed in (SAMPLE.run.seed, SAMPLE.run.seed + 1):
        standins.write(SAMPLE.dataset("camerasr"), "camerasr", seed, tmp_path / str(seed))
    folder = sample / "camerasr" / "camerasr"
    for path in (p.relative_to(folder) for p in folder.rglob("*") if p.is_file()):
        first = (folder / path).read_bytes()
        assert (tmp_path / str(SAMPLE.run.seed) / path).read_bytes() == first
        clean = not path.name.endswith("L.PNG")
        assert ((tmp_path / str(SAMPLE.run.seed + 1) / path).read_bytes() == first) == clean


def test_the_noise_pool_is_not_empty_at_the_settings_of_params(sample):
    recipe = SAMPLE.dataset("ntire2020").recipe
    found = [
        len(noise_pool.collect(read_rgb(path), recipe.noise_patch, recipe.noise_variance))
        for path in sorted((sample / "ntire2020/ntire2020/track1-train-source").iterdir())
    ]
    assert sum(found) >= 100
    assert sum(count > 0 for count in found) >= 6


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)


@pytest.mark.parametrize(
    ("dataset", "lowest", "highest"), [("realsr", 22, 28), ("camerasr", 23, 29), ("ntire2020", 22, 28)]
)
def test_low_and_high_resolution_are_registered_and_as_far_apart_as_in_real_sets(sample, dataset, lowest, highest):
    # Real sets: RealSR Canon crops 25.6 dB, CameraSR 24.0 to 25.6 dB (facts/datasets.md 3 and 8).
    scale, decibels, shifts = settings.SCALES[dataset], [], []
    for item in (item for item in items(sample, dataset) if item.hr and item.lr):
        hr = read_rgb(sample / dataset / item.hr)
        lr = read_rgb(sample / dataset / item.lr)
        up = cv2.resize(lr, hr.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        decibels.append(cv2.PSNR(up, hr))
        # The HR is blurred like the LR, lest the correlation sees the difference in sharpness.
        window = cv2.createHanningWindow(hr.shape[1::-1], cv2.CV_64F)
        soft = cv2.GaussianBlur(grey(hr), (0, 0), 0.8 * max(scale, 2))
        shifts.append(np.hypot(*cv2.phaseCorrelate(grey(up), soft, window)[0]))
    assert lowest < np.mean(decibels) < highest
    assert max(shifts) < 1.0
    assert np.median(shifts) < 0.5


def test_realsr_zero_is_low_quality_and_has_no_counterpart(sample):
    found = list(items(sample, "realsr_zero"))
    assert all(item.hr is None for item in found)
    decibels = []
    for item, row in zip(found, record(sample / "realsr_zero"), strict=True):
        lr = read_rgb(sample / "realsr_zero" / item.lr)
        left, top, side = (int(row[name]) for name in ("left", "top", "side"))
        clean = photographs.load(row["photograph"])[top : top + side, left : left + side]
        assert lr.shape == (SAMPLE.dataset("realsr_zero").standin,) * 2 + (3,)
        decibels.append(cv2.PSNR(lr, cv2.resize(clean, lr.shape[1::-1], interpolation=cv2.INTER_AREA)))
    assert 22 < np.mean(decibels) < 30
