"""A study is drawn once, from images that stay what they were."""

import shutil

import numpy as np
import pytest

from pipeline.datasets.images import read_rgb
from pipeline.errors import UserError
from pipeline.mos.drawing import Wanted, open_study, pictures, stale_methods
from pipeline.paths import restored_folder
from tests.mos.conftest import METHODS, SEEDS, noise, save

FEW = Wanted(patches=3, side=64)


def drawn(runs, wanted=FEW):
    return open_study(runs, "sample", "realsr_zero", wanted, seed=1)


def photograph(runs, method, name="photo0"):
    return restored_folder(runs, "realsr_zero", method, SEEDS[method][0]) / f"{name}.png"


def test_a_study_goes_on_as_it_was_drawn(runs):
    study = drawn(runs)
    assert drawn(runs) == study
    assert drawn(runs, Wanted()) == study
    assert study.methods == METHODS
    assert len({patch.place.image for patch in study.patches}) == 3


def test_the_images_are_those_of_the_seed_and_without_a_method_of_its_own_that_is_apart(runs):
    study = open_study(runs, "sample", "realsr_zero", FEW, seed=2, apart={"plain"})
    assert study.methods == ("bicubic", "full")
    (version,) = [version for version in study.patches[0].versions if version.method == "full"]
    place = study.patches[0].place
    whole = read_rgb(restored_folder(runs, "realsr_zero", "full", 2) / f"{place.image}.png")
    np.testing.assert_array_equal(pictures(runs, study)[version.id], place.cut(whole))


def test_a_seed_decides_the_places_and_tells_nothing_of_the_ids(runs, opinions):
    first = drawn(runs)
    shutil.rmtree(opinions)
    second = drawn(runs)
    assert [patch.place for patch in first.patches] == [patch.place for patch in second.patches]
    assert not set(first.key) & set(second.key)


def test_each_id_shows_its_methods_pixels_at_its_place(runs):
    study = drawn(runs)
    shown = pictures(runs, study)
    assert len(shown) == 3 * (1 + len(METHODS))
    for patch in study.patches:
        place = patch.place
        rows, columns = slice(place.top, place.top + 64), slice(place.left, place.left + 64)
        for version in patch.versions:
            whole = read_rgb(photograph(runs, version.method, place.image))
            np.testing.assert_array_equal(shown[version.id], whole[rows, columns])
        lr = read_rgb(runs / "raw" / "realsr_zero" / f"{place.image}.png")
        rows, columns = slice(place.top // 4, place.top // 4 + 16), slice(place.left // 4, place.left // 4 + 16)
        np.testing.assert_array_equal(shown[patch.reference], lr[rows, columns])


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (Wanted(methods=("full",)), "--methods bicubic,full,plain, not full"),
        (Wanted(patches=7), "--patches 3, not 7"),
        (Wanted(side=32), "--side 64, not 32"),
    ],
)
def test_another_study_in_the_same_folder_is_refused_with_what_differs(runs, wanted, named):
    drawn(runs)
    with pytest.raises(UserError, match="move the folder away") as refusal:
        drawn(runs, wanted)
    assert named in str(refusal.value)


def test_fewer_patches_than_wanted_are_no_other_study(runs):
    study = drawn(runs, Wanted(patches=1000, side=64))
    assert 0 < len(study.patches) < 1000
    assert drawn(runs, Wanted(patches=1000, side=64)) == study


def test_restored_images_that_changed_are_not_rated_under_the_old_ids(runs):
    study = drawn(runs)
    for name in ("photo0", "photo1", "photo2"):
        save(photograph(runs, "plain", name), noise(144, 176, 99))
    with pytest.raises(UserError, match="restored images of plain have changed"):
        pictures(runs, study)
    assert stale_methods(runs, study) == {"plain"}
    shutil.rmtree(photograph(runs, "full").parent)
    assert stale_methods(runs, study) == {"plain", "full"}


def test_a_rated_image_that_left_the_split_is_named_and_makes_every_method_stale(runs):
    study = drawn(runs)
    split = runs / "splits" / "realsr_zero.csv"
    split.write_text("".join(line for line in split.open() if not line.startswith("photo0")))
    assert stale_methods(runs, study) == set(METHODS)
    with pytest.raises(UserError, match="no longer has the rated image photo0"):
        pictures(runs, study)


def test_a_method_that_did_not_restore_is_named_beside_those_that_did(runs, opinions):
    with pytest.raises(UserError, match="cria did not restore realsr_zero; methods that did: bicubic, full, plain"):
        drawn(runs, Wanted(methods=("full", "cria")))
    assert not opinions.exists()


def test_a_side_between_lr_pixels_is_refused(runs, opinions):
    with pytest.raises(UserError, match="--side 66 is no multiple of the scale 4"):
        drawn(runs, Wanted(side=66))
    assert not (opinions / "study.json").exists()


def test_a_restored_image_of_another_size_is_named_with_both_sizes(runs):
    save(photograph(runs, "plain"), noise(144, 172, 0))
    with pytest.raises(UserError, match=r"plain/seed1/photo0.png has 172x144 pixels, expected 176x144"):
        drawn(runs)


def test_a_damaged_key_is_named(runs, opinions):
    drawn(runs)
    (opinions / "study.json").write_text('{"id": "x"}')
    with pytest.raises(UserError, match=r"study\.json is not the key of an opinion study: preset: Field required"):
        drawn(runs)
