"""The kinds of images that a pack offers beside its pairs: where crops lie, what is drawn, what hashes cover."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.datasets.packing import Writer
from pipeline.datasets.packs import Pack
from pipeline.errors import UserError
from pipeline.files import read_json
from tests.datasets.test_packs import NO_NOISE, coordinates, slice_of

ON_A_PACK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOISE = np.ones((1, 16, 16, 3), np.uint8)
PAIR, NOISY, DEGRADED, PHOTOGRAPH, HELD_OUT = range(5)
"""The images of a pack; each is filled with its number."""


def add_pair(writer, scale):
    writer.add("training", "pair", *coordinates(20, 30, scale, PAIR))


def add_clean(writer, scale):
    writer.add("training", "noisy", *coordinates(24, 30, scale, NOISY), noisy=True)
    writer.add_clean("degraded", coordinates(28, 30, scale, DEGRADED)[1])


def photograph():
    """Of a size that no scale divides; its pixels say where they are."""
    return coordinates(37, 43, 1, PHOTOGRAPH)[1]


def add_photograph(writer, _):
    writer.add_real("photograph", photograph())


EVERYTHING = (add_pair, add_clean, add_photograph)


def written(folder, *adding, scale=4, noise=NO_NOISE, real_share=None, held_out=HELD_OUT):
    folder.mkdir(parents=True)
    writer = Writer(folder, scale)
    for add in adding:
        add(writer, scale)
    writer.add("validation", "held", *coordinates(20, 24, scale, held_out))
    writer.close(noise, real_share)
    return folder


def hashes(*arguments, **more):
    return read_json(written(*arguments, **more) / "index.json")["hashes"]


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    return {scale: Pack.open(written(folder / str(scale), *EVERYTHING, scale=scale)) for scale in (1, 4)}


def symmetries(window):
    """The eight pictures that a square of pixels can become, as bytes."""
    return {
        np.ascontiguousarray(np.rot90(one, turns)).tobytes()
        for one in (window, window[:, ::-1])
        for turns in range(4)
    }


def images(crops):
    """The numbers of the images that crops are of; each is of one."""
    found = [np.unique(crop[2]) for crop in crops.numpy()]
    assert all(one.size == 1 for one in found)
    return {int(one[0]) for one in found}


@ON_A_PACK
@given(st.sampled_from([1, 4]), st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([4, 12, 16]))
def test_a_real_crop_is_the_pixels_of_a_photograph_at_lr(packs, scale, seed, iteration, side):
    crops = packs[scale].real(slice_of(seed, iteration, 0, 4), side * scale)
    assert crops.shape == (4, 3, side, side)
    assert crops.dtype == torch.uint8
    sources = {PAIR: (coordinates(20, 30, scale, PAIR)[0], scale), PHOTOGRAPH: (photograph(), 1)}
    for crop in crops.permute(0, 2, 3, 1).numpy():
        image, step = sources[crop[0, 0, 2]]
        top, left = crop[..., :2].min(axis=(0, 1)) // step
        assert np.ascontiguousarray(crop).tobytes() in symmetries(image[top : top + side, left : left + side])


@ON_A_PACK
@given(st.sampled_from([1, 4]), st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([4, 8, 12]))
def test_a_clean_crop_is_hr_pixels_with_the_context_of_a_degradation(packs, scale, seed, iteration, side):
    crop = side * scale
    crops = packs[scale].clean(slice_of(seed, iteration, 0, 4), crop)
    around = (crops.shape[-1] - crop) // 2
    assert crops.shape == (4, 3, crop + 2 * around, crop + 2 * around)
    assert crops.dtype == torch.uint8
    assert around % scale == 0
    assert around >= crop * 72 / 256 > around - scale  # as of the second-order degradation
    heights = {NOISY: 24, DEGRADED: 28}
    for one in crops.permute(0, 2, 3, 1).numpy():
        number = one[0, 0, 2]
        _, image = coordinates(heights[number], 30, scale, number)
        top, left = one[..., :2].min(axis=(0, 1))
        assert top % scale == left % scale == 0
        window = image[top : top + len(one), left : left + len(one)]
        assert np.ascontiguousarray(one).tobytes() in symmetries(window)


def test_which_images_are_clean_and_which_are_real(packs, tmp_path):
    part = slice_of(0, 0, 0, 60)
    assert images(packs[4].clean(part, 32)) == {NOISY, DEGRADED}
    assert images(packs[4].real(part, 32)) == {PAIR, PHOTOGRAPH}
    pairs_alone = Pack.open(written(tmp_path / "pairs", add_pair))
    assert images(pairs_alone.clean(part, 32)) == {PAIR}
    assert images(pairs_alone.real(part, 32)) == {PAIR}


def test_every_place_of_a_photograph_is_drawn_in_all_eight_symmetries(packs):
    crops = packs[1].real(slice_of(0, 0, 0, 1500), 16).numpy().astype(int)
    crops = crops[crops[:, 2, 0, 0] == PHOTOGRAPH]
    assert {*crops[:, 0].min(axis=(1, 2))} == set(range(37 - 16 + 1))
    assert {*crops[:, 1].min(axis=(1, 2))} == set(range(43 - 16 + 1))
    assert len({(*(c[:2, 0, 1] - c[:2, 0, 0]), *(c[:2, 1, 0] - c[:2, 0, 0])) for c in crops}) == 8


@ON_A_PACK
@given(st.sampled_from(["clean", "real"]), st.integers(0, 2**31), st.integers(0, 10**6), st.sampled_from([2, 4, 8]))
def test_a_sample_does_not_depend_on_the_world_size(packs, kind, seed, iteration, world):
    draw = getattr(packs[4], kind)
    shares = [draw(slice_of(seed, iteration, rank * 8 // world, 8 // world), 16) for rank in range(world)]
    assert torch.equal(torch.cat(shares), draw(slice_of(seed, iteration, 0, 8), 16))


def test_photographs_change_neither_pairs_nor_clean_images(tmp_path):
    without = hashes(tmp_path / "without", add_pair, add_clean, noise=NOISE)
    with_one = hashes(tmp_path / "with", add_photograph, add_pair, add_clean, noise=NOISE)
    changed = {kind for kind in without if with_one[kind] != without[kind]}
    assert changed == {"real"}
    packs = [Pack.open(tmp_path / name) for name in ("without", "with")]
    for part in ("lr", "hr", "noise", "wide"):
        one, other = (getattr(pack.pairs(slice_of(1, 0, 0, 30), 32), part) for pack in packs)
        assert torch.equal(one, other)
    one, other = (pack.clean(slice_of(1, 0, 0, 30), 32) for pack in packs)
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("adding", "more", "changed"),
    [
        (EVERYTHING, {"noise": NOISE}, {"pairs"}),
        (EVERYTHING, {"real_share": 0.5}, {"pairs"}),
        (EVERYTHING, {"held_out": 99}, {"pairs", "clean", "real"}),
        ((add_clean, add_photograph), {}, {"pairs", "real"}),
        ((add_pair, add_photograph), {}, {"pairs", "clean"}),
        ((add_pair, add_clean), {}, {"real"}),
        (EVERYTHING, {"scale": 1}, {"pairs", "clean", "real"}),
        (EVERYTHING, {}, set()),
    ],
)
def test_a_hash_covers_its_kind_and_what_every_training_is_measured_by(tmp_path, adding, more, changed):
    one, other = hashes(tmp_path / "one", *EVERYTHING), hashes(tmp_path / "other", *adding, **more)
    assert {kind for kind in one if one[kind] != other.get(kind)} == changed


def test_one_pixel_of_a_photograph_is_in_the_hash(tmp_path):
    def other(writer, _):
        pixels = photograph()
        pixels[3, 4, 0] += 1
        writer.add_real("photograph", pixels)

    one, other = hashes(tmp_path / "one", add_pair, add_photograph), hashes(tmp_path / "other", add_pair, other)
    assert {kind for kind in one if one[kind] != other[kind]} == {"real"}


def test_a_kind_of_which_there_is_no_image_has_no_hash(tmp_path):
    assert hashes(tmp_path / "clean", add_clean).keys() == {"pairs", "clean"}
    assert hashes(tmp_path / "pair", add_pair).keys() == {"pairs", "clean", "real"}


def test_an_image_of_two_kinds_is_stored_once(packs):
    high = 20 * 30 + 24 * 30 + 28 * 30 + 20 * 24
    assert len(packs[4].hr) == 3 * 16 * high
    assert len(packs[4].lr) == 3 * (20 * 30 + 24 * 30 + 37 * 43 + 20 * 24)


@pytest.mark.parametrize(
    ("kind", "adding", "fits", "message"),
    [
        (
            "real",
            add_photograph,
            148,
            r"crop of 152 pixels is larger than the LR \(scale 4\) image photograph \(43x37\)",
        ),
        ("clean", add_clean, 56, r"crop of 60 pixels with the context .* HR image noisy \(120x96\).* 56 or less"),
    ],
)
def test_a_crop_that_does_not_fit_is_refused(tmp_path, kind, adding, fits, message):
    draw = getattr(Pack.open(written(tmp_path / "pack", adding)), kind)
    draw(slice_of(0, 0, 0, 8), fits)
    with pytest.raises(UserError, match=message):
        draw(slice_of(0, 0, 0, 8), fits + 4)
