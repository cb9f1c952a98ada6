"""Unpacking what strangers packed: the images asked for, or one clear refusal; nothing outside the folder, ever."""

import io
import stat
import tarfile
import zipfile
from collections import namedtuple
from contextlib import nullcontext, suppress
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.fetching import unpack as module
from pipeline.fetching.unpack import Limits, Unpacked, broken, unpack


def everything(member):
    return PurePosixPath(member)


def images(member):
    return PurePosixPath(member) if member.endswith(".png") else None


def zipped(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tarred(path, members, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def packed(kind, path, members):
    return zipped(path, members) if kind == "zip" else tarred(path, members, f"w:{kind}")


def special(kind, name="Canon/evil.png"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "../../etc/passwd"
    return info


def zip_link(name="Canon/evil.png"):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def listing(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.mark.parametrize("kind", ["zip", "", "gz"])
def test_the_images_asked_for_are_unpacked_and_the_rest_is_counted(tmp_path, folder, kind):
    members = [("a/1.png", b"one"), ("a/readme.txt", b"text"), ("a/b/2.png", b"two" * 1000)]
    archive = packed(kind, tmp_path / "set", members)
    assert unpack(archive, folder, images) == Unpacked(written=2, left_out=1)
    assert listing(folder) == {"a/1.png": b"one", "a/b/2.png": b"two" * 1000}


def test_folders_among_the_members_and_windows_separators_are_no_trouble(tmp_path, folder):
    archive = zipped(tmp_path / "set.zip", [("a/", b""), ("a\\b\\1.png", b"one")])
    assert unpack(archive, folder, images) == Unpacked(written=1, left_out=0)
    assert listing(folder) == {"a/b/1.png": b"one"}


@pytest.mark.parametrize("kind", ["zip", "", "gz"])
@pytest.mark.parametrize(
    "name",
    ["../evil.png", "a/../../evil.png", "/tmp/evil.png", "C:/evil.png", "..\\evil.png", "\\evil.png", "../x/"],
)
def test_a_member_that_leaves_the_folder_is_refused_by_name(tmp_path, folder, kind, name):
    archive = packed(kind, tmp_path / "set", [(name, b"")])
    with pytest.raises(UserError, match="lies outside the folder it is unpacked into") as caught:
        unpack(archive, folder, everything)
    assert str(archive) in str(caught.value)
    assert listing(tmp_path).keys() == {"set"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused_even_where_no_image_is(tmp_path, folder, kind):
    archive = tarred(tmp_path / "set.tar", [(special(kind, "notes.txt"), b"")])
    with pytest.raises(UserError, match=r"'notes\.txt' is a link or a device"):
        unpack(archive, folder, images)
    assert listing(folder) == {}


def test_a_link_in_a_zip_is_refused(tmp_path, folder):
    with pytest.raises(UserError, match=r"'Canon/evil\.png' is a link or a device"):
        unpack(zipped(tmp_path / "set.zip", [(zip_link(), "/etc/passwd")]), folder, everything)
    assert not any(folder.rglob("*.png"))


@pytest.mark.parametrize("kind", ["zip", "gz"])
@pytest.mark.parametrize("second", ["a/1.png", "A/1.PNG"])
def test_two_members_at_one_place_are_refused_whatever_their_case(tmp_path, folder, kind, second):
    with pytest.warns(UserWarning, match="Duplicate") if (kind, second) == ("zip", "a/1.png") else nullcontext():
        archive = packed(kind, tmp_path / "set", [("a/1.png", b"one"), (second, b"two")])
    with pytest.raises(UserError, match="two of its members want one place"):
        unpack(archive, folder, everything)


def test_a_member_that_is_a_file_and_a_folder_is_refused(tmp_path, folder):
    with pytest.raises(UserError, match="two of its members want one place"):
        unpack(tarred(tmp_path / "set.tar", [("a", b"one"), ("a/b", b"two")]), folder, everything)


@pytest.mark.parametrize("kind", ["zip", "gz"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path, folder, kind):
    members = [("a/1.png", bytes(4_000_000)), ("a/2.txt", bytes(4_000_000))]
    path = tmp_path / "set"
    archive = zipped(path, members, zipfile.ZIP_DEFLATED) if kind == "zip" else tarred(path, members, "w:gz")
    assert archive.stat().st_size < 10_000
    with pytest.raises(UserError, match="unpacks to far more files or bytes than images do"):
        unpack(archive, folder, images, Limits(slack=6_000_000))
    assert sum(len(content) for content in listing(folder).values()) <= 6_000_000
    for path in folder.rglob("*.png"):
        path.unlink()
    assert unpack(archive, folder, images, Limits(slack=8_000_000)).written == 1


def test_too_many_members_are_refused(tmp_path, folder):
    archive = zipped(tmp_path / "set.zip", [(f"{number}.txt", b"") for number in range(11)])
    with pytest.raises(UserError, match="far more files"):
        unpack(archive, folder, images, Limits(members=10))


@pytest.mark.parametrize("kind", ["zip", "", "gz"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_archive_is_refused(tmp_path, folder, kind, share):
    noise = bytes(value * 37 % 251 for value in range(60_000))
    whole = packed(kind, tmp_path / "set", [("1.png", noise), ("2.png", noise[::-1])]).read_bytes()
    archive = tmp_path / "cut"
    archive.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UserError, match=r"cut: truncated or broken .*Delete it and fetch it again"):
        unpack(archive, folder, images)
    assert "truncated or broken" in broken(archive)


def test_a_flipped_bit_in_a_zip_is_found(tmp_path, folder):
    archive = zipped(tmp_path / "set.zip", [("1.png", b"A" * 1000)])
    archive.write_bytes(archive.read_bytes().replace(b"A" * 1000, b"A" * 999 + b"B"))
    assert "Bad CRC-32" in broken(archive)
    with pytest.raises(UserError, match="Bad CRC-32"):
        unpack(archive, folder, images)


def test_an_encrypted_zip_is_refused(tmp_path, folder):
    archive = zipped(tmp_path / "set.zip", [("1.png", b"secret")])
    content = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"'1\.png' is encrypted"):
        unpack(archive, folder, images)
    assert "is encrypted" in broken(archive)


def test_something_else_than_an_archive_is_refused(tmp_path, folder):
    archive = tmp_path / "set.zip"
    archive.write_bytes(b"PK but no more")
    with pytest.raises(UserError, match="truncated or broken"):
        unpack(archive, folder, images)


def test_a_sound_archive_is_not_broken(tmp_path):
    for kind in ("zip", "", "gz"):
        assert broken(packed(kind, tmp_path / "set", [("1.png", b"one"), ("2.png", b"")])) is None


def test_a_full_disk_is_told_with_what_is_needed(tmp_path, folder, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(100, 90, 10))
    with pytest.raises(UserError, match=r"needs about 0.00 GB, and the disk of .* has 0.00 GB free. Make room"):
        unpack(zipped(tmp_path / "set.zip", [("1.png", b"one")]), folder, images)


@given(
    names=st.lists(
        st.lists(st.sampled_from(["..", ".", "", "a", "C:", "\\", "b.png", "~"])).map("/".join), max_size=3
    )
)
def test_whatever_the_names_nothing_is_written_outside(tmp_path_factory, names):
    top = tmp_path_factory.mktemp("any")
    folder = top / "x/y/z/here"
    folder.mkdir(parents=True)
    archive = tarred(top / "set.tar", [(name or "empty", b"content") for name in names])
    with suppress(UserError):
        unpack(archive, folder, everything)
    outside = [path for path in top.rglob("*") if path.is_file() and not path.is_relative_to(folder)]
    assert outside == [archive]
