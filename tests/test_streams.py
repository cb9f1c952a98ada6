"""Streams are told apart by their whole name, and there is no other source of random numbers."""

import ast
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.streams import Purpose, generator, torch_generator, torch_weights

REPO = Path(__file__).parents[1]
FILES = sorted(file for folder in ("pipeline", "stages", "benchmarks") for file in (REPO / folder).rglob("*.py"))
ALLOWED = {
    REPO / "pipeline/streams.py",
    REPO / "benchmarks/loading.py",  # crops as the field's own training code draws them, to be timed against
}

MADE = {
    "RandomState",
    "SeedSequence",
    "default_generator",
    "default_rng",
    "manual_seed",
    "manual_seed_all",
    "set_rng_state",
}
"""Names that make or seed a generator, whatever they are an attribute of."""
GLOBAL = {
    *("bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn"),
    *("randn_like", "randperm"),
}
"""PyTorch's functions that draw from its global generator unless they are given another."""
IN_PLACE = {"bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "normal_", "random_", "uniform_"}
RESAMPLING = {"bootstrap", "monte_carlo_test", "permutation_test", "rvs"}
"""SciPy's."""


def dotted(node):
    """`a.b.c` of an attribute; "" of what is no plain chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    within = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{within}.{node.attr}" if within else ""


def other_sources(code):
    """What in `code` makes a generator or draws from a global one, as (line, name)."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name in ("random", "numpy.random")]
        elif isinstance(node, ast.ImportFrom):
            whole = node.module in ("random", "numpy.random")
            parts = {"numpy": {"random"}, "torch": {"Generator", *MADE, *GLOBAL}}.get(node.module, MADE)
            names = [f"{node.module}.{alias.name}" for alias in node.names if whole or alias.name in parts]
        elif isinstance(node, ast.Attribute):
            name = dotted(node)
            of_numpy = name.startswith(("np.random.", "numpy.random.")) and not name.endswith("random.Generator")
            names = [name or node.attr] if of_numpy or node.attr in MADE else []
        elif isinstance(node, ast.Call):
            name, given = dotted(node.func), {keyword.arg for keyword in node.keywords}
            last = node.func.attr if isinstance(node.func, ast.Attribute) else name
            of_torch = name == f"torch.{last}" and last in GLOBAL
            in_place = last in IN_PLACE and not name.startswith(("nn.init.", "torch.nn.init."))
            found = (
                name in ("torch.Generator", "np.random.Generator", "numpy.random.Generator")
                or (isinstance(node.func, ast.Attribute) and last == "seed")
                or ((of_torch or in_place) and "generator" not in given)
                or (last in RESAMPLING and not given & {"rng", "random_state"})
            )
            names = [name or last] if found else []
        else:
            names = []
        yield from ((node.lineno, name) for name in names)


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from random import Random",
        "from numpy import random",
        "from numpy.random import default_rng",
        "from torch import randn",
        "np.random.default_rng(3)",
        "np.random.shuffle(rows)",
        "np.random.Generator(np.random.PCG64(1))",
        "make = np.random.RandomState",
        "torch.manual_seed(0)",
        "torch.cuda.manual_seed_all(0)",
        "torch.Generator('cpu')",
        "generator.seed()",
        "torch.rand(3)",
        "torch.randn_like(image)",
        "weight.data.normal_(0, 1)",
        "bootstrap((values,), np.mean)",
    ],
)
def test_another_source_is_found(code):
    assert list(other_sources(code))


@pytest.mark.parametrize(
    "code",
    [
        "def draw(rng: np.random.Generator, field: torch.Generator) -> None: ...",
        "streams.generator(seed, Purpose.CROP, 1).integers(3)",
        "torch.rand(3, generator=stream)",
        "nn.init.normal_(norm.weight, 1.0, 0.02)",
        "bootstrap((values,), np.mean, rng=stream)",
        "run.seed + noise.seed",
    ],
)
def test_what_only_uses_a_stream_is_not(code):
    assert not list(other_sources(code))


def test_there_is_no_other_source():
    assert len(FILES) > 150
    found = [
        f"{file.relative_to(REPO)}:{line}: {name}"
        for file in FILES
        if file not in ALLOWED
        for line, name in other_sources(file.read_text(encoding="utf-8"))
    ]
    assert not found, "take a stream of pipeline/streams.py instead:\n" + "\n".join(found)


def test_every_purpose_is_of_one_module():
    users = defaultdict(set)
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if dotted(node).startswith("Purpose."):
                users[node.attr].add(str(file.relative_to(REPO)))
    assert set(users) == set(Purpose.__members__)
    shared = {name: modules for name, modules in users.items() if len(modules) > 1}
    assert set(shared) == {"BENCHMARK"}
    assert all(module.startswith("benchmarks/") for module in shared["BENCHMARK"])


NAMES = [
    *[
        (1, Purpose.CROP, *place)
        for place in [(), (0,), (0, 0), (1,), (1, 0), (0, 1), (2**32,), (2**32, 0), ("1",)]
    ],
    *[(1, Purpose.CROP, "training", 5, 3), (1, Purpose.CROP, "trunk", 5, 3), (1, Purpose.CROP, "training", 3, 5)],
    *[(1, Purpose.NOISE, "training", 5, 3), (2, Purpose.CROP, "training", 5, 3), (1, Purpose.CROP, "training", 53)],
    *[(0, Purpose.CROP, 1), (2**32 + 1, Purpose.CROP), (1, Purpose.CROP, "1, 0"), (1, Purpose.CROP, "a", "b")],
    *[(1, Purpose.CROP, 'a", "b'), (1, Purpose.CROP, "é"), (1, Purpose.CROP, "e")],
]


def test_streams_of_different_names_differ_and_of_one_name_agree():
    for draw in (
        lambda *name: generator(*name).integers(2**63),
        lambda *name: torch.randint(2**62, (1,), generator=torch_generator("cpu", *name)).item(),
    ):
        first, second = ([draw(*name) for name in NAMES] for _ in range(2))
        assert len(set(first)) == len(NAMES)
        assert first == second


def test_the_numbers_are_always_the_same():
    name = (1, Purpose.CROP, "training", 5, 3)
    assert generator(*name).integers(1000, size=5).tolist() == [915, 572, 448, 60, 80]
    assert torch_generator("cpu", *name).initial_seed() == 4182304576334636656


def test_fresh_weights_are_of_their_stream_and_leave_the_global_generator_alone():
    def weights(*place):
        with torch_weights(1, Purpose.INITIAL_WEIGHTS, *place):
            return torch.nn.Linear(3, 3).weight

    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = weights("generator")
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(weights("generator"), first)
    assert not torch.equal(weights("discriminator"), first)


def test_streams_of_neighbouring_names_are_not_alike():
    """Correlations of uniform numbers: of standard deviation 1 / sqrt(n) if they are independent."""
    numbers = np.stack([generator(1, Purpose.CROP, "training", 0, place).random(2000) for place in range(40)])
    correlations = np.corrcoef(numbers)[np.triu_indices(40, 1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)
