"""The rules of the split, its manifest, and the real CameraSR."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from pipeline.datasets import layouts, splits
from pipeline.datasets.images import read_rgb
from pipeline.datasets.layouts import Item
from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.settings import SCALES, DatasetSize


def roles(dataset, ids, **sizes):
    items = [Item(part, id_, Path("hr"), Path("lr")) for part, names in ids.items() for id_ in names]
    assigned = splits.assign(dataset, items, DatasetSize(**sizes, size=64), Path("raw"))
    return {role: [item.id for r, item in assigned if r == role] for role, _ in assigned}


def test_camerasr_tests_on_the_first_twenty_and_holds_the_last_out():
    ids = [f"{number:03}" for number in range(1, 101)]
    found = roles("camerasr", {"iphonex": ids}, train=78, validation=2, test=20)
    assert found == {"test": ids[:20], "train": ids[20:98], "validation": ["099", "100"]}


def test_realsr_tests_on_the_test_folder_alone():
    train, test = ([f"Canon_{n:03}" for n in range(1, last + 1)] for last in (200, 50))
    found = roles("realsr", {"train": train, "test": test}, train=195, validation=5, test=50)
    assert found == {"train": train[:195], "validation": train[195:], "test": test}


def test_ntire_holds_targets_out_and_never_pairs_source_with_target():
    ids = {"source": ["a", "b"], "target": ["c", "d", "e"], "valid": ["0801"]}
    found = roles("ntire2020", ids, train=2, target=2, validation=1, test=1)
    assert found == {"source": ["a", "b"], "target": ["c", "d"], "validation": ["e"], "test": ["0801"]}


@pytest.mark.parametrize("dataset", SCALES)
def test_the_manifest_holds_every_file_once_with_its_hash_and_size(fetched, dataset):
    done = fetched.run("split", dataset)
    assert done.returncode == 0, done.stderr
    text = fetched.split(dataset).read_text(encoding="utf-8")
    assert text.startswith("id,role,hr,lr,hr_sha256,lr_sha256,height,width\n")
    rows = splits.read(fetched.split(dataset))
    assert [(row.role, row.id) for row in rows] == sorted((row.role, row.id) for row in rows)
    expected = dict(fetched.params["sample"]["datasets"][dataset])
    expected.pop("size")
    if dataset == "ntire2020":
        expected["source"] = expected.pop("train")
    assert Counter(row.role for row in rows) == expected
    for row in rows:
        for path, digest in ((row.hr, row.hr_sha256), (row.lr, row.lr_sha256)):
            assert digest == (sha256(fetched.raw(dataset) / path) if path else "")
        image = read_rgb(fetched.raw(dataset) / (row.hr or row.lr))
        assert image.shape == (row.height, row.width, 3)


def test_two_runs_write_the_same_bytes(fetched):
    fetched.run("split", "realsr")
    first = fetched.split("realsr").read_bytes()
    fetched.split("realsr").unlink()
    fetched.run("split", "realsr")
    assert fetched.split("realsr").read_bytes() == first


@pytest.fixture(scope="module")
def mirror():
    beside = Path(__file__).parents[2].parent / "shared" / "mirror"
    folder = Path(os.environ.get("CRIA_MIRROR", beside))
    if not (folder / "camerasr").is_dir():
        pytest.skip(f"no real CameraSR: {folder}/camerasr is absent (set CRIA_MIRROR)")
    return folder


def test_the_real_camerasr_is_found_paired_and_decodes(mirror):
    items = layouts.find("camerasr", mirror / "camerasr")
    assert [item.id for item in items] == [f"{number:03}" for number in range(1, 101)]
    assert all(item.hr.name == f"{item.id}H.PNG" and item.lr.name == f"{item.id}L.PNG" for item in items)
    rows = splits.make("camerasr", mirror / "camerasr", DatasetSize(train=78, validation=2, test=20, size=64))
    assert {(row.width, row.height) for row in rows} == {(840, 600)}
    assert sorted(row.id for row in rows if row.role == "test") == [f"{number:03}" for number in range(1, 21)]
    published = dict(
        reversed(line.split(maxsplit=1)) for line in (mirror / "MANIFEST.sha256").read_text().splitlines()
    )
    for row in rows:
        assert published_digest(published, row.hr) == row.hr_sha256
        assert published_digest(published, row.lr) == row.lr_sha256


def published_digest(published, path):
    return next(digest for name, digest in published.items() if name.endswith(path))


def test_a_leak_in_the_real_camerasr_is_seen(mirror, tmp_path):
    folder = tmp_path / "City100_iPhoneX"
    folder.mkdir()
    real = mirror / "camerasr/City100/City100_iPhoneX"
    for goal, source in (("001", "001"), ("002", "002"), ("003", "001")):
        for side in "HL":
            shutil.copy(real / f"{source}{side}.PNG", folder / f"{goal}{side}.PNG")
    with pytest.raises(UserError, match=r"003H\.PNG \(train\) has the same pixels as the test image .*001H\.PNG"):
        splits.make("camerasr", tmp_path, DatasetSize(train=1, test=2, size=64))
