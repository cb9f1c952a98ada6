"""Several ways of doing one thing, timed in turns in one process, so that a busy machine slows them all alike."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import torch
import typer

from pipeline.files import write_json, write_text
from pipeline.progress import progress


@dataclass(frozen=True)
class Result:
    """What a topic measured.

    Attributes:
        title: what was done.
        unit: of the rates, for the head of a column: "samples/s".
        setup: the sizes that the rates depend on.
        machine: what they were measured on.
        rates: of each way its rate in each round; all have as many rounds.
        references: the ways that the others are held against.
        more: further columns, by their heads, with a value for each way that has one.
    """

    title: str
    unit: str
    setup: Mapping[str, int]
    machine: Mapping[str, str | float]
    rates: Mapping[str, Sequence[float]]
    references: Sequence[str]
    more: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def in_turns(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """The rate that each way returns, `rounds` times; every other round goes through the ways backwards."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    with progress("rounds", rounds) as meter:
        for number in range(rounds):
            for name in list(ways)[:: -1 if number % 2 else 1]:
                rates[name].append(ways[name]())
            meter.update()
    return rates


def machine() -> dict[str, str | float]:
    """What a rate depends on, without naming anybody's computer."""
    return {
        "cores": os.cpu_count() or 0,
        "torch threads": torch.get_num_threads(),
        "vector units": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


def table(result: Result) -> str:
    """A Markdown table: of each way the median rate, its spread, and how many times each reference it is.

    A ratio is the median over rounds of the ratio within a round.
    """
    head = [result.title, result.unit, "from … to", *(f"× {name}" for name in result.references), *result.more]
    rows = [[name, *_cells(rates, result), *_beside(name, result)] for name, rates in result.rates.items()]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def report(result: Result, json: Path | None, markdown: Path | None) -> None:
    """Print the table with what it was measured on, and write what is asked for."""
    rounds = len(next(iter(result.rates.values())))
    text = f"{table(result)}\n{rounds} rounds in turns; {_words(result.setup)}; {_words(result.machine)}.\n"
    typer.echo(text, nl=False)
    if json:
        write_json(json, asdict(result))
    if markdown:
        write_text(markdown, text)


def _cells(rates: Sequence[float], result: Result) -> list[str]:
    ratios = (
        median(own / other for own, other in zip(rates, result.rates[name], strict=True))
        for name in result.references
    )
    return [_short(median(rates)), f"{_short(min(rates))} … {_short(max(rates))}", *map(_short, ratios)]


def _beside(name: str, result: Result) -> list[str]:
    return [_short(column[name]) if name in column else "" for column in result.more.values()]


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _words(values: Mapping[str, str | float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
