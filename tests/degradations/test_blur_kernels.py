"""Closed forms of Real-ESRGAN's blur kernels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.degradations.blur_kernels import SIZE, Bell, Sinc

ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE] - SIZE // 2
sizes = st.sampled_from(range(7, 22, 2))
bells = st.builds(
    Bell,
    st.sampled_from(["gaussian", "plateau"]),
    sizes,
    st.tuples(st.floats(0.2, 3), st.floats(0.2, 3)),
    st.floats(-math.pi, math.pi),
    st.floats(0.5, 4),
)


@given(st.one_of(bells, st.builds(Sinc, sizes, st.floats(math.pi / 5, math.pi))))
def test_every_kernel_sums_to_one_within_its_size_and_is_its_own_half_turn(blur):
    kernel = blur.kernel()
    assert kernel.shape == (SIZE, SIZE)
    assert kernel.sum() == pytest.approx(1)
    outside = (SIZE - blur.size) // 2
    assert abs(kernel[:outside]).sum() + abs(kernel[:, :outside]).sum() == 0
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-12)


@given(bells)
def test_no_bell_has_a_negative_weight_or_a_peak_off_its_middle(blur):
    kernel = blur.kernel()
    assert kernel.min() >= 0
    assert kernel.max() == kernel[SIZE // 2, SIZE // 2]


@pytest.mark.parametrize("rotation", [0, 0.5, -2])
def test_a_gaussian_has_the_moments_it_was_asked_for(rotation):
    kernel = Bell("gaussian", 21, (2.0, 1.2), rotation, 1.0).kernel()
    along = math.cos(rotation) * COLUMNS + math.sin(rotation) * ROWS
    across = math.cos(rotation) * ROWS - math.sin(rotation) * COLUMNS
    assert (kernel * along**2).sum() == pytest.approx(4, rel=1e-3)
    assert (kernel * across**2).sum() == pytest.approx(1.44, rel=1e-3)
    assert (kernel * along * across).sum() == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("profile", "beta", "at_sigma", "at_twice"),
    [
        ("gaussian", 1.0, math.exp(-1 / 2), math.exp(-2)),
        ("gaussian", 2.0, math.exp(-1 / 2), math.exp(-8)),
        ("gaussian", 0.5, math.exp(-1 / 2), math.exp(-1)),
        ("plateau", 1.0, 1 / 2, 1 / 5),
        ("plateau", 2.0, 1 / 2, 1 / 17),
    ],
)
def test_beta_shapes_the_profile(profile, beta, at_sigma, at_twice):
    middle = Bell(profile, 21, (3.0, 3.0), 0, beta).kernel()[SIZE // 2]
    assert middle[SIZE // 2 + 3] / middle[SIZE // 2] == pytest.approx(at_sigma)
    assert middle[SIZE // 2 + 6] / middle[SIZE // 2] == pytest.approx(at_twice)


def test_a_sinc_passes_what_lies_under_its_cutoff_and_stops_what_lies_over_it():
    def gain(frequency):
        return (Sinc(21, 1.5).kernel() * np.cos(frequency * COLUMNS)).sum()

    assert gain(0) == pytest.approx(1)
    assert gain(0.7) == pytest.approx(1, abs=0.1)
    assert gain(1.5) == pytest.approx(0.5, abs=0.1)
    assert abs(gain(2.5)) < 0.1


def test_a_sinc_rings():
    assert Sinc(21, 1.5).kernel().min() < -1e-3
