"""No draw of a sample says anything of another: chi-square tests of every pair of discrete draws.

All is drawn by the code that training and packing run; images are small and say where they are, and the costly
operations on pixels are left out.
"""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency

from pipeline import streams
from pipeline.datasets import pairs
from pipeline.datasets.packing import Writer
from pipeline.datasets.packs import Pack
from pipeline.datasets.pools import Pools
from pipeline.datasets.sampling import Slice
from pipeline.degradations import kernels, noise_pool, second_order
from pipeline.degradations.blur_kernels import Sinc
from pipeline.degradations.second_order_table import draw
from pipeline.settings import Recipe
from pipeline.streams import Purpose
from pipeline.training.batches import batch

CPU = torch.device("cpu")
CROP, SIDE, IMAGES = 8, 24, 3
ITERATIONS, BATCH = 60, 50
"""As many samples as give every cell of a table five or more."""
PATCHES, PATCH = 6, 12
KERNELS = 8


def places(side, number):
    """An image whose pixels say where they are and of which image: H x W x 3."""
    y, x = np.mgrid[:side, :side]
    return np.stack([y, x, np.full_like(x, number)], axis=-1).astype(np.uint8)


def opened(folder, add):
    folder.mkdir()
    writer = Writer(folder, 1)
    for number in range(IMAGES):
        add(writer, f"image{number}", places(SIDE, number))
    writer.close(np.stack([places(PATCH, number) for number in range(PATCHES)]))
    return Pack.open(folder)


@pytest.fixture
def packs(tmp_path):
    """A pack of photographs and of images on whose crops noise is laid, and one of images that are degraded."""

    def add(writer, id_, hr):
        writer.add("training", id_, hr, hr, noisy=True)
        writer.add_real(id_, hr)

    noisy = opened(tmp_path / "noisy", add)
    clean = opened(tmp_path / "clean", lambda writer, id_, hr: writer.add_clean(id_, hr))
    return noisy, clean


def crop_drawn(hr):
    """What a crop's pixels, 3 x CROP x CROP levels, say of how it was drawn."""
    y, x, number = hr.round().long().numpy()
    down, right = ((axis[1, 0] - axis[0, 0], axis[0, 1] - axis[0, 0]) for axis in (y, x))
    return {
        "image": number[0, 0],
        "top": y.min() // 3,
        "left": x.min() // 3,
        "turn": (int(down[0]), int(down[1])),
        "flip": down[0] * right[1] - down[1] * right[0],
    }


def noise_drawn(noise):
    y, x, number = noise.numpy()
    return {"patch": number[0, 0], "patch top": y.min(), "patch left": x.min()}


def kernel_drawn(blur):
    if blur is None:
        return "none"
    return "sinc" if isinstance(blur, Sinc) else (blur.profile, blur.sigma[0] == blur.sigma[1])


def pass_drawn(which, drawn):
    return {
        f"{which} kernel": kernel_drawn(drawn.blur),
        f"{which} kernel size": drawn.blur and drawn.blur.size,
        f"{which} resize": np.sign(drawn.factor - 1),
        f"{which} resize mode": drawn.mode,
        f"{which} noise": drawn.noise.kind,
        f"{which} grey": drawn.noise.grey,
        f"{which} quality": drawn.quality // 22,
        f"{which} noise seed": drawn.noise.seed % 4,
    }


def degradation_drawn(drawn):
    return {
        **pass_drawn("first", drawn.first),
        **pass_drawn("second", drawn.second),
        "last resize mode": drawn.mode,
        "last sinc size": drawn.sinc.size if drawn.sinc else "none",
        "JPEG first": drawn.jpeg_first,
    }


def samples(packs, monkeypatch, phase="training", seed=1, later=0):
    """The draws of the samples of a training's first iterations, or of those `later`; a dictionary a sample."""
    drawn = []

    def degrade(wide, scale, rngs):
        drawn.extend(draw(rng) for rng in rngs)
        return torch.zeros_like(wide)

    monkeypatch.setattr(second_order, "degrade", degrade)
    noisy, clean = packs
    rows = []
    for iteration in range(later, later + ITERATIONS):
        part = Slice(seed, phase, iteration, 0, BATCH)
        noise, read = noisy.pairs(part, CROP).noise, batch(clean, part, CROP, ("pairs", "clean"), CPU)
        inner = slice(read.context, read.context + CROP)
        crops = (read.hr, read.clean[..., inner, inner], batch(noisy, part, CROP, ("real",), CPU).real)
        for patch, *drawn_from in zip(noise, *crops, strict=True):
            row = noise_drawn(patch)
            for kind, crop in zip(("", "clean ", "real "), drawn_from, strict=True):
                row |= {kind + name: value for name, value in crop_drawn(255 * crop).items()}
            rows.append(row)
    return [row | degradation_drawn(one) for row, one in zip(rows, drawn, strict=True)]


def numbered(rows):
    """Each draw's values in all samples as numbers from 0, in order of appearance; -1 where nothing was drawn."""
    columns = {}
    for name in rows[0]:
        numbers = {}
        found = [-1 if row[name] is None else numbers.setdefault(row[name], len(numbers)) for row in rows]
        columns[name] = np.array(found)
    return columns


def dependent(pairs_of_draws):
    """Which of {name: (draws, draws)} depend on each other: at 1 % for all pairs together, by Bonferroni."""
    return {
        name
        for name, (one, other) in pairs_of_draws.items()
        if chi2_contingency(table(one, other), correction=False).pvalue < 0.01 / len(pairs_of_draws)
    }


def table(one, other):
    """How often which two values came together, in the samples that have both."""
    counts = np.zeros((one.max() + 1, other.max() + 1))
    both = (one >= 0) & (other >= 0)
    np.add.at(counts, (one[both], other[both]), 1)
    return counts[counts.any(axis=1)][:, counts.any(axis=0)]


def within(rows):
    """Every pair of draws of a sample."""
    columns = numbered(rows)
    return {names: tuple(columns[name] for name in names) for names in combinations(columns, 2)}


def across(rows, others):
    """Every draw of a sample beside the same draw of another sample."""
    columns, beside = numbered(rows), numbered(others)
    return {name: (columns[name], beside[name]) for name in columns}


def shared(seed, purpose, *place):
    """One stream for all purposes, as it was."""
    return REAL(seed, Purpose.CROP, *place)


REAL = streams.generator


def test_the_draws_of_a_training_sample_are_independent(packs, monkeypatch):
    pairs_of_draws = within(samples(packs, monkeypatch))
    assert len(pairs_of_draws) == 37 * 36 / 2
    assert not dependent(pairs_of_draws)


def test_one_stream_for_all_purposes_would_be_noticed(packs, monkeypatch):
    monkeypatch.setattr(streams, "generator", shared)
    found = dependent(within(samples(packs, monkeypatch)))
    known = {
        ("image", "patch"),
        ("left", "first kernel size"),
        ("turn", "first resize mode"),
        ("image", "real image"),
    }
    assert {frozenset(pair) for pair in known} <= {frozenset(pair) for pair in found}


def test_other_phases_seeds_and_iterations_draw_independently(packs, monkeypatch):
    rows = samples(packs, monkeypatch)
    for other in (
        samples(packs, monkeypatch, phase="trunk"),
        samples(packs, monkeypatch, seed=2),
        samples(packs, monkeypatch, later=1),
        [*rows[1:], rows[0]],
    ):
        assert not dependent(across(rows, other))


@pytest.fixture
def validation(monkeypatch):
    """A function that gives the draws of validation images."""
    drawn, draw_patch = {}, noise_pool.draw

    def apply(hr, kernel, scale):
        drawn["kernel"] = int(kernel[0, 0, 0])
        return hr[..., ::scale, ::scale]

    def patch(pool, side, rng):
        found = draw_patch(pool, side, rng)
        drawn["patch"] = int(found[0, 0, 2])
        return found

    monkeypatch.setattr(kernels, "apply", apply)
    monkeypatch.setattr(noise_pool, "draw", patch)
    recipe = Recipe(kind="kernels", noise_patch=8, noise_variance=1.0, kernel_images=1, kernel_iterations=1)
    patches = np.stack([places(8, number) for number in range(PATCHES)])
    pools = Pools(patches, np.stack([np.full((3, 3), number, np.float32) for number in range(KERNELS)]), patches)
    degrade = pairs.Degrade(recipe, pools, 4, seed=1)

    def rows():
        for number in range(1500):
            degrade.whole(np.zeros((32, 32, 3), np.uint8), f"{number:04}")
            yield dict(drawn)

    return rows


def test_the_kernel_and_the_noise_of_a_validation_image_are_independent(validation):
    rows = list(validation())
    assert {row["kernel"] for row in rows} == set(range(KERNELS))
    assert {row["patch"] for row in rows} == set(range(PATCHES))
    assert not dependent(within(rows))


def test_one_stream_for_a_validation_image_would_be_noticed(validation, monkeypatch):
    monkeypatch.setattr(streams, "generator", shared)
    assert dependent(within(list(validation()))) == {("kernel", "patch")}
