"""What of a state is not finite."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.finite import not_finite


def state():
    """A state of every shape that one has."""
    return {
        "iteration": 3,
        "average": None,
        "generator": {"last.weight": torch.randn(2, 3), "seen": torch.tensor(5)},
        "optimisers": {
            "generator": {
                "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(4).double()}},
                "param_groups": [{"lr": 1e-3, "betas": (0.9, torch.tensor(0.999)), "params": [0]}],
            }
        },
        "empty": torch.zeros(0),
    }


def test_a_state_in_order_has_nothing_to_name():
    assert not_finite(state()) == []
    assert not_finite({}) == []


@given(st.sampled_from([float("nan"), float("inf"), float("-inf")]), st.integers(0, 5))
def test_one_broken_number_is_named_by_the_path_to_its_tensor(value, place):
    broken = state()
    broken["generator"]["last.weight"].view(-1)[place] = value
    broken["optimisers"]["generator"]["state"][0]["exp_avg"][place % 4] = value
    assert not_finite(broken) == ["generator.last.weight", "optimisers.generator.state.0.exp_avg"]


def test_a_tensor_in_a_tuple_is_seen():
    broken = state()
    broken["optimisers"]["generator"]["param_groups"][0]["betas"][1].fill_(float("nan"))
    assert not_finite(broken) == ["optimisers.generator.param_groups.0.betas.1"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_numbers_whose_norm_overflows_are_finite(dtype):
    assert not_finite({"large": torch.full((100,), torch.finfo(dtype).max, dtype=dtype)}) == []
