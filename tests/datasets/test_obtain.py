"""Obtaining whole collections, from servers and mirrors of every kind: the right images, or one clear error."""

import json
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from pipeline.datasets import registry
from pipeline.datasets.layouts import find
from pipeline.datasets.obtain import obtain
from pipeline.errors import UserError
from pipeline.fetching import download as transfers
from pipeline.files import sha256, whole_folder
from tests.datasets import published
from tests.datasets.published import COUNTS
from tests.fetching.server import Server, flipped, page, status

ARCHIVED, LOOSE = published.archives(), published.loose()


class Place:
    """A server with every collection, a registry that points at it, and folders to work in."""

    def __init__(self, server, root):
        self.server, self.root = server, root
        self.downloads, self.mirror = root / "downloads", root / "mirror"
        self.mirror.mkdir()

    def publish(self, top=""):
        for name, files in (ARCHIVED | LOOSE).items():
            for path, content in files.items():
                self.server.serve(f"{top}{name}/{path}", content)

    def publish_mirror(self):
        """The same under the subfolders of a mirror root."""
        for name, files in (ARCHIVED | LOOSE).items():
            for path, content in files.items():
                self.server.serve(f"mirror/{registry.mirror_folder(name)}/{path}", content)
        return f"{self.server.root}/mirror"

    def lay(self, name, files):
        """Files in the local mirror."""
        for path, content in files.items():
            target = self.mirror / registry.mirror_folder(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return str(self.mirror)

    def obtain(self, name, mirror=None):
        with whole_folder(self.root / "raw" / name) as folder:
            obtain(name, mirror, self.downloads, folder)
        return self.root / "raw" / name

    def refused(self, name, mirror=None):
        """The message of a fetch that must fail, leaving nothing half-written."""
        with pytest.raises(UserError) as caught:
            self.obtain(name, mirror)
        assert list((self.root / "raw").iterdir()) == []
        return str(caught.value)

    def kept(self, name):
        return json.loads((self.downloads / name / "provenance.json").read_text())


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(transfers, "WAITS", (0.0,))
    with Server() as server:
        monkeypatch.setattr(registry, "REGISTRY", published.write_registry(tmp_path, server.root))
        yield Place(server, tmp_path)


def hashes(folder):
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def counts(name, folder):
    return Counter(item.part for item in find(name, folder))


def unpacked(name):
    """The members of a collection's archives, together."""
    if name == "ntire2020":
        return {path: content for files in published.ntire().values() for path, content in files.items()}
    return published.realsr()


@pytest.mark.parametrize("name", COUNTS)
def test_every_official_layout_is_obtained_from_its_official_place(place, name):
    place.publish()
    folder = place.obtain(name)
    assert counts(name, folder) == COUNTS[name]
    images = {path for item in find(name, folder) for path in (item.hr, item.lr) if path}
    assert len(hashes(folder)) == len(images) + 1  # the images and provenance.json, nothing else


@pytest.mark.parametrize("name", COUNTS)
def test_a_mirror_on_the_web_serves_every_layout_and_is_asked_alone(place, name):
    folder = place.obtain(name, place.publish_mirror())
    assert counts(name, folder) == COUNTS[name]
    assert all(asked.path.startswith("mirror/") for asked in place.server.asked)


@pytest.mark.parametrize("name", COUNTS)
def test_a_local_mirror_serves_every_layout_without_copies_in_downloads(place, name):
    folder = place.obtain(name, place.lay(name, (ARCHIVED | LOOSE)[name]))
    assert counts(name, folder) == COUNTS[name]
    assert place.server.asked == []
    assert hashes(place.downloads).keys() == {f"{name}/provenance.json"}


@pytest.mark.parametrize("name", ["realsr", "ntire2020"])
def test_a_local_mirror_may_hold_a_collection_unpacked_and_gives_the_same_folder(place, name):
    place.publish()
    official = hashes(place.obtain(name))
    folder = place.obtain(name, place.lay(name, unpacked(name)))
    assert hashes(folder) == official
    assert place.kept(name)["unpacked_mirror"] == str(place.mirror / name)


def test_loose_files_are_found_in_a_mirror_whose_folders_are_called_otherwise(place):
    moved = {
        path.replace("City100/City100_iPhoneX", "x/CITY100_IPHONEX").lower(): c
        for path, c in LOOSE["camerasr"].items()
    }
    folder = place.obtain("camerasr", place.lay("camerasr", moved))
    assert set(hashes(folder)) == {*LOOSE["camerasr"], "provenance.json"}
    assert place.server.asked == []


def test_two_fetches_of_the_same_bytes_hash_alike_wherever_they_came_from(place):
    place.publish()
    first = hashes(place.obtain("realsr"))
    again = hashes(place.obtain("realsr", place.publish_mirror()))
    assert first == again
    assert hashes(place.obtain("realsr", place.lay("realsr", ARCHIVED["realsr"]))) == first


def test_the_records_say_what_it_is_and_how_it_came(place):
    place.publish()
    what = json.loads((place.obtain("ntire2020") / "provenance.json").read_text())
    assert what["licence"] == "none stated by the organisers"
    assert what["parts"]["source"] == {"found": 3, "published": 3, "inferred": False}
    assert {file["checksum"] for file in what["published"]} == {"none published"}
    assert "time" not in what
    kept = place.kept("ntire2020")
    assert kept["time"]
    assert [file["name"] for file in kept["files"]] == list(ARCHIVED["ntire2020"])
    assert kept["files"][0]["origin"] == f"{place.server.root}/ntire2020/track1-train-source.zip"
    assert kept["files"][0]["sha256"] == sha256(place.downloads / "ntire2020/track1-train-source.zip")


def test_flat_archives_get_the_folder_that_the_layout_needs(place):
    flat = {
        name: published.zipped({path.split("/")[1]: content for path, content in files.items()})
        for name, files in published.ntire().items()
    }
    folder = place.obtain("ntire2020", place.lay("ntire2020", flat))
    assert {path for path in hashes(folder) if path.endswith(".png")} == set(unpacked("ntire2020"))


def test_an_older_archive_stands_in_for_one_that_is_gone(place):
    place.publish()
    place.server.serve("ntire2020/track1-train-source.zip", b"", status(404))
    old = {path.split("/")[1]: c for path, c in published.ntire()["track1-train-source.zip"].items()}
    place.server.serve("ntire2020/Corrupted-tr-x.zip", published.zipped(old))
    assert counts("ntire2020", place.obtain("ntire2020")) == COUNTS["ntire2020"]
    assert place.kept("ntire2020")["files"][0]["name"] == "Corrupted-tr-x.zip"


def test_names_in_another_case_and_what_a_mac_leaves_behind_are_no_trouble(place):
    files = {
        path.replace("Canon/Train", "canon/TRAIN").replace(".png", ".PNG"): c
        for path, c in published.realsr().items()
    }
    litter = {
        "__MACOSX/RealSR/Canon/Test/4/Canon_001_HR.png": b"junk",
        "RealSR(V3)/Canon/Test/4/._Canon_001_HR.png": b"junk",
    }
    folder = place.obtain("realsr", place.lay("realsr", {"realsr-v3.zip": published.zipped(files | litter)}))
    assert counts("realsr", folder) == COUNTS["realsr"]
    assert not any("MACOSX" in path or "._" in path for path in hashes(folder))


def test_an_interrupted_fetch_keeps_what_has_come(place):
    place.publish()
    place.server.serve("ntire2020/track1-valid-gt.zip", b"", status(404))
    place.refused("ntire2020")
    place.publish()
    place.server.asked.clear()
    place.obtain("ntire2020")
    assert {asked.path for asked in place.server.asked} == {"ntire2020/track1-valid-gt.zip"}


def test_a_newcomer_whom_google_drive_refuses_is_told_all_to_finish_by_hand(place):
    place.server.serve("realsr/RealSR(V3).tar.gz", b"", page("<html>Google Drive: quota exceeded</html>"))
    said = place.refused("realsr")
    for part in (
        "could not get RealSR(V3).tar.gz of RealSR V3 (Cai et al., ICCV 2019):",
        f"  {place.server.root}/realsr/RealSR(V3).tar.gz: it is Google Drive's page on an exceeded quota",
        f"  {place.server.root}/realsr/realsr-v3.zip: the server does not give it (HTTP 404)",
        f"file: RealSR(V3).tar.gz ({len(ARCHIVED['realsr']['RealSR(V3).tar.gz'])} bytes; sha256:",
        f"from: {place.server.root}/realsr/RealSR(V3).tar.gz",
        f"to:   {place.downloads}/realsr/RealSR(V3).tar.gz",
        "or:   <mirror root>/realsr/RealSR(V3).tar.gz, with CRIA_MIRROR=<mirror root>",
        "not:  RealSR V1 (https://drive.google.com/open?id=1gKnm9BdgyqISCTDAbGbpVitT-QII_unw): it has 30 ",
        "licence: none stated by the authors.",
    ):
        assert part in said
    to = next(line.split("to:")[1].strip() for line in said.splitlines() if line.strip().startswith("to:"))
    (place.downloads / "realsr").mkdir(parents=True, exist_ok=True)
    Path(to).write_bytes(ARCHIVED["realsr"]["RealSR(V3).tar.gz"])
    assert counts("realsr", place.obtain("realsr")) == COUNTS["realsr"]


def test_all_archives_that_are_missing_are_told_at_once(place):
    place.publish()
    for name in ("train-target.zip", "track1-valid-gt.zip"):
        place.server.serve(f"ntire2020/{name}", b"", status(404))
    said = place.refused("ntire2020")
    assert [line.split(" of ")[0] for line in said.splitlines() if line.startswith("could not get")] == [
        "could not get train-target.zip",
        "could not get track1-valid-gt.zip",
    ]


def test_the_official_message_names_googles_and_baidus_pages_and_the_rounded_size(monkeypatch, tmp_path):
    def unplugged(*_, **__):
        raise transfers.WrongFileError("no network in this test")

    monkeypatch.setattr(transfers, "_transfer", unplugged)
    with pytest.raises(UserError) as caught:
        obtain("realsr", None, tmp_path, tmp_path)
    for part in (
        "RealSR(V3).tar.gz (3.96 GB; md5:83e946bf4b5c22b30d1663231bb2e53e)",
        "https://drive.google.com/open?id=17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM",
        "https://pan.baidu.com/s/1dn4q-7E2_iJkNXx4MPdVng with the code 2n93",
    ):
        assert part in str(caught.value)


def test_a_loose_file_that_no_place_has_right_is_named(place):
    place.publish()
    path = "City100/City100_iPhoneX/002L.PNG"
    place.server.serve(f"camerasr/{path}", LOOSE["camerasr"][path], flipped)
    said = place.refused("camerasr")
    assert f"could not get {path} of CameraSR" in said
    assert "wrong sha256" in said
    assert "names unchanged" in said


def test_a_broken_image_in_a_mirror_is_replaced_by_the_official_one(place):
    place.publish()
    files = dict(LOOSE["camerasr"])
    files["City100/City100_iPhoneX/002L.PNG"] = files["City100/City100_iPhoneX/001L.PNG"]
    folder = place.obtain("camerasr", place.lay("camerasr", files))
    assert sha256(folder / "City100/City100_iPhoneX/002L.PNG") != sha256(
        folder / "City100/City100_iPhoneX/001L.PNG"
    )
    assert {asked.path for asked in place.server.asked} == {"camerasr/City100/City100_iPhoneX/002L.PNG"}


def test_realsr_v1_under_the_name_of_v3_is_refused_by_its_checksum(place):
    v1 = published.tarred(published.realsr("RealSR (ICCV2019)", scale=1))
    said = place.refused("realsr", place.lay("realsr", {"RealSR(V3).tar.gz": v1}))
    assert f"{place.mirror}/realsr/RealSR(V3).tar.gz: it has {len(v1)} bytes, the published file has" in said
    assert "not:  RealSR V1" in said


def test_realsr_v1_in_an_archive_without_checksum_is_refused_by_name(place):
    v1 = published.zipped(published.realsr("RealSR (ICCV2019)", scale=1))
    said = place.refused("realsr", place.lay("realsr", {"realsr-v3.zip": v1}))
    assert "are both 24x24: this is RealSR V1 or RealSR V2, not RealSR V3" in said
    assert f"It came from {place.mirror}/realsr/realsr-v3.zip. Remove that, and fetch again." in said


def test_realsr_v1_unpacked_in_a_mirror_is_named_and_the_official_place_is_used(place):
    mirror = place.lay("realsr", published.realsr("RealSR (ICCV2019)", scale=1))
    assert "are both 24x24: this is RealSR V1 or RealSR V2" in place.refused("realsr", mirror)
    place.publish()
    folder = place.obtain("realsr", mirror)
    assert counts("realsr", folder) == COUNTS["realsr"]
    assert not any("ICCV2019" in path for path in hashes(folder))


def test_a_certain_count_must_be_met_and_an_inferred_one_is_told_and_recorded(place, capsys):
    said = place.refused(
        "realsr", place.lay("realsr", {"realsr-v3.zip": published.zipped(published.realsr(test=1))})
    )
    assert "the part test has 1 images or pairs, 2 are published" in said
    more = published.zipped(published.realsr(train=5))
    folder = place.obtain("realsr", place.lay("realsr", {"realsr-v3.zip": more}))
    assert (
        "the part train has 5 images or pairs, 3 are published, a number that is inferred"
        in capsys.readouterr().err
    )
    what = json.loads((folder / "provenance.json").read_text())
    assert what["parts"]["train"] == {"found": 5, "published": 3, "inferred": True}


@pytest.mark.parametrize("evil", ["../evil.png", "/tmp/evil.png"])
def test_an_archive_that_means_harm_is_refused(place, evil):
    content = published.zipped(published.realsr() | {evil: b"x"})
    said = place.refused("realsr", place.lay("realsr", {"realsr-v3.zip": content}))
    assert f"its member '{evil}' lies outside the folder it is unpacked into" in said


def test_an_archive_with_a_link_is_refused(place):
    path = place.root / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("Canon/Test/4/Canon_001_HR.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    said = place.refused("realsr", place.lay("realsr", {"realsr-v3.zip": path.read_bytes()}))
    assert "is a link or a device" in said


def test_a_missing_mirror_root_and_a_missing_subfolder_are_told(place):
    assert "the mirror root /no/such/mirror is missing: mend CRIA_MIRROR" in place.refused(
        "realsr", "/no/such/mirror"
    )
    said = place.refused("realsr", str(place.mirror))
    assert f"  {place.mirror}/realsr: the mirror has no such folder" in said


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("camerasr", {"iphonex": 100}),
        ("realsr_canon_crops", {"test": 50}),
        ("drealsr_crops", {"train": 60}),
        ("realsrset", {"all": 20}),
    ],
)
def test_the_published_images_are_obtained_from_the_real_mirror(mirror_root, tmp_path, name, expected):
    folder = tmp_path / "raw"
    folder.mkdir()
    obtain(name, str(mirror_root), tmp_path / "downloads", folder)
    assert counts(name, folder) == expected
    listed = {file.name: file.checksum.removeprefix("sha256:") for file in registry.loose_files(name)}
    assert {path: digest for path, digest in hashes(folder).items() if path != "provenance.json"} == listed
