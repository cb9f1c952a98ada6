"""The registry of weights: complete, in step with the lock file, the settings and the packages' own data."""

import re

import pytest
from pydantic import ValidationError

from pipeline import settings
from pipeline.errors import UserError
from pipeline.weights import layouts, registry
from pipeline.weights.registry import Packaged, Published, Weight, weights
from tests.weights.conftest import OFFLINE

NAMES = {
    *OFFLINE,
    *("vgg19_torchvision", "cria_cl", "esrgan", "rrdb_psnr", "edsr", "edsr_baseline"),
}
FILES = [file for entry in weights().values() for origin in entry.origins for file in origin.files]
PACKAGED = [file for file in FILES if isinstance(file, Packaged)]
PUBLISHED = [file for file in FILES if isinstance(file, Published)]


def test_every_weight_of_the_study_is_registered():
    assert set(weights()) == NAMES


def test_every_weight_has_an_official_origin():
    assert all("official" in [origin.kind for origin in entry.origins] for entry in weights().values())


def test_the_presets_weights_need_no_network():
    params = settings.load()
    for preset in ("sample", "lab"):
        assert set(params.weights(preset)) == set(OFFLINE)
    for name in OFFLINE:
        assert "package" in [origin.kind for origin in weights()[name].origins]


@pytest.mark.parametrize("file", PACKAGED, ids=lambda file: file.path)
def test_a_package_that_holds_weights_is_pinned_by_the_lock_file(root, file):
    name, version = file.package.lower().split("==")
    assert re.search(rf"^{re.escape(name)}=={version} ", (root / "requirements.lock").read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.name)
def test_a_hash_in_a_files_name_is_its_checksum(file):
    named = re.search(r"-([0-9a-f]{8})\.", file.name)
    if named:
        kind, _, digest = file.checksum.partition(":")
        assert kind.startswith("sha256")
        assert digest.startswith(named[1])


def test_torchvisions_and_pyiqas_urls_are_what_these_packages_say():
    from pyiqa.archs.arch_util import get_url_from_name
    from torchvision.models import AlexNet_Weights, VGG16_Weights, VGG19_Weights

    urls = {url for file in PUBLISHED for url in file.urls}
    assert {enum.IMAGENET1K_V1.url for enum in (AlexNet_Weights, VGG16_Weights, VGG19_Weights)} <= urls
    for name in ("niqe_modelparameters.mat", "DISTS_weights-f5e65c96.pth"):
        assert {get_url_from_name(name), get_url_from_name(name, "github")} <= urls


@pytest.mark.parametrize("layout", sorted({entry.layout for entry in weights().values()}))
def test_every_layout_knows_its_shapes(layout):
    assert layouts.shapes(layout)


def test_the_settings_know_every_name_and_refuse_others_with_them(tmp_path, root):
    text = (root / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("weights: esrgan", "weights: esgran"), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        settings.load(tmp_path / "params.yaml")
    assert "rivals.esrgan.weights" in str(caught.value)
    assert all(repr(name) in str(caught.value) for name in NAMES)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ({"name": "a.pth", "bytes": None, "checksum": None, "urls": []}, "a published file needs `urls` or"),
        ({"name": "a.pth", "bytes": None, "checksum": "md5:1", "urls": ["https://a.org/b"]}, "checksum"),
        ({"package": "lpips", "path": "a", "sha256": "0" * 64}, "package"),
        ({"package": "lpips==1", "path": "a", "sha256": "0" * 64, "extra": 1}, "extra"),
    ],
)
def test_an_entry_that_is_not_well_formed_is_refused(file, said):
    entry = {"title": "t", "licence": "l", "facts": "f", "layout": "rrdb"}
    with pytest.raises(ValidationError) as caught:
        Weight.model_validate(entry | {"origins": [{"format": "torch", "files": [file]}]})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "is missing: restore it"),
        ("a: [", "is not valid YAML"),
        ("a: {title: 1}", "a.licence: Field required"),
    ],
)
def test_a_registry_that_cannot_be_read_is_a_plain_message(tmp_path, monkeypatch, text, said):
    file = tmp_path / f"{said[:6]}.yaml"
    if text:
        file.write_text(text)
    monkeypatch.setattr(registry, "REGISTRY", file)
    with pytest.raises(UserError) as caught:
        weights()
    assert said in str(caught.value)
