"""Eqs. 8 and 9: the pseudo-code of Fig. 4 where it is finite, and the properties of facts/methods.md 2.4."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.criteria.comparative import align_term, unif_term

values = st.lists(st.floats(0, 3), min_size=3, max_size=3)


def scalars(numbers):
    return [torch.tensor([[[[number]]]], dtype=torch.float64) for number in numbers]


@given(values, st.sampled_from([1.0, 2.0, 3.0]))
def test_align_is_the_sum_of_powers_of_differences(numbers, eta):
    anchor, *positives = scalars(numbers)
    expected = sum(abs(numbers[0] - value) ** eta for value in numbers[1:])
    assert math.isclose(align_term(anchor, positives, eta).item(), expected, abs_tol=1e-12)


@given(values)
def test_unif_equals_the_naive_log_of_exponentials(numbers):
    anchor, *negatives = scalars(numbers)
    naive = -math.log(sum(math.exp(-2 * (numbers[0] + value) ** 2) for value in numbers[1:]))
    assert math.isclose(unif_term(anchor, negatives, 2.0).item(), naive, rel_tol=1e-9, abs_tol=1e-9)


@given(values, st.integers(1, 5))
def test_unif_is_bounded_below_by_minus_log_k_reached_at_zero(numbers, count):
    negatives = scalars([numbers[1] * k / count for k in range(count)])
    assert unif_term(scalars(numbers)[0], negatives, 2.0).item() >= -math.log(count) - 1e-12
    zero = scalars([0.0] * (count + 1))
    assert math.isclose(unif_term(zero[0], zero[1:], 2.0).item(), -math.log(count), abs_tol=1e-12)


@given(values)
@settings(max_examples=30)
def test_unif_repels_nothing_it_pulls_anchor_and_negatives_to_zero(numbers):
    anchor, *negatives = (part.requires_grad_() for part in scalars(number + 0.01 for number in numbers))
    unif_term(anchor, negatives, 2.0).sum().backward()
    assert anchor.grad.item() > 0
    assert all(negative.grad.item() >= 0 for negative in negatives)
    nearer, farther = sorted(negatives, key=lambda part: part.item())
    # The softmin weighs the smaller sum more, the square the larger: compare the softmin weights alone.
    assert nearer.grad.item() / (anchor + nearer).item() >= farther.grad.item() / (anchor + farther).item() - 1e-12


def test_align_can_raise_the_smaller_criterion():
    anchor, positive = (part.requires_grad_() for part in scalars([0.1, 0.9]))
    align_term(anchor, [positive], 2.0).sum().backward()
    assert anchor.grad.item() < 0 < positive.grad.item()


def test_finite_where_exp_and_log_apart_are_not():
    anchor, *negatives = (part.requires_grad_() for part in scalars([8.0, 50.0, 1e3]))
    loss = unif_term(anchor, negatives, 2.0).sum()
    loss.backward()
    assert loss.isfinite()
    assert all(part.grad.isfinite().all() for part in (anchor, *negatives))
    naive = -torch.log(torch.exp(-2 * (torch.tensor(8.0) + torch.tensor([50.0, 1e3])) ** 2).sum())
    assert not naive.isfinite()


def test_gradients_in_double_precision():
    anchor, *others = (torch.rand(1, 1, 2, 2, dtype=torch.float64, requires_grad=True) for _ in range(4))
    assert torch.autograd.gradcheck(lambda a, *p: align_term(a, p, 2.0), (anchor, *others))
    assert torch.autograd.gradcheck(lambda a, *n: unif_term(a, n, 2.0), (anchor, *others))
