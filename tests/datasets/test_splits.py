"""The rules of the split, its manifest, and the real CameraSR."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from pipeline import settings
from pipeline.datasets import layouts, splits
from pipeline.datasets.images import pixel_hash, read_rgb
from pipeline.datasets.layouts import Item
from pipeline.errors import UserError
from pipeline.files import sha256
from pipeline.settings import SCALES

IDS = {
    ("realsr", "train"): [f"Canon_{number:03}" for number in range(1, 201)],
    ("realsr", "test"): [f"Canon_{number:03}" for number in range(1, 51)],
    ("camerasr", "iphonex"): [f"{number:03}" for number in range(1, 101)],
    ("ntire2020", "source"): [f"Flickr2K_{number:06}" for number in range(1, 2651)],
    ("ntire2020", "target"): [f"{number:04}" for number in range(1, 801)],
    ("ntire2020", "valid"): [f"{number:04}" for number in range(801, 901)],
    ("div2k", "train"): [f"{number:04}" for number in range(1, 801)],
    ("realsr_zero", "all"): [f"{number:02}" for number in range(45)],
    ("camerasr_bicubic", "test"): [f"{number:03}" for number in range(1, 21)],
}
"""What the official parts hold (facts/datasets.md)."""


def roles(part, ids):
    items = [Item(part.part, id_, Path("hr"), Path("lr")) for id_ in ids]
    assigned = splits.assign(part, items, Path("raw"))
    return {role: [item.id for r, item in assigned if r == role] for role, _ in assigned}


@pytest.fixture(scope="module")
def paper(root):
    """The compositions of the preset `paper`, as shipped."""
    return settings.load(root / "params.yaml").paper.datasets


def test_the_paper_preset_takes_the_official_parts_whole(paper):
    for dataset, composition in paper.items():
        assert composition.official(dataset) == (dataset != "calibration")
        for part in composition.parts:
            ids = IDS[part.collection, part.part]
            assert sorted(id_ for found in roles(part, ids).values() for id_ in found) == ids


def test_camerasr_tests_on_the_first_twenty_and_holds_the_last_out(paper):
    ids = IDS["camerasr", "iphonex"]
    found = roles(paper["camerasr"].parts[0], ids)
    assert found == {"test": ids[:20], "train": ids[20:90], "validation": ids[90:]}


def test_realsr_tests_on_the_test_folder_alone(paper):
    train, test, _ = paper["realsr"].parts
    assert roles(test, IDS["realsr", "test"]) == {"test": IDS["realsr", "test"]}
    ids = IDS["realsr", "train"]
    assert roles(train, ids) == {"train": ids[:190], "validation": ids[190:]}


def test_ntire_holds_targets_out_and_tests_on_the_official_validation(paper):
    found = {part.part: roles(part, IDS["ntire2020", part.part]) for part in paper["ntire2020"].parts}
    target, valid = IDS["ntire2020", "target"], IDS["ntire2020", "valid"]
    assert found["target"] == {"target": target[:790], "validation": target[790:]}
    assert found["source"].keys() == {"source"}
    assert found["valid"] == {"test": valid}


@pytest.mark.parametrize(
    ("collection", "part"),
    [
        ("div2k", "valid"),
        ("ntire2020", "valid"),
        ("realsr", "test"),
        ("realsr_canon_crops", "test"),
        ("ntire_like", "valid_noise"),
    ],
)
@pytest.mark.parametrize("role", ["target", "validation"])
def test_what_is_for_tests_has_no_other_role(tmp_path, collection, part, role):
    chosen = {"collection": collection, "part": part, "roles": {role: "rest", "test": 1}}
    recipe = {"kind": "second_order"}
    with pytest.raises(UserError, match=f"is for tests alone, never trained on; take {role} off"):
        splits.make(settings.Composition(parts=[chosen], recipe=recipe), tmp_path, 4)


@pytest.mark.parametrize(
    ("counts", "ids", "fits"),
    [
        ({"train": 3, "test": 2}, 5, True),
        ({"train": 3, "test": 2}, 6, False),
        ({"train": 3, "test": 2}, 4, False),
        ({"train": "rest", "test": 2}, 6, True),
        ({"train": "rest", "test": 2}, 2, True),
        ({"train": "rest", "test": 2}, 1, False),
    ],
)
def test_counts_are_kept_and_the_rest_is_what_is_left(counts, ids, fits):
    part = settings.Part(collection="realsr", part="train", roles=counts)
    names = [f"{number}" for number in range(ids)]
    if fits:
        found = roles(part, names)
        assert [id_ for role in counts for id_ in found.get(role, [])] == names
        assert len(found["test"]) == 2
    else:
        with pytest.raises(UserError, match=rf"raw: found {ids} images in the train part of realsr, expected"):
            roles(part, names)


@pytest.mark.parametrize("dataset", SCALES)
def test_the_manifest_holds_every_file_once_with_its_hash_and_size(fetched, dataset):
    done = fetched.run("split", dataset)
    assert done.returncode == 0, done.stderr
    text = fetched.split(dataset).read_text(encoding="utf-8")
    columns = "id,role,collection,hr,lr,hr_sha256,lr_sha256,hr_pixels,lr_pixels,height,width,adjusted\n"
    assert text.startswith(columns)
    rows = splits.read(fetched.split(dataset))
    assert [(row.role, row.id) for row in rows] == sorted((row.role, row.id) for row in rows)
    parts = fetched.params["sample"]["datasets"][dataset]["parts"]
    assert Counter(row.role for row in rows) == {k: n for part in parts for k, n in part["roles"].items()}
    assert {row.collection for row in rows} == {part["collection"] for part in parts}
    for row in rows:
        for path, digest in ((row.hr, row.hr_sha256), (row.lr, row.lr_sha256)):
            assert digest == (sha256(fetched.raw(dataset) / path) if path else "")
        for path, digest in ((row.hr, row.hr_pixels), (row.lr, row.lr_pixels)):
            assert digest == (pixel_hash(read_rgb(fetched.raw(dataset) / path)) if path else "")
        image = read_rgb(fetched.raw(dataset) / (row.hr or row.lr))
        assert image.shape == (row.height, row.width, 3)
        assert row.adjusted == ""


def test_two_runs_write_the_same_bytes(fetched):
    fetched.run("split", "realsr")
    first = fetched.split("realsr").read_bytes()
    fetched.split("realsr").unlink()
    fetched.run("split", "realsr")
    assert fetched.split("realsr").read_bytes() == first


def test_the_real_camerasr_is_found_paired_and_decodes(mirror_root, paper):
    items = layouts.find("camerasr", mirror_root / "camerasr")
    assert [item.id for item in items] == [f"{number:03}" for number in range(1, 101)]
    assert all(item.hr.name == f"{item.id}H.PNG" and item.lr.name == f"{item.id}L.PNG" for item in items)
    real = paper["camerasr"].model_copy(update={"parts": paper["camerasr"].parts[:1]})
    rows = splits.make(real, mirror_root, 1)
    assert {(row.width, row.height) for row in rows} == {(840, 600)}
    assert sorted(row.id for row in rows if row.role == "test") == [f"{number:03}" for number in range(1, 21)]
    published = dict(
        reversed(line.split(maxsplit=1)) for line in (mirror_root / "MANIFEST.sha256").read_text().splitlines()
    )
    for row in rows:
        assert published_digest(published, row.hr) == row.hr_sha256
        assert published_digest(published, row.lr) == row.lr_sha256


def published_digest(published, path):
    return next(digest for name, digest in published.items() if name.endswith(path))


def test_a_leak_in_the_real_camerasr_is_seen(mirror_root, tmp_path):
    folder = tmp_path / "camerasr" / "City100_iPhoneX"
    folder.mkdir(parents=True)
    real = mirror_root / "camerasr/City100/City100_iPhoneX"
    for goal, source in (("001", "001"), ("002", "002"), ("003", "001")):
        for side in "HL":
            shutil.copy(real / f"{source}{side}.PNG", folder / f"{goal}{side}.PNG")
    part = {"collection": "camerasr", "part": "iphonex", "roles": {"test": 2, "train": 1}}
    with pytest.raises(UserError, match=r"003H\.PNG \(train\) has the same pixels as the test image .*001H\.PNG"):
        splits.make(settings.Composition(parts=[part]), tmp_path, 1)
