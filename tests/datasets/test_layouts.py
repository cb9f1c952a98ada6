"""Finding and pairing the files of an official layout."""

from collections import Counter
from pathlib import Path

import pytest

from pipeline.datasets.layouts import find
from pipeline.errors import UserError


def tree(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def realsr(top, *, train=2, test=1):
    counts = {"Train": train, "Test": test}
    return [
        f"{top}/Canon/{folder}/4/Canon_{number:03}_{side}.png"
        for folder, count in counts.items()
        for number in range(1, count + 1)
        for side in ("HR", "LR4")
    ]


@pytest.mark.parametrize("top", ["RealSR(V3)", "RealSRV3", "RealSR_V3", "unpacked/RealSR(V3)", "."])
def test_realsr_is_found_whatever_the_folders_above_are_called(tmp_path, top):
    other = [f"{top}/Nikon/Test/4/Nikon_001_HR.png", f"{top}/Canon/Test/2/Canon_001_HR.png", f"{top}/readme.txt"]
    items = find("realsr", tree(tmp_path, *realsr(top), *other))
    assert [(item.part, item.id) for item in items] == [
        ("test", "Canon_001"),
        ("train", "Canon_001"),
        ("train", "Canon_002"),
    ]
    assert items[0].hr == Path(f"{top}/Canon/Test/4/Canon_001_HR.png")
    assert items[0].lr == Path(f"{top}/Canon/Test/4/Canon_001_LR4.png")


def test_what_archives_and_desktops_leave_behind_is_no_image(tmp_path):
    junk = ["__MACOSX/City100_iPhoneX/001H.PNG", "City100_iPhoneX/.DS_Store", "City100_iPhoneX/._001H.PNG"]
    found = find("camerasr", tree(tmp_path, "City100_iPhoneX/001H.PNG", "City100_iPhoneX/001L.png", *junk))
    assert [item.id for item in found] == ["001"]


def test_realsr_zero_takes_images_of_every_kind_from_every_folder(tmp_path):
    found = find("realsr_zero", tree(tmp_path, "a/IMG 1.JPG", "a/b/2.png", "3.jpeg", "notes.txt", "standin.csv"))
    assert [item.id for item in found] == ["2", "3", "IMG 1"]


def test_ntire_source_and_target_are_not_paired_though_their_names_may_meet(tmp_path):
    tree(tmp_path, "track1-train-source/0001.png", "train-target/train-target/0001.png")
    tree(tmp_path, "track1-valid-input/0801.png", "track1-valid-gt/0801.png")
    found = {item.part: (item.hr is not None, item.lr is not None) for item in find("ntire2020", tmp_path)}
    assert found == {"source": (False, True), "target": (True, False), "valid": (True, True)}


def test_two_copies_side_by_side_are_refused(tmp_path):
    tree(tmp_path, *realsr("RealSR(V3)"), *realsr("RealSRV3"))
    with pytest.raises(UserError, match=r"RealSR\(V3\)/.*_HR\.png and RealSRV3/.*_HR\.png have one id"):
        find("realsr", tmp_path)


def test_a_missing_counterpart_is_named(tmp_path):
    tree(tmp_path, *realsr("RealSRV3"), "RealSRV3/Canon/Train/4/Canon_003_HR.png")
    tree(tmp_path, "RealSRV3/Canon/Test/4/Canon_007_LR4.png")
    with pytest.raises(UserError) as caught:
        find("realsr", tmp_path)
    assert "Canon_003_HR.png: its LR counterpart is missing" in str(caught.value)
    assert "Canon_007_LR4.png: its HR counterpart is missing" in str(caught.value)
    assert "Canon_001" not in str(caught.value)


def test_an_empty_part_is_named_with_an_example(tmp_path):
    with pytest.raises(UserError, match=r"no HR image of realsr such as .*Canon/Test/4/Canon_001_HR\.png"):
        find("realsr", tree(tmp_path, *realsr("RealSRV3", test=0)))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone is missing.*stage fetch"):
        find("realsr", tmp_path / "gone")


def test_the_crops_of_the_mirror_are_paired_by_camera_and_number(tmp_path):
    tree(tmp_path, "test_HR/Canon_001_LR4.png", "test_LR/Canon_001_LR4.png")
    assert [(item.part, item.id) for item in find("realsr_canon_crops", tmp_path)] == [("test", "Canon_001")]


def test_flickr2k_is_found_in_either_published_archive_but_not_its_lr_images(tmp_path):
    for top in ("Flickr2K/Flickr2K_HR", "Flickr2K"):
        folder = tree(
            tmp_path / top.replace("/", "-"), f"{top}/000001.png", f"{top}/Flickr2K_LR_bicubic/X4/000001x4.png"
        )
        assert [item.hr for item in find("flickr2k", folder)] == [Path(f"{top}/000001.png")]


@pytest.mark.parametrize(
    ("name", "folder", "counts"),
    [
        ("camerasr", "camerasr", {"iphonex": 100}),
        ("realsr_canon_crops", "realsr-canon-crops", {"test": 50}),
        ("drealsr_crops", "drealsr-crops", {"train": 60}),
        ("realsrset", "realsrset", {"all": 20}),
    ],
)
def test_the_published_images_are_all_found(mirror_root, name, folder, counts):
    assert Counter(item.part for item in find(name, mirror_root / folder)) == counts
