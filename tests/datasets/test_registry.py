"""The registry says what the facts say (facts/datasets.md 0 to 8)."""

import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from pipeline.datasets import registry
from pipeline.datasets.registry import collection, collections, loose_files, mirror_folder
from pipeline.errors import UserError

COUNTS = {
    "realsr": {"train": 200, "test": 50},
    "ntire2020": {"source": 2650, "target": 800, "valid": 100},
    "camerasr": {"iphonex": 100},
    "realsr_zero": {"all": 45},
    "div2k": {"train": 800, "valid": 100},
    "flickr2k": {"all": 2650},
    "realsr_canon_crops": {"test": 50},
    "drealsr_crops": {"train": 60},
    "realsrset": {"all": 20},
}

CHECKSUMS = {
    "RealSR(V3).tar.gz": (None, "md5:83e946bf4b5c22b30d1663231bb2e53e"),
    "realsr-v3.zip": (None, None),
    "track1-train-source.zip": (None, None),
    "train-target.zip": (None, None),
    "track1-valid-input.zip": (None, None),
    "track1-valid-gt.zip": (None, None),
    "Corrupted-tr-x.zip": (None, None),
    "Corrupted-tr-y.zip": (None, None),
    "Corrupted-va-x.zip": (None, None),
    "realsr-zero.zip": (None, "git-blob:7c5f5d955fd43c283e38ec3d472ffb19bc26a6a2"),
    "DIV2K_train_HR.zip": (3530603713, "sha256:9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335"),
    "DIV2K_valid_HR.zip": (448993893, "sha256:20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc"),
    "Flickr2K.tar": (None, "md5:5d3f39443d5e9489bff8963f8f26cb03"),
    "Flickr2K.zip": (None, "sha256:401a5b1d247d18d1114b77b069e3c7bf235c80f06b8b9caaef0086d07f1d42a3"),
}


def published():
    """The collections that are fetched."""
    return {name: entry for name, entry in collections().items() if entry.files or entry.loose}


def archives():
    for entry in published().values():
        for archive in entry.files:
            yield from (archive, *archive.alternatives)


def places():
    for entry in collections().values():
        for part in entry.parts.values():
            yield from part.places.values()


def test_every_collection_counts_what_the_facts_count():
    found = {name: {key: part.count for key, part in entry.parts.items()} for name, entry in published().items()}
    assert found == COUNTS


def test_only_the_realsr_training_count_is_inferred():
    inferred = {
        (name, key) for name, entry in collections().items() for key, p in entry.parts.items() if not p.certain
    }
    assert inferred == {("realsr", "train")}


def test_sizes_and_checksums_are_the_published_ones_and_null_where_none_is():
    assert {archive.name: (archive.bytes, archive.checksum) for archive in archives()} == CHECKSUMS


def test_realsr_names_its_official_file_first_and_refuses_the_older_versions():
    entry = collection("realsr")
    assert entry.files[0].urls[0] == "https://drive.google.com/uc?id=17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM"
    assert [refused.title for refused in entry.refused] == ["RealSR V1", "RealSR V2"]
    theirs = {url.split("id=")[1] for refused in entry.refused for url in refused.urls}
    assert not any(id_ in url for id_ in theirs for url in entry.files[0].urls)


@pytest.mark.parametrize("place", list(places()), ids=lambda place: place.example)
def test_every_example_is_what_its_pattern_finds(place):
    assert place.match(f"top/{place.example}")
    assert place.match(place.example.upper().replace(".PNG", ".Png"))
    assert place.match(f"{place.example}.txt") is None


def test_loose_files_are_pinned_by_sha256_at_a_fixed_commit():
    assert {name: len(loose_files(name)) for name in published()} == {
        name: {"camerasr": 200, "realsr_canon_crops": 100, "drealsr_crops": 120, "realsrset": 20}.get(name, 0)
        for name in COUNTS
    }
    first = loose_files("camerasr")[0]
    assert first.checksum == "sha256:03b4afb18f388ba4f14e62fb251c551bb0311dc4eed6ec752fefb7f2e0ca18db"
    assert first.urls == (
        "https://raw.githubusercontent.com/ngchc/CameraSR/336cac11f5ba409134b2bc5165e9ad6aa4a07e65/"
        "City100/City100_iPhoneX/001H.PNG",
    )


def test_the_checksum_lists_are_those_of_the_published_files(mirror_root):
    lines = (mirror_root / "MANIFEST.sha256").read_text().splitlines()
    manifest = dict(reversed(line.split("  ./", 1)) for line in lines)
    listed = {
        f"{mirror_folder(name)}/{file.name}": file.checksum.removeprefix("sha256:")
        for name in collections()
        for file in loose_files(name)
    }
    assert listed == manifest


def test_official_places_are_reached_over_https_and_hold_the_file_of_that_name():
    for archive in archives():
        for url in archive.urls:
            parts = urlsplit(url)
            assert parts.scheme == "https"
            assert parts.netloc in {"drive.google.com", "www.kaggle.com"} or url.endswith(f"/{archive.name}")


def test_an_unknown_collection_is_named_with_the_known_ones():
    with pytest.raises(UserError, match=r"no collection 'set5'; registry.yaml has realsr, "):
        collection("set5")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("licence: MIT", "license: MIT", r"camerasr\.licen[cs]e"),
        ("md5:83e9", "md5:", r"realsr\.files\.0\.checksum"),
        (r"(?P<id>\d+)H", r"(\d+)H", r"camerasr\.parts\.iphonex\.hr\.pattern: .*lacks the group"),
        (
            "  loose:\n    base: https://raw.githubusercontent.com/ngchc",
            "  xloose:\n    base: https://x/",
            r"camerasr",
        ),
        ("camerasr:", "camerasr: [", r"not valid YAML"),
    ],
)
def test_a_mistake_in_the_registry_is_named_by_its_key(tmp_path, monkeypatch, old, new, message):
    text = registry.REGISTRY.read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "registry.yaml"
    wrong.write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(registry, "REGISTRY", wrong)
    with pytest.raises(UserError, match=message):
        collections()


def test_the_registry_is_cheap_to_import():
    code = (
        "import sys, pipeline.datasets.registry; print(*{'numpy', 'torch', 'cv2', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
