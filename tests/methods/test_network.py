"""A network as a method: tiles join without a seam, batches change nothing, memory does not grow with the image."""

import numpy as np
import pytest
import torch

from pipeline import settings
from pipeline.errors import UserError
from pipeline.methods.network import NetworkMethod, to_levels
from pipeline.methods.published import reduced
from pipeline.settings import Restoration

CPU = torch.device("cpu")
FIELD = 4
"""LR pixels that the small network below sees on each side."""


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network():
    """Convolutions 5, 3 and 3 with a nearest x4 before the last: it sees 4 LR pixels on each side."""
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Upsample(scale_factor=4),
        nn.Conv2d(8, 3, 3, padding=1),
    ).eval()


def method(enlarge, scale=4, **changes):
    restoration = Restoration(**{"tile": 0, "overlap": FIELD, **changes})
    return NetworkMethod(enlarge, scale, restoration, CPU)


def apart(a, b):
    return np.abs(a.astype(int) - b.astype(int))


@pytest.mark.parametrize("batch", [1, 3, "auto"])
def test_tiles_with_the_receptive_field_as_overlap_join_to_the_whole(network, batch):
    lr = image(37, 50)
    (whole,) = method(network)([lr])
    (tiled,) = method(network, tile=16, batch=batch)([lr])
    assert tiled.shape == whole.shape == (148, 200, 3)
    assert apart(tiled, whole).max() <= 1


def test_without_enough_overlap_only_the_seams_differ(network):
    lr = image(16, 40)
    difference = apart(method(network, tile=20, overlap=0)([lr])[0], method(network)([lr])[0]).max(axis=(0, 2))
    columns = np.flatnonzero(difference > 1)
    assert columns.size > 0
    assert np.all(np.abs(columns - 79.5) <= 4 * FIELD)


@pytest.mark.parametrize("tile", [0, 16])
def test_images_of_one_size_give_the_same_alone_and_together(network, tile):
    images = [image(20, 24, seed) for seed in range(4)]
    together = method(network, tile=tile, batch=3)(images)
    for lr, sr in zip(images, together, strict=True):
        assert apart(method(network, tile=tile)([lr])[0], sr).max() <= 1


def test_reduced_tiles_join_to_the_whole_at_scale_one(network):
    lr = image(30, 41)
    enlarge = reduced(network, 4)
    (whole,) = method(enlarge, scale=1)([lr])
    (tiled,) = method(enlarge, scale=1, tile=20, overlap=FIELD + 2)([lr])
    assert whole.shape == lr.shape
    assert apart(tiled, whole).max() <= 1


def test_enlarging_exactly_and_reducing_gives_a_constant_image_back():
    enlarge = reduced(torch.nn.Upsample(scale_factor=4), 4)
    lr = np.full((6, 7, 3), 119, np.uint8)
    assert np.array_equal(method(enlarge, scale=1)([lr])[0], lr)


def test_what_is_reduced_is_clamped_but_not_rounded():
    def beyond(lr):
        return torch.nn.functional.interpolate(lr, scale_factor=4) * 2 - 0.2

    sr = reduced(beyond, 4)(torch.tensor([0.05, 0.3001, 0.9]).view(1, 3, 1, 1).expand(1, 3, 8, 8))
    assert torch.allclose(sr[0, :, 0, 0], torch.tensor([0.0, 0.4002, 1.0]), atol=1e-6)


def test_no_tensor_grows_with_the_image(network):
    largest = []

    def watched(lr):
        sr = network(lr)
        largest.append(max(lr.numel(), sr.numel()))
        return sr

    peaks = []
    for side in (40, 80, 160):
        largest.clear()
        method(watched, tile=24, batch=2)([image(side, side)])
        peaks.append(max(largest))
    assert peaks == [2 * 3 * (4 * 24) ** 2] * 3


def test_a_batch_that_is_asked_for_is_taken_where_an_image_is_one_tile(network):
    assert method(network, batch=5).group(10, 10) == 5
    assert method(network, batch=5, tile=16).group(17, 10) == 1
    assert method(network, batch=5, tile=16).group(16, 16) == 5


def test_on_a_gpu_a_batch_is_bounded_by_its_pixels(network):
    on_gpu = NetworkMethod(network, 4, Restoration(tile=0, overlap=0), torch.device("cuda"))
    assert on_gpu.group(64, 64) == 64
    assert on_gpu.group(4000, 3000) == 1


def limited(network, pixels):
    """`network` on a device that has memory for so many LR pixels."""

    def enlarge(lr):
        if lr.shape[0] * lr.shape[2] * lr.shape[3] > pixels:
            raise torch.OutOfMemoryError("no memory")
        return network(lr)

    return enlarge


def test_out_of_memory_halves_batch_and_tile_until_it_fits_and_says_so(network, capsys):
    lr = image(40, 30)
    (whole,) = method(network)([lr])
    small = method(limited(network, 20 * 20), batch=2)
    (tiled,) = small([lr])
    assert apart(tiled, whole).max() <= 1
    assert capsys.readouterr().err.splitlines() == [
        "the GPU is out of memory: batch 1 instead of 2",
        "the GPU is out of memory: tiles of 20 px instead of 40 px",
    ]
    assert small.how == {"precision": "fp32", "tile": 20, "batch": 1, "short_of_memory": True}
    small([lr])
    assert capsys.readouterr().err == ""
    small([lr[:20, :20]])
    assert small.how == {"precision": "fp32", "tile": 0, "batch": 1, "short_of_memory": False}


def test_memory_for_no_tile_at_all_is_explained(network):
    with pytest.raises(UserError, match=r"a tile of 10 px with an overlap of 4 px\. Close what"):
        method(limited(network, 50), batch=1)([image(40, 40)])


def test_bf16_is_near_fp32_and_not_the_same(network):
    lr = image(20, 20)
    difference = apart(method(network, precision="bf16")([lr])[0], method(network)([lr])[0])
    assert 0 < difference.max() <= 8


def test_compile_hands_the_network_to_torch(network, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda enlarge: compiled.append(enlarge) or enlarge)
    method(network, compile=True)([image(8, 8)])
    assert compiled == [network]


def test_levels_are_clamped_and_rounded_to_the_nearest():
    values = torch.tensor([-0.1, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.3]).view(1, 1, 1, 6).expand(1, 3, 1, 6)
    assert to_levels(values)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_a_tile_inside_its_overlap_is_refused():
    with pytest.raises(ValueError, match="a tile of 32 px keeps nothing inside an overlap of 16 px"):
        settings.Restoration(tile=32, overlap=16)


@pytest.mark.parametrize(("cores", "count"), [(1, 1), (3, 3), (64, 16)])
def test_a_cpu_takes_as_many_small_images_as_it_has_cores_and_memory_for(network, monkeypatch, cores, count):
    monkeypatch.setattr("pipeline.methods.network.cores", lambda: cores * torch.get_num_threads())
    assert method(network).group(64, 64) == count
    assert method(network).group(600, 840) == 1
    assert method(network, tile=32).group(64, 64) == 1


def test_images_side_by_side_on_a_cpu_have_the_bits_of_each_alone(network):
    images = [image(20, 24, seed) for seed in range(5)]
    together = method(network)(images)
    for lr, sr in zip(images, together, strict=True):
        assert np.array_equal(method(network)([lr])[0], sr)
