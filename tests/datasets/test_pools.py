"""The pools: whose noise and kernels they hold, and what is kept of an interrupted estimation."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.datasets import pairs, pools, splits
from pipeline.datasets.images import write_png
from pipeline.datasets.packs import Pack
from pipeline.datasets.pairs import Degrade
from pipeline.datasets.pools import Pools
from pipeline.datasets.sampling import Slice
from pipeline.degradations import kernelgan, second_order
from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.settings import Recipe

NOISE = Recipe(kind="noise", noise_patch=16, noise_variance=20.0)
KERNELS = Recipe(kind="kernels", noise_patch=16, noise_variance=20.0, kernel_images=2, kernel_iterations=7)


def row(id_, role, lr):
    return splits.Row(id_, role, "realsr", "", lr, "", f"sha256 of {lr}", "", f"pixels of {lr}", 32, 32, "")


@pytest.fixture
def raw(tmp_path):
    """Flat images, each of a level of its own, so that a patch tells whose it is."""
    for level in (40, 80, 120, 160):
        write_png(tmp_path / f"{level}.png", np.full((32, 32, 3), level, np.uint8))
    return tmp_path


def levels(pool):
    return sorted({int(patch.max()) for patch in pool})


def test_noise_is_of_the_sources_and_never_of_test_or_validation_images(raw):
    rows = [row("a", "source", "40.png"), row("b", "train", "80.png"), row("c", "test", "120.png")]
    made = pools.make([*rows, row("d", "validation", "160.png")], raw, NOISE, 1, raw / "kept")
    assert levels(made.noise) == levels(made.held_out) == [40]
    assert (made.noise.shape, made.held_out.shape) == ((3, 16, 16, 3), (1, 16, 16, 3))
    assert len(made.kernels) == 0


def test_no_noise_of_validation_images_is_laid_on_training_images(raw):
    rows = [row(str(level), "source", f"{level}.png") for level in (40, 80, 120)]
    made = pools.make([*rows, row("d", "validation", "160.png")], raw, NOISE, 1, raw / "kept")
    assert levels(made.noise) == [40, 80, 120]
    assert levels(made.held_out) == [120]
    assert (len(made.noise), len(made.held_out)) == (10, 2)
    degrade = Degrade(NOISE, made, 4, 1)
    clean = np.full((64, 64, 3), 100, np.uint8)
    marked = replace(made, noise=np.random.default_rng(0).integers(0, 256, made.noise.shape, np.uint8))
    np.testing.assert_array_equal(replace(degrade, pools=marked).whole(clean, "d"), degrade.whole(clean, "d"))


def test_where_validation_images_have_their_own_lr_training_has_all_noise(raw):
    pair = replace(row("d", "validation", "160.png"), hr="160.png")
    made = pools.make([row("a", "source", "40.png"), pair], raw, NOISE, 1, raw / "kept")
    assert (len(made.noise), len(made.held_out)) == (4, 0)


def test_a_single_patch_cannot_serve_training_and_validation(raw):
    recipe = NOISE.model_copy(update={"noise_patch": 32})
    with pytest.raises(UserError, match=r"one noise patch; training and validation need one each: raise recipe"):
        pools.make([row("a", "source", "40.png"), row("d", "validation", "160.png")], raw, recipe, 1, raw / "kept")


def test_without_sources_noise_is_of_the_pairs(raw):
    made = pools.make([row("b", "train", "80.png"), row("c", "test", "120.png")], raw, NOISE, 1, raw / "kept")
    assert levels(made.noise) == [80]


@pytest.mark.parametrize("recipe", [None, Recipe(kind="second_order")])
def test_a_recipe_without_pools_has_empty_ones(raw, recipe):
    made = pools.make([row("a", "train", "40.png")], raw, recipe, 1, raw / "kept")
    assert len(made.noise) == len(made.kernels) == 0


def test_kernels_are_spread_over_the_images_and_estimated_once(raw, monkeypatch):
    asked = []

    def estimate(image, seed, iterations):
        asked.append((int(image.max()), seed, iterations))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return np.full((3, 3), int(image.max()), np.float32)

    monkeypatch.setattr(kernelgan, "estimate", estimate)
    rows = [row(str(level), "source", f"{level}.png") for level in (40, 80, 120, 160)]
    with pytest.raises(KeyboardInterrupt):
        pools.make(rows, raw, KERNELS, 5, raw / "kept")
    made = pools.make(rows, raw, KERNELS, 5, raw / "kept")
    # The interruption cost the second image alone.
    assert asked == [(40, 5, 7), (160, 5, 7), (160, 5, 7)]
    assert made.kernels[:, 0, 0].tolist() == [40, 160]
    pools.make(rows, raw, KERNELS, 6, raw / "kept")
    assert asked[3:] == [(40, 6, 7), (160, 6, 7)]


def test_pools_come_back_as_they_were_written(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (3, 8, 8, 3), np.uint8)
    made = Pools(noise[:2], rng.random((2, 5, 5), np.float32), noise[2:])
    made.write(tmp_path)
    back = Pools.read(tmp_path)
    np.testing.assert_array_equal(back.noise, made.noise)
    np.testing.assert_array_equal(back.held_out, made.held_out)
    np.testing.assert_array_equal(back.kernels, made.kernels)


def test_missing_and_broken_pools_are_named(tmp_path):
    with pytest.raises(UserError, match="holds no pools"):
        Pools.read(tmp_path)
    (tmp_path / "noise.npy").write_bytes(b"not an array")
    (tmp_path / "kernels.npy").write_bytes(b"not an array")
    with pytest.raises(UserError, match=r"holds no pools.*dvc repro"):
        Pools.read(tmp_path)


def test_noise_on_a_whole_image_covers_it_to_the_ragged_edge():
    rng = np.random.default_rng(0)
    pool = rng.integers(90, 110, (5, 16, 16, 3), np.uint8)
    clean = np.full((40, 50, 3), 128, np.uint8)
    noisy = pools.noisy(clean, pool, np.random.default_rng(1))
    added = noisy.astype(int) - 128
    assert (np.abs(added).max(axis=2) > 0).mean() > 0.95
    assert np.abs(added).max() <= 20
    assert np.abs(added[:16, :16].mean(axis=(0, 1))).max() < 0.5
    np.testing.assert_array_equal(noisy, pools.noisy(clean, pool, np.random.default_rng(1)))


def composed(project, dataset, *parts, recipe, side=96, **more):
    named = [{"collection": name, "part": part, "roles": roles} for name, part, roles in parts]
    project.params["sample"]["datasets"][dataset] = {"standin": side, "parts": named, "recipe": recipe, **more}
    project.save()
    for stage in ("fetch", "split", "pools", "pack"):
        done = project.run(stage, dataset)
        assert done.returncode == 0, done.stderr
    return Pack.open(project.pack(dataset))


TEST_PAIRS = ("realsr", "test", {"test": 1})
PAIRS = ("realsr", "train", {"train": 2, "validation": 1})
CLEAN = ("div2k", "train", {"target": 3})


def test_pairs_and_clean_images_by_kernels_share_a_pack(project):
    recipe = {
        "kind": "kernels",
        "noise_patch": 8,
        "noise_variance": 30.0,
        "kernel_images": 1,
        "kernel_iterations": 3,
    }
    pack = composed(project, "realsr", TEST_PAIRS, PAIRS, CLEAN, recipe=recipe, side=256)
    made = Pools.read(project.root / "runs/sample/pools/realsr")
    assert len(made.kernels) == 1
    assert made.kernels[0].sum() == pytest.approx(1, abs=1e-5)
    assert [(spot.id, spot.noisy) for spot in pack.training] == [
        ("0001", True),
        ("0002", True),
        ("0003", True),
        ("Canon_001", False),
        ("Canon_002", False),
    ]
    crops = pack.pairs(Slice(1, "training", 0, 0, 40), 32)
    assert crops.degraded == ()
    laid = crops.noise.numpy().reshape(40, -1).any(axis=1)
    assert 10 < laid.sum() < 38


def test_clean_images_by_the_second_order_have_no_lr_until_they_are_drawn(project):
    photographs, test = ("camerasr", "iphonex", {"test": 1, "train": 2, "validation": 1}), CLEAN
    pack = composed(project, "camerasr", photographs, test, recipe={"kind": "second_order"}, real_share=0.3)
    assert {spot.id for spot in pack.training if spot.lr is None} == {"0001", "0002", "0003"}
    assert len(pack.noise) == 0
    assert pack.images.real_share == 0.3
    assert 5 < len(pack.pairs(Slice(1, "training", 0, 0, 40), 32).degraded) < 38


def test_a_share_of_what_is_not_there_is_refused(tmp_path):
    rows = [row("a", "target", "40.png"), row("b", "validation", "80.png")]
    with pytest.raises(
        UserError, match=r"camerasr has a real_share, but not both.*Leave .*camerasr.real_share out"
    ):
        pairs.write_pack("camerasr", rows, tmp_path, None, 1, tmp_path, real_share=0.5)


def test_a_validation_image_is_degraded_as_it_is(monkeypatch):
    hr = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    monkeypatch.setattr(second_order, "degrade", lambda image, scale, rngs: image[..., ::scale, ::scale])
    nothing = np.empty((0, 1, 1, 3), np.uint8)
    none = Pools(nothing, np.empty((0, 1, 1), np.float32), nothing)
    lr = pairs.Degrade(Recipe(kind="second_order"), none, 4, seed=1).whole(hr, "a")
    np.testing.assert_array_equal(lr, hr[::4, ::4])


def test_a_validation_image_without_lr_gets_the_same_one_every_time(project):
    recipe = {"kind": "second_order"}
    parts = ("div2k", "train", {"target": 2, "validation": 2})
    first = composed(project, "realsr", TEST_PAIRS, parts, recipe=recipe)
    hashes = read_json(project.pack("realsr") / "index.json")["hashes"]
    lr = [pair.lr for pair in first.validation()]
    assert [part.shape for part in lr] == [(24, 24, 3)] * 2
    assert project.run("pack", "realsr").returncode == 0
    assert read_json(project.pack("realsr") / "index.json")["hashes"] == hashes
