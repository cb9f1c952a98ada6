"""The stages fetch and pack, run as a person runs them; the NTIRE2020 recipe done again by hand."""

import dataclasses
import json

import numpy as np

from pipeline.datasets.images import read_rgb
from pipeline.datasets.packs import Pack
from pipeline.datasets.pools import Pools
from pipeline.degradations.bicubic import downscale_uint8


def packed(project, dataset):
    for stage in ("split", "pools", "pack"):
        done = project.run(stage, dataset)
        assert done.returncode == 0, done.stderr
    return Pack.open(project.pack(dataset))


def training(pack):
    """The training pairs, whole: a pack whose held-out pairs are its training pairs."""
    return {pair.id: pair for pair in dataclasses.replace(pack, held_out=pack.training).validation()}


def test_ntire_pairs_are_made_by_the_impressionism_recipe(fetched):
    pack, raw = packed(fetched, "ntire2020"), fetched.raw("ntire2020") / "ntire2020"
    pairs = training(pack)
    assert set(pairs) == {f"Flickr2K_{n:06}" for n in (1, 2, 3)} | {"0001", "0002", "0003"}
    for id_, pair in pairs.items():
        if id_.startswith("Flickr2K"):
            clean = downscale_uint8(read_rgb(raw / f"track1-train-source/{id_}.png"), 2)
        else:
            clean = read_rgb(raw / f"train-target/{id_}.png")
        np.testing.assert_array_equal(pair.hr, clean)
        np.testing.assert_array_equal(pair.lr, downscale_uint8(clean, 4))

    held_out = Pools.read(fetched.root / "runs/sample/pools/ntire2020").held_out
    trained, validated = ({patch.tobytes() for patch in pool} for pool in (pack.noise, held_out))
    assert trained | validated == by_hand(raw, side=32, limit=20.0)
    assert not trained & validated
    assert pack.noise.shape[1:] == (32, 32, 3)


def by_hand(raw, side, limit):
    """The pool again, patch by patch, with the weights of ITU-R 601."""
    found = set()
    for path in sorted((raw / "track1-train-source").iterdir()):
        image = read_rgb(path)
        for y in range(0, image.shape[0] - side + 1, side):
            for x in range(0, image.shape[1] - side + 1, side):
                patch = image[y : y + side, x : x + side]
                grey = np.rint(patch @ np.array([0.299, 0.587, 0.114]))
                if grey.var() < limit and grey.mean() > 0:
                    found.add(patch.tobytes())
    return found


def test_ntire_validation_is_held_out_targets_with_noise_of_the_sources(fetched):
    pack, raw = packed(fetched, "ntire2020"), fetched.raw("ntire2020") / "ntire2020"
    pairs = pack.validation()
    assert [pair.id for pair in pairs] == ["0004", "0005"]
    for pair in pairs:
        np.testing.assert_array_equal(pair.hr, read_rgb(raw / f"train-target/{pair.id}.png"))
        added = pair.lr.astype(int) - downscale_uint8(pair.hr, 4)
        assert 1 < added.std() < 10
        assert abs(added.mean()) < 1


def test_realsr_pairs_are_the_files_as_they_are(fetched):
    pack = packed(fetched, "realsr")
    assert len(pack.noise) == 0
    folder = fetched.raw("realsr") / "realsr/RealSR(V3)/Canon/Train/4"
    held = {pair.id: pair for pair in pack.validation()}
    assert set(held) == {"Canon_004", "Canon_005"}
    assert set(training(pack)) == {"Canon_001", "Canon_002", "Canon_003"}
    for id_, pair in (training(pack) | held).items():
        np.testing.assert_array_equal(pair.hr, read_rgb(folder / f"{id_}_HR.png"))
        np.testing.assert_array_equal(pair.lr, read_rgb(folder / f"{id_}_LR4.png"))


def test_two_packings_are_the_same_bytes(fetched):
    packed(fetched, "ntire2020")
    first = {path.name: path.read_bytes() for path in fetched.pack("ntire2020").iterdir()}
    assert set(first) == {"index.json", "hr.npy", "lr.npy", "noise.npy"}
    assert fetched.run("pack", "ntire2020").returncode == 0
    assert {path.name: path.read_bytes() for path in fetched.pack("ntire2020").iterdir()} == first
    assert json.loads(first["index.json"])["scale"] == 4


def test_a_pool_without_patches_is_refused_with_the_key_to_change(fetched):
    fetched.params["sample"]["datasets"]["ntire2020"]["recipe"] |= {"noise_variance": 1.0e-6, "noise_patch": 64}
    fetched.save()
    fetched.run("split", "ntire2020")
    message = fetched.refused("pools", "ntire2020")
    assert "no patch of 64 pixels in 3 real LR images" in message
    assert "recipe.noise_variance" in message


def test_an_evaluation_set_cannot_be_packed(fetched):
    fetched.run("split", "realsr_zero")
    assert "realsr_zero has 0 images to train on" in fetched.refused("pack", "realsr_zero")


def test_a_pack_without_its_manifest_is_explained(fetched):
    assert "splits/realsr.csv is missing" in fetched.refused("pack", "realsr")


def test_fetch_writes_the_standin_whole_and_twice_the_same(project):
    for _ in range(2):
        done = project.run("fetch", "camerasr")
        assert done.returncode == 0, done.stderr
    files = [path.relative_to(project.raw("camerasr")) for path in project.raw("camerasr").rglob("*.PNG")]
    assert len(files) == 16
    assert not list(project.raw("").glob(".*"))


def test_a_standin_larger_than_its_photographs_is_refused(project):
    project.params["sample"]["datasets"]["realsr"]["standin"] = 320
    project.save()
    message = project.refused("fetch", "realsr")
    assert "a crop of 320 pixels does not fit into a photograph of 451x300" in message
    assert "<preset>.datasets" in message
