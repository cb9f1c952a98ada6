"""LPIPS, DISTS and NIQE against the official package, pyiqa and closed forms; their limits; bad weights."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from skimage import data

from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRICS, Picture, Scorer
from pipeline.evaluation.metrics import niqe as naturalness

LEARNED = [name for name, metric in METRICS.items() if metric.weights]
SMALLEST = {"lpips": 31, "lpips_vgg": 16, "dists": 1}


@pytest.fixture(scope="module")
def scorer(pretrained):
    """A scorer of one metric, prepared once."""
    prepared = {}

    def of(name):
        return prepared.setdefault(name, Scorer([name], pretrained))

    return of


def photographs():
    """A blurred photograph and the photograph, 96 x 128."""
    hr = np.ascontiguousarray(data.astronaut()[60:156, 160:288])
    return cv2.GaussianBlur(hr, (0, 0), 1.5), hr


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def network(scorer, name):
    return scorer(name)._measures[name]


# --- independent implementations ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lpips", "lpips_vgg"])
def test_lpips_is_what_the_official_package_computes_of_a_pair(scorer, name):
    import lpips

    pair = photographs()
    with torch.inference_mode():
        expected = network(scorer, name).model(*(lpips.im2tensor(image) for image in pair)).item()
    assert scorer(name)(*map(Picture, pair))[name] == pytest.approx(expected, abs=1e-6)
    assert expected > 0.1


def test_lpips_has_the_heads_of_the_official_package(scorer):
    import lpips

    for name, net in (("lpips", "alex"), ("lpips_vgg", "vgg")):
        official = torch.load(Path(lpips.__file__).parent / f"weights/v0.1/{net}.pth", "cpu", weights_only=True)
        ours = network(scorer, name).model.state_dict()
        assert len(official) == 5
        assert all(torch.allclose(ours[key], head, atol=1e-7) for key, head in official.items())


def test_dists_is_what_pyiqa_computes_with_the_same_weights(scorer, pretrained, monkeypatch):
    from pyiqa.archs import dists_arch
    from torchvision.models import vgg16

    with torch.device("meta"):
        blank = vgg16()
    features = load_file(pretrained / "vgg16_lpips/weights.safetensors")
    convolutions = {key: value for key, value in features.items() if key.startswith("features.")}
    blank.load_state_dict(convolutions, strict=False, assign=True)
    monkeypatch.setattr(dists_arch.models, "vgg16", lambda weights: blank)
    theirs = dists_arch.DISTS(pretrained=False)
    theirs.load_state_dict(load_file(pretrained / "dists/weights.safetensors"), strict=False)
    pair = photographs()
    with torch.inference_mode():
        expected = theirs(*(torch.tensor(image).permute(2, 0, 1)[None] / 255 for image in pair)).item()
    assert scorer("dists")(*map(Picture, pair))["dists"] == pytest.approx(expected, abs=1e-5)
    assert expected > 0.1


def test_niqe_is_what_pyiqa_computes_of_a_photograph_without_flat_areas(scorer, pretrained, tmp_path):
    import pyiqa
    from scipy.io import savemat

    model = load_file(pretrained / "niqe/weights.safetensors")
    parameters = tmp_path / "niqe.mat"
    savemat(
        parameters,
        {"mu_prisparam": model["mu_pris_param"].numpy(), "cov_prisparam": model["cov_pris_param"].numpy()},
    )
    theirs = pyiqa.create_metric("niqe", pretrained_model_path=str(parameters), device="cpu", crop_border=4)
    image = data.astronaut()
    expected = theirs(torch.tensor(image).permute(2, 0, 1)[None] / 255).item()
    assert scorer("niqe")(Picture(image, 4), None)["niqe"] == pytest.approx(expected, rel=2e-3)


# --- closed forms and invariants ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lpips", "lpips_vgg", "dists"])
def test_identical_images_are_at_no_distance(scorer, name):
    image = photographs()[1]
    assert scorer(name)(Picture(image), Picture(image))[name] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["lpips", "lpips_vgg", "dists"])
def test_a_distance_grows_with_the_blur_and_ignores_the_border(scorer, name):
    near, hr = photographs()
    far = cv2.GaussianBlur(hr, (0, 0), 3)
    values = [scorer(name)(Picture(sr), Picture(hr))[name] for sr in (near, far)]
    assert 0 < values[0] < values[1]
    assert scorer(name)(Picture(near, 4), Picture(hr, 4))[name] == values[0]


@pytest.mark.parametrize("name", ["lpips", "lpips_vgg", "dists"])
def test_what_a_ground_truth_keeps_changes_no_bit_of_the_next_methods_scores(scorer, name):
    near, hr = photographs()
    truth = Picture(hr)
    scorer(name)(Picture(noise(*hr.shape[:2])), truth)
    assert scorer(name)(Picture(near), truth) == scorer(name)(Picture(near), Picture(hr))


@pytest.mark.parametrize(
    ("draw", "shape", "width"),
    [("standard_normal", 2, math.sqrt(2)), ("laplace", 1, 1)],
)
def test_niqe_finds_the_shape_and_the_widths_of_known_distributions(draw, shape, width):
    generator = np.random.default_rng(1)
    blocks = getattr(generator, draw)(size=(3, 300, 300))
    alpha, left, right = naturalness._asymmetric_gaussian(blocks)
    assert alpha == pytest.approx([shape] * 3, rel=0.05)
    assert left == pytest.approx([width] * 3, rel=0.05)
    assert right == pytest.approx([width] * 3, rel=0.05)


def test_niqe_finds_both_sides_of_a_skewed_distribution():
    normal = np.random.default_rng(1).standard_normal((1, 300, 300))
    _, left, right = naturalness._asymmetric_gaussian(np.where(normal < 0, 3 * normal, normal))
    assert left / right == pytest.approx([3], rel=0.05)


@given(st.lists(st.floats(0, 1.2), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_niqe_looks_up_the_nearest_ratio_of_its_table(ratios):
    shapes, table = naturalness._shapes()
    assert np.all(np.diff(table) > 0)
    found = naturalness._shape(np.array(ratios))
    for ratio, shape in zip(ratios, found, strict=True):
        chosen = table[np.flatnonzero(shapes == shape)[0]]
        assert abs(chosen - ratio) == np.abs(table - ratio).min()


def test_niqe_ignores_the_border_and_what_fills_no_block(scorer):
    image = noise(96 + 8 + 50, 192 + 8 + 50)
    changed = image.copy()
    changed[:4], changed[4 + 96 :], changed[:, 4 + 192 :] = 7, 8, 9
    first, second = (scorer("niqe")(Picture(pixels, 4), None)["niqe"] for pixels in (image, changed))
    assert first == second
    assert math.isfinite(first)


# --- where a metric is not defined -------------------------------------------------------------------


@pytest.mark.parametrize(("name", "side"), SMALLEST.items())
def test_a_network_metric_is_defined_from_its_smallest_side_on(scorer, name, side):
    for shape in ((side, 40), (40, side), (side, side)):
        assert math.isfinite(scorer(name)(*(Picture(noise(*shape, seed)) for seed in (0, 1)))[name])


@pytest.mark.parametrize("name", ["lpips", "lpips_vgg"])
def test_below_its_smallest_side_lpips_is_not_defined_as_its_network_cannot_see_the_image(
    scorer, name, monkeypatch
):
    shape = (40, SMALLEST[name] - 1)
    pair = [Picture(noise(*shape, seed)) for seed in (0, 1)]
    assert math.isnan(scorer(name)(*pair)[name])
    monkeypatch.setattr(network(scorer, name), "smallest", 1)
    with pytest.raises(RuntimeError, match=r"[Oo]utput size"):
        scorer(name)(*pair)


@pytest.mark.parametrize(
    ("image", "defined"),
    [
        (noise(96, 192), True),
        (noise(192, 96), True),
        (noise(95, 500), False),
        (noise(191, 191), False),
        (np.full((200, 300, 3), 90, np.uint8), False),
    ],
    ids=["two blocks beside", "two blocks below", "none", "one", "flat"],
)
def test_niqe_is_defined_where_two_blocks_have_features(scorer, image, defined):
    assert math.isfinite(scorer("niqe")(Picture(image), None)["niqe"]) == defined


def test_niqe_needs_no_ground_truth_and_the_others_do(scorer):
    image = Picture(noise(96, 192))
    for name in LEARNED:
        assert math.isnan(scorer(name)(image, None)[name]) == METRICS[name].full_reference


# --- weights that are not what their name says -------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "name", "change"),
    [
        ("lpips", "alexnet_lpips", lambda tensors: tensors.pop("lin3.model.1.weight")),
        ("lpips", "alexnet_lpips", lambda tensors: tensors.update({"features.3.bias": torch.zeros(3)})),
        ("dists", "dists", lambda tensors: tensors.update(alpha=torch.zeros(1, 7, 1, 1))),
        ("niqe", "niqe", lambda tensors: tensors.pop("cov_pris_param")),
    ],
)
def test_weights_with_other_tensors_are_named(pretrained, tmp_path, metric, name, change):
    for needed in METRICS[metric].weights:
        (tmp_path / needed).mkdir()
        (tmp_path / needed / "weights.safetensors").symlink_to(pretrained / needed / "weights.safetensors")
    tensors = load_file(pretrained / name / "weights.safetensors")
    change(tensors)
    (tmp_path / name / "weights.safetensors").unlink()
    save_file(tensors, tmp_path / name / "weights.safetensors")
    with pytest.raises(UserError, match=rf"{name}/weights\.safetensors does not hold .*`dvc repro weights`"):
        Scorer([metric], tmp_path)


def test_weights_that_were_cut_short_are_named(pretrained, tmp_path):
    file = tmp_path / "niqe/weights.safetensors"
    file.parent.mkdir()
    file.write_bytes((pretrained / "niqe/weights.safetensors").read_bytes()[:-9])
    with pytest.raises(UserError, match=r"niqe/weights\.safetensors cannot be read .*`dvc repro weights`"):
        Scorer(["niqe"], tmp_path)
