"""What a step reads: noise laid on, missing LR made, every sample a function of its own place."""

import numpy as np
import pytest
import torch

from pipeline.datasets.packing import Writer
from pipeline.datasets.packs import Pack
from pipeline.datasets.sampling import Slice
from pipeline.degradations import second_order
from pipeline.degradations.bicubic import downscale
from pipeline.training.batches import batch

CPU = torch.device("cpu")
NOISE = np.random.default_rng(3).integers(100, 110, (4, 32, 32, 3), np.uint8)


def slice_of(seed, iteration, first, count):
    return Slice(seed, "training", iteration, first, count)


def photograph(height, width, seed):
    """A smooth picture in 8 bits: waves, so that a crop tells where it is from."""
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    waves = [120 + 60 * np.sin(y / rng.uniform(5, 9)) * np.cos(x / rng.uniform(5, 9)) for _ in range(3)]
    return np.stack(waves, axis=-1).round().astype(np.uint8)


def both(*arguments):
    """LR and HR of a batch."""
    pack, part, crop, device = arguments
    found = batch(pack, part, crop, ("pairs",), device)
    return found.lr, found.hr


@pytest.fixture(scope="module", params=[1, 4])
def pack(request, tmp_path_factory):
    """A pair, a clean image with LR and noise, and one without LR."""
    folder, scale = tmp_path_factory.mktemp("pack"), request.param
    writer = Writer(folder, scale)
    for number, kind in enumerate(("pair", "noisy")):
        hr = photograph(96, 96, number)
        lr = hr[scale // 2 :: scale, scale // 2 :: scale]
        writer.add("training", kind, lr, hr, noisy=kind == "noisy")
    writer.add_clean("clean", photograph(96, 96, 2))
    writer.add("validation", "held", photograph(96 // scale, 96 // scale, 4), photograph(96, 96, 4))
    writer.close(NOISE)
    return Pack.open(folder)


def test_a_batch_is_floats_of_the_unit_range_and_of_the_right_shapes(pack):
    lr, hr = both(pack, slice_of(1, 0, 0, 12), 32, CPU)
    assert lr.shape == (12, 3, 32 // pack.scale, 32 // pack.scale)
    assert hr.shape == (12, 3, 32, 32)
    assert lr.dtype == hr.dtype == torch.float32
    assert lr.is_contiguous()
    for part in (lr, hr):
        assert part.min() >= 0
        assert part.max() <= 1


def test_pairs_come_as_they_are_and_only_marked_images_get_noise(pack):
    crops = pack.pairs(slice_of(1, 0, 0, 60), 32)
    lr, hr = both(pack, slice_of(1, 0, 0, 60), 32, CPU)
    torch.testing.assert_close(hr, crops.hr / 255)
    as_they_are = [k for k in range(60) if k not in crops.degraded and not crops.noise[k].any()]
    noisy = [k for k in range(60) if crops.noise[k].any()]
    assert min(len(as_they_are), len(noisy), len(crops.degraded)) > 5
    torch.testing.assert_close(lr[as_they_are], crops.lr[as_they_are] / 255)
    added = lr[noisy] - crops.lr[noisy] / 255
    assert added.std() > 1 / 255
    torch.testing.assert_close(added.mean(dim=(2, 3)), torch.zeros(len(noisy), 3), atol=1e-5, rtol=0)


def test_hr_crops_are_degraded_as_they_are(pack, monkeypatch):
    seen = []

    def degrade(hr, scale, rngs):
        seen.append(hr)
        return hr[..., ::scale, ::scale]

    monkeypatch.setattr(second_order, "degrade", degrade)
    part = slice_of(1, 0, 0, 12)
    batch(pack, part, 32, ("pairs",), CPU)
    assert torch.equal(seen[0], pack.pairs(part, 32).wide / 255)


def test_the_lr_that_is_made_lies_where_its_hr_lies(pack):
    crops = pack.pairs(slice_of(1, 0, 0, 60), 32)
    lr, hr = both(pack, slice_of(1, 0, 0, 60), 32, CPU)
    made, expected = lr[list(crops.degraded)], downscale(hr[list(crops.degraded)], pack.scale)
    errors = {
        shift: float((made - expected.roll(shift, dims=(2, 3))).square().mean())
        for shift in [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)]
    }
    assert min(errors, key=errors.get) == (0, 0)


def test_a_sample_does_not_depend_on_the_world_size(pack):
    whole = both(pack, slice_of(5, 3, 0, 8), 32, CPU)
    shares = [both(pack, slice_of(5, 3, first, 2), 32, CPU) for first in range(0, 8, 2)]
    for side in (0, 1):
        assert torch.equal(torch.cat([share[side] for share in shares]), whole[side])


def test_another_iteration_degrades_anew(pack):
    made = [both(pack, slice_of(5, iteration, 0, 8), 32, CPU)[0] for iteration in (0, 1)]
    assert not torch.equal(*made)
    again = both(pack, slice_of(5, 1, 0, 8), 32, CPU)[0]
    assert torch.equal(made[1], again)


def test_a_batch_follows_the_default_precision(pack):
    torch.set_default_dtype(torch.float64)
    try:
        lr, hr = both(pack, slice_of(1, 0, 0, 4), 32, CPU)
    finally:
        torch.set_default_dtype(torch.float32)
    assert lr.dtype == hr.dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_batch_is_made_on_the_gpu(pack):
    lr, hr = both(pack, slice_of(1, 0, 0, 12), 32, torch.device("cuda"))
    assert lr.is_cuda
    torch.testing.assert_close(hr.cpu(), both(pack, slice_of(1, 0, 0, 12), 32, CPU)[1])


def test_a_batch_has_the_kinds_that_are_read_and_no_other(pack):
    part, every = slice_of(1, 4, 0, 6), ("pairs", "clean", "real")
    whole = batch(pack, part, 32, every, CPU)
    assert torch.equal(whole.clean, pack.clean(part, 32) / 255)
    assert torch.equal(whole.real, pack.real(part, 32) / 255)
    assert whole.clean.shape[-1] == 32 + 2 * whole.context
    names = {"pairs": {"lr", "hr"}, "clean": {"clean"}, "real": {"real"}}
    for kind in every:
        found = batch(pack, part, 32, (kind,), CPU)
        assert found.crops.keys() == names[kind]
        assert all(torch.equal(found.crops[name], whole.crops[name]) for name in names[kind])
    with pytest.raises(KeyError):
        batch(pack, part, 32, ("pairs",), CPU).real  # noqa: B018
