"""How restored images were made: recorded for every image, and said where it was not as asked for."""

import json
from importlib.metadata import version

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.evaluation import restore
from pipeline.evaluation.cases import read_cases
from pipeline.evaluation.made import remark
from pipeline.evaluation.restore import Restoration
from pipeline.files import write_json
from pipeline.methods.network import NetworkMethod
from pipeline.methods.records import Record, records
from pipeline.methods.rows import Row
from pipeline.progress import progress
from pipeline.settings import Restoration as Asked
from tests.evaluation.project import chosen, dataset, evaluated


def network(lr):
    """Nearest neighbours."""
    return torch.nn.functional.interpolate(lr, scale_factor=4)


def limited(pixels):
    """`network` on a GPU with memory for so many LR pixels."""

    def enlarge(lr):
        if lr.shape[2] * lr.shape[3] > pixels:
            raise torch.OutOfMemoryError("no memory")
        return network(lr)

    return enlarge


@pytest.fixture
def root(tmp_path):
    """A set with the test images id1 (6 x 8) and id2 (4 x 8)."""
    dataset(tmp_path, "realsr", 4)
    return tmp_path / "runs/sample"


def restoration(root, enlarge=network, device="cpu", packages=("torch",), **asked):
    settings = Asked(**{"tile": 0, "overlap": 1, "batch": 1, **asked})
    row = Row("mine", "Mine", "published")
    record = Record(row, 4, ("pipeline.methods.network",), packages, device, restoration=settings)
    return Restoration(
        "realsr", record, lambda: NetworkMethod(enlarge, 4, settings, torch.device("cpu")), root, "images"
    )


def restored(work, cases):
    with progress("restore", len(cases), shown=False) as meter:
        work.restore(cases, meter)
    return work


def made(root):
    return json.loads((root / "restored/realsr/mine/restored.json").read_text())["made"]


def way(images, **how):
    whole = {"precision": "fp32", "tile": 0, "batch": 1, "short_of_memory": False}
    return whole | how | {"images": images}


def told(entries):
    """Without what every entry has: device and versions."""
    assert all(one["device_name"] for one in entries)
    assert {(one["device"], one["versions"]["torch"]) for one in entries} == {("cpu", version("torch"))}
    return [{key: one[key] for key in one if key not in ("device", "device_name", "versions")} for one in entries]


def test_whole_images_are_of_one_way_and_nothing_is_to_be_said(root):
    restored(restoration(root), read_cases(root, "realsr")).keep()
    assert told(made(root)) == [way(["id1", "id2"])]
    assert remark(made(root)) is None


def test_an_image_in_tiles_after_the_gpu_ran_out_of_memory_is_not_passed_for_a_whole_one(root):
    small_first = read_cases(root, "realsr")[::-1]
    restored(restoration(root, limited(40)), small_first).keep()
    assert sorted(told(made(root)), key=lambda one: one["images"]) == [
        way(["id1"], tile=4, short_of_memory=True),
        way(["id2"]),
    ]
    assert remark(made(root)) == "1 of 2 images were restored in tiles of 4 px, as the GPU was short of memory"


def test_tiles_that_are_asked_for_need_no_remark(root):
    restored(restoration(root, tile=4, batch=3), read_cases(root, "realsr")).keep()
    assert [one["tile"] for one in made(root)] == [4] * len(made(root))
    assert {one["batch"] for one in made(root)} == {3}
    assert remark(made(root)) is None


def test_what_an_earlier_process_made_keeps_its_record(root, monkeypatch):
    first, second = read_cases(root, "realsr")
    restored(restoration(root, limited(40)), [first])  # and then it is killed
    monkeypatch.setattr(restore, "device_name", lambda kind: "another processor")
    restored(restoration(root), [first, second]).keep()
    by_image = {one["images"][0]: one for one in made(root)}
    assert by_image["id1"]["short_of_memory"]
    assert not by_image["id2"]["short_of_memory"]
    assert by_image["id2"]["device_name"] == "another processor" != by_image["id1"]["device_name"]
    words = remark(made(root))
    assert words.startswith("1 of 2 images were restored in tiles of 4 px")
    assert words.endswith(f"; restored on {' and '.join(sorted(one['device_name'] for one in made(root)))}")


def test_an_image_that_is_lost_is_made_again_and_recorded(root):
    cases = read_cases(root, "realsr")
    restored(restoration(root), cases).keep()
    (root / "restored/realsr/mine/id1.png").unlink()
    restored(restoration(root, limited(40)), cases).keep()
    assert {one["images"][0]: one["tile"] for one in made(root)} == {"id1": 4, "id2": 0}


def test_images_of_another_kind_of_device_or_release_are_made_again(root, monkeypatch):
    cases = read_cases(root, "realsr")
    restored(restoration(root), cases).keep()
    assert restoration(root).missing(cases) == []
    monkeypatch.setattr(restore, "device_name", lambda kind: "some GPU")
    assert restoration(root, device="cuda").missing(cases) == cases
    monkeypatch.setattr(restore, "versions", lambda packages: dict.fromkeys(packages, "0.0"))
    assert restoration(root).missing(cases) == cases


def test_auto_is_the_device_that_is_found(root, monkeypatch):
    monkeypatch.chdir(root.parents[1])
    folder = root / "models/realsr/plain/seed1"
    write_json(folder / "model.json", {"run": "plain-s1-0a1b", "scale": 4, "network": {"kind": "rrdb"}})
    (folder / "generator.safetensors").write_bytes(b"weights")
    monkeypatch.setattr(restore, "device_name", lambda kind: f"a {kind}")
    found = []
    for available in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        (record,) = records(chosen(["plain"]), "sample", "realsr")
        found.append((record.device, Restoration("realsr", record, None, root, "images").fingerprint))
    assert [kind for kind, _ in found] == ["cpu", "cuda"]
    assert found[0][1] != found[1][1]


def test_another_release_of_opencv_restores_bicubic_again(root, monkeypatch):
    evaluated(root)
    before = (root / "restored/realsr/bicubic/id1.png").stat().st_mtime_ns
    evaluated(root)
    assert (root / "restored/realsr/bicubic/id1.png").stat().st_mtime_ns == before
    monkeypatch.setattr(restore, "versions", lambda packages: dict.fromkeys(packages, "99.0"))
    evaluated(root)
    assert (root / "restored/realsr/bicubic/id1.png").stat().st_mtime_ns > before
    entries = json.loads((root / "restored/realsr/bicubic/restored.json").read_text())["made"]
    assert [one["versions"] for one in entries] == [{"opencv-python": "99.0"}]


def test_a_photograph_without_ground_truth_is_restored_upright(tmp_path):
    dataset(tmp_path, "realsr_zero", 4, with_hr=False)
    root = tmp_path / "runs/sample"
    upright = np.random.default_rng(5).integers(0, 256, (6, 8), dtype=np.uint8)
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(np.rot90(upright).copy()).save(root / "raw/realsr_zero/1_LR.png", exif=tags)
    evaluated(root, name="realsr_zero")
    with Image.open(root / "restored/realsr_zero/bicubic/id1.png") as image:
        assert image.size == (32, 24)
        corner = np.asarray(image)[0, 0]
    assert (corner == corner[0]).all()
