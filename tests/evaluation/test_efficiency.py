"""What networks cost: counts in closed form, and rounds that time every network once."""

import json
import sys
from functools import partial

import pandas as pd
import pytest
import torch
from torch import nn

from pipeline.evaluation.efficiency import PUBLISHED, RELEASED, macs, measure, networks
from pipeline.networks import parameter_count
from pipeline.networks.rrdb import RRDBNet
from pipeline.settings import Efficiency, Network, load
from stages import efficiency as stage

SMALL = Network(layout="paper", features=8, blocks=1, growth=4, branch_blocks=1)
BLOCK = Efficiency(width=12, height=8, rounds=3, warm_up=2)


def built(name, size=SMALL):
    with torch.device("meta"):
        return networks(size)[name]()


class Recording(nn.Conv2d):
    """A convolution that writes its name to a list at every pass."""

    def __init__(self, name, passes):
        super().__init__(3, 3, 3, padding=1)
        self.name, self.passes = name, passes

    def forward(self, lr):
        self.passes.append((self.name, tuple(lr.shape), self.training, torch.is_grad_enabled()))
        return super().forward(lr)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("esrgan", 16_697_987),
        ("full", 17_367_368),
        ("released", 17_286_473),
        ("edsr", 43_089_923),
        ("edsr_baseline", 1_517_571),
    ],
)
def test_the_published_networks_have_their_known_number_of_parameters(name, parameters):
    assert parameter_count(built(name)) == parameters


def test_the_released_network_costs_1_52_times_esrgan():
    cost = {name: macs(build, 16, 24) for name, build in networks(SMALL).items()}
    assert cost["esrgan"] / (16 * 24) == pytest.approx(17.9e6, rel=2e-3)
    assert cost["released"] / (16 * 24) == pytest.approx(27.3e6, rel=2e-3)
    assert cost["released"] / cost["esrgan"] == pytest.approx(1.52, abs=5e-3)


def test_macs_are_weights_times_the_pixels_they_are_applied_to():
    network = RRDBNet(8, 2, 4, 4)
    areas = {"upconv1": 4, "upconv2": 16, "HRconv": 16, "conv_last": 16}
    expected = sum(
        layer.weight.numel() * areas.get(name, 1) * 10 * 6
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d)
    )
    assert macs(partial(RRDBNet, 8, 2, 4, 4), 6, 10) == expected


@pytest.mark.parametrize("name", ["full_here", "plain_here", "edsr_baseline"])
def test_macs_grow_with_the_number_of_pixels_exactly(name):
    build = networks(SMALL)[name]
    assert macs(build, 30, 20) == 25 * macs(build, 6, 4)


def test_a_preset_of_the_published_size_has_no_rows_of_its_own():
    assert {"plain_here", "full_here"} <= networks(SMALL).keys()
    for size in (PUBLISHED, RELEASED):
        assert not {"plain_here", "full_here"} & networks(size).keys()


def test_every_round_times_every_network_once_and_begins_with_another(tmp_path):
    passes = []
    builds = {name: partial(Recording, name, passes) for name in ("esrgan", "b", "c")}
    measure(builds, BLOCK, torch.device("cpu"), tmp_path / "out", threads=1)
    timed = [name for name, shape, *_ in passes if shape == (1, 3, 8, 12)][3:]  # the first three count MACs
    assert [timed[k : k + 3] for k in range(0, 15, 3)] == [
        ["esrgan", "b", "c"],
        ["b", "c", "esrgan"],
        ["c", "esrgan", "b"],
        ["esrgan", "b", "c"],
        ["b", "c", "esrgan"],
    ]
    assert passes[-1] == ("esrgan", (1, 3, 8, 12), False, False)
    rounds = pd.read_csv(tmp_path / "out/rounds.csv", index_col="round")
    assert list(rounds.index) == [1, 2, 3]
    assert (rounds > 0).all(axis=None)


def test_the_result_names_its_circumstances(tmp_path):
    measure({"esrgan": partial(Recording, "esrgan", [])}, BLOCK, torch.device("cpu"), tmp_path / "out", threads=1)
    result = json.loads((tmp_path / "out/efficiency.json").read_text())
    assert result["networks"] == {"esrgan": {"parameters": 84, "macs": 81 * 96, "peak_bytes": None}}
    assert {
        key: result[key] for key in ("device", "threads", "precision", "width", "height", "rounds", "scale")
    } == {
        "device": "cpu",
        "threads": 1,
        "precision": "fp32",
        "width": 12,
        "height": 8,
        "rounds": 3,
        "scale": 4,
    }
    assert result["device_name"]


def test_bf16_runs_the_convolutions_in_bf16(tmp_path):
    seen = []

    class Output(nn.Conv2d):
        def forward(self, lr):
            seen.append(super().forward(lr).dtype)

    block = BLOCK.model_copy(update={"precision": "bf16"})
    measure({"esrgan": partial(Output, 3, 3, 1)}, block, torch.device("cpu"), tmp_path / "out", threads=1)
    assert seen[-1] == torch.bfloat16


def test_the_stage_measures_the_networks_of_the_preset(tmp_path, monkeypatch, root):
    sizes = []

    def few(size):
        sizes.append(size)
        return {"esrgan": partial(Recording, "esrgan", [])}

    monkeypatch.setattr("pipeline.evaluation.efficiency.networks", few)
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["efficiency", "--preset", "sample"])
    stage.main()
    sample = load().sample
    assert sizes == [sample.network]
    assert json.loads((tmp_path / "runs/sample/efficiency/efficiency.json").read_text())["rounds"] == (
        sample.efficiency.rounds
    )
