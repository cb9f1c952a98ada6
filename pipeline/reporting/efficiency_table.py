"""Table VII: what the networks cost here, beside what the paper says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import UserError
from pipeline.files import read_json
from pipeline.paths import data_root
from pipeline.reporting.grid import OURS, Cell, grid, interval, number
from pipeline.reporting.paper import FOLDER, PaperTable, read_paper_table
from pipeline.reporting.sheet import Sheet

NUMBER = 7
BASE = "esrgan"
"""The network that every ratio is to."""
SAME_NETWORK: Mapping[str, str] = {"dasr": BASE, "real_esrgan": BASE}
"""Rows of the paper whose generator is another row's, number for number (facts/methods.md 0: 16,697,987)."""
TITLES: Mapping[str, str] = {
    "released": "Cria-CL, the released layout",
    "edsr": "EDSR",
    "edsr_baseline": "EDSR, baseline",
    "plain_here": "RRDB at this preset's size",
    "full_here": "Cria-CL at this preset's size",
}
"""Networks that the paper's table has no row for."""
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16 (weights in float32)"}
HEADERS: Mapping[str, str] = {"time": "Time (frame/s)", "parameters": "Parameter"}
"""Of the paper's columns, as printed."""
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Measured:
    """What the stage `efficiency` has left.

    Attributes:
        about: efficiency.json: circumstances, the image, and under `networks` the costs by name.
        seconds: a row a round, a column a network.
    """

    about: Mapping[str, Any]
    seconds: pd.DataFrame


def read_measured(folder: Path) -> Measured:
    """Read runs/<preset>/efficiency. Raises `UserError` when a file is missing or the two do not fit."""
    about = read_json(folder / "efficiency.json")
    file = folder / "rounds.csv"
    try:
        seconds = pd.read_csv(file, index_col="round").astype(float)
    except (FileNotFoundError, ValueError) as error:
        raise UserError(f"{file} is missing or damaged ({error}). Run `dvc repro efficiency` to make it.") from None
    if set(seconds.columns) != set(about["networks"]) or BASE not in seconds:
        raise UserError(f"{file} and efficiency.json beside it do not fit. Run `dvc repro efficiency` again.")
    return Measured(about, seconds)


def efficiency_sheet(preset: str, paper: Path = FOLDER) -> Sheet:
    """Table VII of `preset`. Raises `UserError` when the measurement or the transcription is missing or broken."""
    return sheet(read_measured(data_root(preset) / "efficiency"), read_paper_table(NUMBER, paper), preset)


def sheet(measured: Measured, paper: PaperTable, preset: str) -> Sheet:
    """The paper's rows, then the other networks that were measured."""
    numbers = costs(measured)
    rows = _rows(paper, list(numbers.index))
    ours = numbers.reindex(rows["network"]).set_axis(rows.index, axis="index")
    printed = paper.cells.reindex(rows.index, fill_value="")
    cells = printed.map(Cell).rename(columns=dict(HEADERS))
    return Sheet(
        name=f"table_{NUMBER}",
        title=f"Table {paper.numeral}",
        caption=_caption(measured.about, paper, preset),
        reading=(),
        notes=(*paper.notes, *_notes(numbers)),
        grid=grid([(OURS, _cells(ours)), ("Paper", cells)], paper=len(paper.rows)),
        data=pd.concat([rows.assign(preset=preset), ours, printed.add_prefix("paper_")], axis="columns"),
    )


def costs(measured: Measured) -> pd.DataFrame:
    """Of every network: parameters, macs, peak_bytes; quartiles of its seconds and of their ratio to ESRGAN's.

    Columns end in _q1, _median and _q3; frames_per_second is that of the median; ratios are taken within a round.
    """
    networks = pd.DataFrame.from_dict(dict(measured.about["networks"]), orient="index", dtype=float)
    macs = networks["macs"]
    ratios = measured.seconds.div(measured.seconds[BASE], axis="index")
    table: pd.DataFrame = pd.concat(
        [
            networks[["parameters", "macs"]].astype(int),
            (macs / macs[BASE]).rename("macs_ratio"),
            _quartiles(measured.seconds, "seconds"),
            (1 / measured.seconds.median()).rename("frames_per_second"),
            _quartiles(ratios, "seconds_ratio"),
            networks["peak_bytes"],
        ],
        axis="columns",
    ).reindex(measured.seconds.columns)
    return table


def _quartiles(rounds: pd.DataFrame, name: str) -> pd.DataFrame:
    return rounds.quantile(QUARTILES).T.set_axis(
        [f"{name}_{end}" for end in ("q1", "median", "q3")], axis="columns"
    )


def _rows(paper: PaperTable, measured: Sequence[object]) -> pd.DataFrame:
    """Index: title; columns: method, network (the measured one that stands for it)."""
    theirs = paper.rows.assign(network=[SAME_NETWORK.get(method, method) for method in paper.rows["method"]])
    others = [str(name) for name in measured if name not in set(theirs["network"])]
    ours = pd.DataFrame({"row": [TITLES[name] for name in others], "method": others, "network": others})
    return pd.concat([theirs, ours]).set_index("row")


def _cells(ours: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "Parameters (M)": [Cell(number(value / 1e6, 3)) for value in ours["parameters"]],
        "MACs (G)": [Cell(number(value / 1e9, 2)) for value in ours["macs"]],
        "MACs ÷ ESRGAN": [Cell(number(value, 2)) for value in ours["macs_ratio"]],
        "Time (ms)": _spread(ours.filter(like="seconds_").drop(columns=_ratio_columns(ours)) * 1e3, 1),
        "Frames/s": [Cell(number(value, 2)) for value in ours["frames_per_second"]],
        "Time ÷ ESRGAN": _spread(ours[_ratio_columns(ours)], 2),
    }
    if ours["peak_bytes"].notna().any():
        columns["Peak memory (MiB)"] = [Cell(number(value / 2**20, 0)) for value in ours["peak_bytes"]]
    return pd.DataFrame(columns, index=ours.index)


def _ratio_columns(ours: pd.DataFrame) -> list[str]:
    return [str(name) for name in ours if str(name).startswith("seconds_ratio_")]


def _spread(quartiles: pd.DataFrame, decimals: int) -> list[Cell]:
    """The median, and the other quartiles under it where they differ. `quartiles`: q1, median, q3."""
    return [
        Cell(number(median, decimals), small=interval(low, high, decimals) if low != high else "")
        for low, median, high in quartiles.itertuples(index=False, name=None)
    ]


def _caption(about: Mapping[str, Any], paper: PaperTable, preset: str) -> str:
    width, height, scale = about["width"], about["height"], about["scale"]
    threads = "1 thread" if about["threads"] == 1 else f"{about['threads']} threads"
    place = f"{about['device_name']}, {threads}" if about["device"] == "cpu" else str(about["device_name"])
    return (
        f"Counterpart of the paper's Table {paper.numeral} (section {paper.section}), {paper.caption}: one "
        f"{width} × {height} LR image to {scale * width} × {scale * height}, batch 1, "
        f"{PRECISIONS[about['precision']]}, on {place} (torch {about['torch']}). Medians of {about['rounds']} "
        f"rounds after {about['warm_up']} of warm-up, in brackets the quartiles; "
        f"every round times every network once, and ratios are taken within a round. Preset {preset}."
    )


def _notes(numbers: pd.DataFrame) -> tuple[str, ...]:
    """What the numbers mean, and what the paper's parameters and times fit."""
    parameters, ratios = dict(numbers["parameters"]), dict(numbers["macs_ratio"])
    return (
        "ESRGAN, DASR and Real-ESRGAN have one generator, an RRDB network of 23 blocks and 64 features: measured "
        "once, shown three times.",
        "Parameters and multiply-accumulates (MACs) are counted. Cria-CL is built by the paper's text at 23 blocks "
        f"({parameters['full'] / 1e6:.2f} M) and by the layout of the authors' checkpoint "
        f"({parameters['released'] / 1e6:.2f} M); the paper's 14.8 M is reached by no whole number of blocks of "
        "either.",
        "The paper's ratio of times does not fit the released network, which costs "
        f"{ratios['released']:.2f} × ESRGAN's MACs, since its branches and mask work at HR (by the paper's text: "
        f"{ratios['full']:.2f} ×). It fits fewer blocks, or branches at LR resolution (facts/methods.md 2.1).",
    )
