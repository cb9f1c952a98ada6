"""Packs: alignment of every crop, independence of the world size, noise, and what is refused."""

from hashlib import sha256

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from pipeline.datasets.packing import Writer
from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice
from pipeline.errors import UserError
from pipeline.streams import Purpose

NO_NOISE = np.empty((0, 16, 16, 3), np.uint8)
ON_A_PACK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def coordinates(height, width, scale, number):
    """HR pixels that say where they are, and LR pixels that say where their block begins."""
    y, x = np.mgrid[:height, :width]
    lr = np.stack([y * scale, x * scale, np.full_like(x, number)], axis=-1).astype(np.uint8)
    y, x = np.mgrid[: height * scale, : width * scale]
    return lr, np.stack([y, x, np.full_like(x, number)], axis=-1).astype(np.uint8)


def slice_of(seed, iteration, first, count, phase="training"):
    return Slice(seed, phase, iteration, first, count)


def pack_of(folder, scale=4, noise=NO_NOISE, sizes=((30, 40), (24, 24), (50, 26)), noisy=False):
    folder.mkdir(exist_ok=True)
    writer = Writer(folder, scale)
    for number, (height, width) in enumerate(sizes):
        writer.add("training", f"image{number}", *coordinates(height, width, scale, number), noisy=noisy)
    writer.add("validation", "held", *coordinates(20, 24, scale, 9))
    writer.close(noise)
    return Pack.open(folder)


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    return {scale: pack_of(folder / str(scale), scale) for scale in (1, 4)}


@ON_A_PACK
@given(st.sampled_from([1, 4]), st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([4, 8, 16]))
def test_every_lr_pixel_lies_on_its_hr_block_under_every_augmentation(packs, scale, seed, iteration, side):
    crops = packs[scale].pairs(slice_of(seed, iteration, 0, 4), side * scale)
    assert crops.lr.shape == crops.noise.shape == (4, 3, side, side)
    assert crops.hr.shape == (4, 3, side * scale, side * scale)
    assert {part.dtype for part in (crops.lr, crops.hr, crops.noise, crops.wide)} == {torch.uint8}
    assert crops.degraded == ()
    assert len(crops.wide) == crops.context == 0
    assert not crops.noise.any()
    lr, hr = (batch.numpy().astype(int) for batch in (crops.lr, crops.hr))
    blocks = lr.repeat(scale, axis=2).repeat(scale, axis=3)
    np.testing.assert_array_equal(hr[:, :2] // scale * scale, blocks[:, :2])
    np.testing.assert_array_equal(hr[:, 2], blocks[:, 2])
    for sample in hr:  # a crop is one contiguous square of one image
        assert np.unique(sample[2]).size == 1
        assert len({(y, x) for y, x in sample[:2].reshape(2, -1).T.tolist()}) == (side * scale) ** 2
        assert all(np.ptp(sample[axis]) == side * scale - 1 for axis in (0, 1))


def test_all_images_places_and_eight_symmetries_are_drawn(packs):
    hr = packs[4].pairs(slice_of(0, 0, 0, 600), 32).hr.numpy().astype(int)
    assert set(hr[:, 2, 0, 0]) == {0, 1, 2}
    steps = {(*(s[:2, 0, 1] - s[:2, 0, 0]), *(s[:2, 1, 0] - s[:2, 0, 0])) for s in hr}
    assert len(steps) == 8
    smallest = hr[hr[:, 2, 0, 0] == 1]  # 24 LR pixels wide: crops of 8 can begin at 0 to 16
    assert {*smallest[:, 0].min(axis=(1, 2))} == {4 * place for place in range(17)}


@ON_A_PACK
@given(st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([1, 2, 4, 8]))
def test_a_sample_does_not_depend_on_the_world_size(packs, seed, iteration, world):
    whole = packs[4].pairs(slice_of(seed, iteration, 0, 8), 16)
    shares = [packs[4].pairs(slice_of(seed, iteration, rank * 8 // world, 8 // world), 16) for rank in range(world)]
    for side in ("lr", "hr"):
        joined = np.concatenate([getattr(share, side).numpy() for share in shares])
        np.testing.assert_array_equal(joined, getattr(whole, side).numpy())


def test_seed_iteration_and_place_each_change_the_sample(packs):
    drawn = {
        packs[4].pairs(slice_of(seed, iteration, k, 1), 32).hr.numpy().tobytes()
        for seed in range(4)
        for iteration in range(4)
        for k in range(4)
    }
    assert len(drawn) > 60


def test_noise_is_a_crop_of_a_patch_and_leaves_the_pairs_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(100, 110, (5, 16, 16, 3), np.uint8)
    clean, noisy = (pack_of(tmp_path / f"{laid}", noise=noise, noisy=laid) for laid in (False, True))
    without, crops = (pack.pairs(slice_of(1, 2, 0, 64), 32) for pack in (clean, noisy))
    assert not without.noise.any()
    for side in ("lr", "hr"):
        np.testing.assert_array_equal(getattr(crops, side).numpy(), getattr(without, side).numpy())
    windows = {patch[y : y + 8, x : x + 8].tobytes() for patch in noise for y in range(9) for x in range(9)}
    drawn = [one.tobytes() for one in np.ascontiguousarray(crops.noise.numpy().transpose(0, 2, 3, 1))]
    assert set(drawn) <= windows
    assert len(set(drawn)) > 40


@pytest.mark.parametrize("scale", [1, 4])
def test_an_image_without_lr_comes_with_context_around_its_crop(tmp_path, scale):
    writer = Writer(tmp_path, scale)
    writer.add("training", "pair", *coordinates(30, 40, scale, 0))
    writer.add_clean("clean", coordinates(30, 40, scale, 1)[1])
    writer.add("validation", "held", *coordinates(20, 24, scale, 9))
    writer.close(NO_NOISE)
    crop = 8 * scale
    crops = Pack.open(tmp_path).pairs(slice_of(0, 0, 0, 64), crop)
    hr, lr, wide = (part.numpy() for part in (crops.hr, crops.lr, crops.wide))
    is_clean = hr[:, 2, 0, 0] == 1
    assert crops.degraded == tuple(np.flatnonzero(is_clean))
    assert 16 < len(crops.degraded) < 48
    assert not lr[is_clean].any()
    # Real-ESRGAN degrades 400 px to train on 256; the context keeps LR and HR aligned.
    assert crops.context % scale == 0
    assert crops.context >= crop * 72 / 256 > crops.context - scale
    inner = slice(crops.context, crops.context + crop)
    assert wide.shape == (len(crops.degraded), 3, crop + 2 * crops.context, crop + 2 * crops.context)
    np.testing.assert_array_equal(wide[:, :, inner, inner], hr[is_clean])
    for sample in wide:  # one contiguous square too
        assert all(np.ptp(sample[axis]) == wide.shape[2] - 1 for axis in (0, 1))


def test_a_crop_whose_context_does_not_fit_is_refused(tmp_path):
    writer = Writer(tmp_path, 4)
    writer.add_clean("clean", coordinates(20, 24, 4, 1)[1])
    writer.add("validation", "held", *coordinates(20, 24, 4, 9))
    writer.close(NO_NOISE)
    pack = Pack.open(tmp_path)
    pack.pairs(slice_of(0, 0, 0, 8), 44)
    with pytest.raises(UserError, match=r"crop of 48 pixels with the context .* clean \(96x80\).* 46 or less"):
        pack.pairs(slice_of(0, 0, 0, 8), 48)


def test_validation_pairs_come_back_whole(packs):
    (pair,) = packs[4].validation()
    lr, hr = coordinates(20, 24, 4, 9)
    assert pair.id == "held"
    np.testing.assert_array_equal(pair.lr, lr)
    np.testing.assert_array_equal(pair.hr, hr)
    assert pair.hr.dtype == np.uint8


def test_a_crop_larger_than_the_smallest_image_names_image_and_key(packs):
    packs[4].pairs(slice_of(0, 0, 0, 1), 96)
    message = (
        r"crop of 112 pixels is larger than the HR image image1 \(96x96\).*trunk\.crop.*training\.crop.* 96 or less"
    )
    with pytest.raises(UserError, match=message):
        packs[4].pairs(slice_of(0, 0, 0, 1), 112)


def test_a_crop_larger_than_the_noise_patches_names_the_key(tmp_path):
    pack = pack_of(tmp_path, noise=np.zeros((1, 16, 16, 3), np.uint8))
    pack.pairs(slice_of(0, 0, 0, 1), 64)
    with pytest.raises(UserError, match=r"at least 20 pixels: raise recipe\.noise_patch"):
        pack.pairs(slice_of(0, 0, 0, 1), 80)


@pytest.mark.parametrize(
    ("high", "low", "expected"), [((43, 38), (10, 10), (10, 9)), ((40, 44), (10, 10), (10, 10))]
)
def test_pairs_a_few_pixels_off_keep_their_common_top_left(tmp_path, high, low, expected):
    _, hr = coordinates(*high, 1, 0)
    lr, _ = coordinates(*low, 4, 0)
    writer = Writer(tmp_path, 4)
    writer.add("validation", "a", lr, hr)
    writer.close(NO_NOISE)
    (pair,) = Pack.open(tmp_path).validation()
    height, width = expected
    np.testing.assert_array_equal(pair.lr, lr[:height, :width])
    np.testing.assert_array_equal(pair.hr, hr[: 4 * height, : 4 * width])


def test_a_pack_is_read_in_place(packs):
    assert isinstance(packs[4].hr, np.memmap)
    assert isinstance(packs[4].lr, np.memmap)


def test_a_broken_pack_is_named(tmp_path):
    with pytest.raises(UserError, match=r"index\.json is missing"):
        Pack.open(tmp_path)
    pack_of(tmp_path)
    (tmp_path / "hr.npy").write_bytes((tmp_path / "hr.npy").read_bytes()[:1000])
    with pytest.raises(UserError, match="is not a whole pack"):
        Pack.open(tmp_path)


def mixed(folder, real_share=None, pairs=3, clean=9, degraded=12):
    """A pack of real pairs, of clean images whose LR is there, and of clean images whose LR is made."""
    folder.mkdir()
    writer = Writer(folder, 4)
    for number in range(pairs + clean + degraded):
        lr, hr = coordinates(16, 16, 4, number)
        if number < pairs + clean:
            writer.add("training", f"image{number}", lr, hr, noisy=number >= pairs)
        else:
            writer.add_clean(f"image{number}", hr)
    writer.close(np.arange(2 * 768, dtype=np.uint8).reshape(2, 16, 16, 3), real_share)
    return Pack.open(folder)


def numbers(pack, count):
    """The images of so many crops."""
    return pack.pairs(slice_of(3, 0, 0, count), 16).hr.numpy()[:, 2, 0, 0]


@pytest.mark.parametrize("real_share", [0.05, 0.5, 0.9])
def test_real_pairs_have_their_share_of_the_crops_and_images_of_a_kind_are_equally_likely(tmp_path, real_share):
    drawn = numbers(mixed(tmp_path / "pack", real_share), 4000)
    real = (drawn < 3).sum()
    assert abs(real - 4000 * real_share) < 4 * np.sqrt(4000 * real_share * (1 - real_share))
    for of_a_kind, count in ((drawn[drawn < 3], 3), (drawn[drawn >= 3] - 3, 21)):
        assert chisquare(np.bincount(of_a_kind, minlength=count)).pvalue > 1e-3


def test_without_a_share_every_image_is_equally_likely_as_if_there_were_no_switch(tmp_path):
    pack = mixed(tmp_path / "pack")
    drawn = numbers(pack, 2000)
    assert chisquare(np.bincount(drawn, minlength=24)).pvalue > 1e-3
    rngs = [slice_of(3, 0, 0, 2000).stream(Purpose.CROP, place) for place in range(2000)]
    assert drawn.tolist() == [rng.integers(24) for rng in rngs]


def test_a_pack_knows_its_share(tmp_path):
    one, other = mixed(tmp_path / "one"), mixed(tmp_path / "other", 0.5)
    assert (one.images.real_share, other.images.real_share) == (None, 0.5)


def test_the_crops_of_pairs_are_the_ones_that_they_were_before_there_were_other_kinds(tmp_path):
    pack, found = mixed(tmp_path / "pack", 0.4), sha256()
    for phase in ("trunk", "training"):
        crops = pack.pairs(slice_of(7, 11, 2, 24, phase), 32)
        for part in (crops.lr, crops.hr, crops.noise, crops.wide):
            found.update(part.contiguous().numpy().tobytes())
    assert found.hexdigest() == "26cb41358b1e3b9abd46f8f7290ee454c14603750b86945f6e3783dd40e3b495"
