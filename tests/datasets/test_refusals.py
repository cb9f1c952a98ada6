"""What the split stage refuses: every kind of bad image, wrong sizes, wrong counts, leaks."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

TRAIN_HR = "realsr/RealSR(V3)/Canon/Train/4/Canon_002_HR.png"
TRAIN_LR = "realsr/RealSR(V3)/Canon/Train/4/Canon_002_LR4.png"
TEST_HR = "realsr/RealSR(V3)/Canon/Test/4/Canon_001_HR.png"
TEST_LR = "realsr/RealSR(V3)/Canon/Test/4/Canon_001_LR4.png"


def grey(path):
    Image.open(path).convert("L").save(path)


def alpha(path):
    Image.open(path).convert("RGBA").save(path)


def palette(path):
    Image.open(path).convert("P").save(path)


def sixteen_bit(path):
    cv2.imwrite(str(path), cv2.imread(str(path)).astype(np.uint16) * 257)


def sixteen_bit_grey(path):
    cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint16) * 257)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def empty(path):
    path.write_bytes(b"")


def quota_page(path):
    path.write_text("<!DOCTYPE html><title>Google Drive - Quota exceeded</title>", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (grey, "found grey, expected 8-bit RGB"),
        (alpha, "found RGB with alpha, expected 8-bit RGB"),
        (palette, "found palette, expected 8-bit RGB"),
        (sixteen_bit, "found 16-bit RGB, expected 8-bit RGB"),
        (sixteen_bit_grey, "found 16-bit grey, expected 8-bit RGB"),
        (truncated, "cannot be decoded"),
        (flipped_byte, "cannot be decoded"),
        (empty, "cannot be decoded (not an image file)"),
        (quota_page, "cannot be decoded (not an image file)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_image_is_named_with_what_was_found(fetched, spoil, found):
    spoil(fetched.raw("realsr") / TRAIN_HR)
    message = fetched.refused("split", "realsr")
    assert f"{TRAIN_HR}: {found}" in message
    assert "1 bad images in runs/sample/raw/realsr" in message
    assert "etch" in message


def test_all_bad_images_are_named_at_once(fetched):
    grey(fetched.raw("realsr") / TRAIN_HR)
    truncated(fetched.raw("realsr") / TEST_LR)
    message = fetched.refused("split", "realsr")
    assert TRAIN_HR in message
    assert TEST_LR in message


def resize(path, width, height):
    Image.open(path).resize((width, height)).save(path)


def test_a_pair_of_the_wrong_size_is_refused(fetched):
    resize(fetched.raw("realsr") / TRAIN_HR, 64, 72)
    message = fetched.refused("split", "realsr")
    assert f"{TRAIN_HR}: found HR of 64x72 with LR of 16x16, expected HR of 64x64 (scale 4)" in message


def test_realsr_v1_is_recognised_by_its_sizes(fetched):
    resize(fetched.raw("realsr") / TRAIN_LR, 64, 64)
    message = fetched.refused("split", "realsr")
    assert "found HR of 64x64 with LR of 64x64" in message
    assert "One size for both is RealSR V1 or V2; fetch RealSR V3." in message


def test_camerasr_must_have_one_size_for_both(fetched):
    resize(fetched.raw("camerasr") / "camerasr/City100/City100_iPhoneX/004L.PNG", 63, 64)
    assert "004H.PNG: found HR of 64x64 with LR of 63x64, expected HR of 63x64" in fetched.refused(
        "split", "camerasr"
    )


def test_an_hr_image_a_few_pixels_off_is_a_pair_all_the_same(fetched):
    resize(fetched.raw("realsr") / TRAIN_HR, 67, 61)
    assert fetched.run("split", "realsr").returncode == 0


def same_file(source, goal):
    shutil.copy(source, goal)


def same_pixels(source, goal):
    Image.open(source).save(goal, compress_level=1)
    assert goal.read_bytes() != source.read_bytes()


@pytest.mark.parametrize("copy", [same_file, same_pixels])
@pytest.mark.parametrize(("leaked", "into"), [(TEST_HR, TRAIN_HR), (TEST_LR, TRAIN_LR)])
def test_a_test_image_among_the_training_images_is_refused(fetched, copy, leaked, into):
    copy(fetched.raw("realsr") / leaked, fetched.raw("realsr") / into)
    message = fetched.refused("split", "realsr")
    assert f"{into} (train) has the same pixels as the test image runs/sample/raw/realsr/{leaked}" in message


@pytest.mark.parametrize(
    ("test_image", "into", "role"),
    [
        ("ntire2020/track1-valid-gt/0802.png", "ntire2020/train-target/0001.png", "target"),
        ("ntire2020/track1-valid-gt/0802.png", "ntire2020/train-target/0005.png", "validation"),
        ("ntire2020/track1-valid-input/0801.png", "ntire2020/track1-train-source/Flickr2K_000003.png", "source"),
    ],
)
def test_no_role_of_ntire_may_hold_a_test_image(fetched, test_image, into, role):
    shutil.copy(fetched.raw("ntire2020") / test_image, fetched.raw("ntire2020") / into)
    message = fetched.refused("split", "ntire2020")
    assert (
        f"{into} ({role}) has the same pixels as the test image runs/sample/raw/ntire2020/{test_image}" in message
    )


def test_an_hr_image_that_is_the_lr_of_a_test_pair_is_a_leak_too(fetched):
    folder = fetched.raw("camerasr") / "camerasr/City100/City100_iPhoneX"
    shutil.copy(folder / "001L.PNG", folder / "006H.PNG")
    assert "006H.PNG (train) has the same pixels as the test image" in fetched.refused("split", "camerasr")


def test_a_count_that_differs_from_params_is_explained(fetched):
    for path in (TRAIN_HR, TRAIN_LR):
        (fetched.raw("realsr") / path).unlink()
    message = fetched.refused("split", "realsr")
    assert "found 4 images in the train part of realsr, expected 3 train + 2 validation" in message
    assert "params.yaml" in message


def test_a_dataset_that_was_not_fetched_is_explained(project):
    message = project.refused("split", "camerasr")
    assert "raw/camerasr/camerasr is missing" in message
    assert "dvc repro" in message


def test_a_refused_split_leaves_the_old_manifest(fetched):
    fetched.run("split", "realsr")
    before = fetched.split("realsr").read_bytes()
    grey(fetched.raw("realsr") / TRAIN_HR)
    fetched.refused("split", "realsr")
    assert fetched.split("realsr").read_bytes() == before
