"""The training steps that are timed against each other do equal work. No test looks at a time."""

import json
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from benchmarks import ceilings, memory
from benchmarks import step as topic
from benchmarks.__main__ import app
from benchmarks.pairs import write_folder, write_pack
from benchmarks.usual_step import UsualEsrgan
from pipeline import settings
from pipeline.datasets.packs import Pack
from pipeline.errors import UserError
from pipeline.networks.vgg import VGGFeatures

CPU = torch.device("cpu")
TINY = topic.Size(features=8, blocks=1, growth=4, batch=2, crop=32, judged=4)
STEPS = 3


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    write_pack(write_folder(root, 1), root / "pack")
    return Pack.open(root / "pack")


def networks(way):
    """What has the way's generator and discriminator."""
    return way if isinstance(way, UsualEsrgan) else way.phase


def ways(pack, kind, size=TINY, also=()):
    """All ways, their spectral norms at rest: every pass moves these a little, and the ways differ in passes."""
    shallow = {"top": "conv2_2"}  # VGG-19 to its end takes most of a step and shows nothing more
    chosen = {
        name: replace(experiment, settings=experiment.settings.model_copy(update=shallow))
        for name, experiment in topic.experiments(size, kind, CPU).items()
    }
    found = topic.prepared(chosen, pack, also)
    for way in found.values():
        if kind == "unet":
            with torch.no_grad():
                for _ in range(500):
                    networks(way).discriminator(torch.zeros(1, 3, 8, 8))
    return found


@pytest.mark.parametrize(("ours", "usual"), [(topic.ESRGAN, topic.REFERENCE), (topic.CRIA, topic.NAIVE)])
@pytest.mark.parametrize(
    ("kind", "size"),
    [("patchgan", TINY), ("unet", TINY), ("vgg128", replace(TINY, crop=128))],
    ids=["patchgan", "unet", "vgg128"],
)
def test_the_usual_step_and_the_one_here_have_equal_losses_and_weights_for_three_steps(
    pack, kind, size, ours, usual
):
    found = ways(pack, kind, size)
    for _ in range(STEPS):
        here, there = found[ours].step(), found[usual].step()
        assert here.keys() == there.keys()
        for name, value in there.items():
            torch.testing.assert_close(here[name], value, rtol=1e-5, atol=1e-7, msg=name)
    averages = found[ours].result.parameters(), found[usual].average.parameters()
    for mine, other in zip(*averages, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=2e-5)


def test_the_usual_step_passes_its_judges_as_often_as_it_is_usual_and_the_one_here_once_an_image(pack, monkeypatch):
    found, passes = ways(pack, "patchgan"), {}
    forward = VGGFeatures.forward
    for name, way in found.items():
        passes[name] = counter = Counter()
        networks(way).discriminator.register_forward_hook(lambda *_, counter=counter: counter.update(["logits"]))

        def counted(*arguments, counter=counter):
            counter.update(["features"])
            return forward(*arguments)

        monkeypatch.setattr(VGGFeatures, "forward", counted)
        way.step()
    assert passes[topic.REFERENCE] == {"logits": 5, "features": 2}
    assert passes[topic.ESRGAN] == {"logits": 2, "features": 2}
    assert passes[topic.NAIVE] == {"logits": 7, "features": 6}
    assert passes[topic.CRIA] == {"logits": 3, "features": 4}


def test_sharing_leaves_every_gradient_as_it_was(pack):
    """The same weights and batch: the first gradients differ by the order of additions at most."""
    found = ways(pack, "patchgan")
    here, there = found[topic.CRIA], found[topic.NAIVE]
    batch = here.batches(1)
    for way, terms in (
        (here, here.phase.losses(batch)["generator"]),
        (there, there.terms(there.generator.parts(batch.lr), batch.hr)),
    ):
        parameters = list(networks(way).generator.parameters())
        torch.autograd.backward(torch.stack(list(terms.values())).sum(), inputs=parameters)
    for ours, usual in zip(here.phase.generator.parameters(), there.generator.parameters(), strict=True):
        scale = usual.grad.abs().max().item()
        torch.testing.assert_close(ours.grad, usual.grad, rtol=1e-6, atol=1e-6 * scale)


def test_the_settings_of_a_device_start_from_the_same_weights(pack):
    terms = {name: way.step() for name, way in ways(pack, "patchgan", also=["channels_last", "bf16"]).items()}
    for name in (topic.ESRGAN, topic.CRIA):
        for term, value in terms[name].items():
            laid_out, lowered = (terms[f"{name}, {variant}"][term] for variant in ("channels_last", "bf16"))
            torch.testing.assert_close(laid_out, value, rtol=1e-5, atol=1e-7, msg=term)
            torch.testing.assert_close(lowered, value, rtol=0.03, atol=1e-3, msg=term)


def test_the_command_prints_its_table_and_writes_what_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(topic.SIZES, "S", TINY)
    monkeypatch.setitem(ceilings.SIDES, "cpu", 64)
    numbers, text = tmp_path / "rates.json", tmp_path / "table.md"
    done = CliRunner().invoke(
        app,
        [
            "step",
            "--rounds",
            "2",
            "--device",
            "cpu",
            "--also",
            "bf16",
            "--json",
            str(numbers),
            "--markdown",
            str(text),
        ],
    )
    assert done.exit_code == 0, done.stderr
    assert done.stdout == text.read_text(encoding="utf-8")
    result = json.loads(numbers.read_text(encoding="utf-8"))
    assert set(result["rates"]) == {
        *(topic.REFERENCE, topic.NAIVE, topic.ESRGAN, topic.CRIA),
        *(f"{topic.ESRGAN}, bf16", f"{topic.CRIA}, bf16"),
    }
    assert all(len(rates) == 2 and min(rates) > 0 for rates in result["rates"].values())
    for column in ("steps/s passing", "% waiting for data", "GFLOP", "% of fp32 matmul"):
        assert result["more"][column].keys() == result["rates"].keys()
        assert f"| {column} |" in done.stdout
    assert result["more"]["GFLOP"][topic.CRIA] < result["more"]["GFLOP"][topic.NAIVE]


def test_at_the_papers_size_the_hours_of_its_schedule_are_told(monkeypatch):
    monkeypatch.setitem(topic.SIZES, "paper", TINY)
    monkeypatch.setitem(ceilings.SIDES, "cpu", 64)
    result = topic.measure("paper", "patchgan", CPU, rounds=1)
    steps = settings.load(topic.PARAMS).paper.training.iterations
    hours = result.more[f"h for {steps} steps"]
    assert hours == {name: pytest.approx(steps / rate / 3600) for name, (rate,) in result.rates.items()}


def test_a_discriminator_that_cannot_judge_the_crops_is_refused():
    done = CliRunner().invoke(app, ["step", "--discriminator", "vgg128", "--device", "cpu"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error: vgg128 judges crops of 128 px; at this size they have 64." in done.stderr
    with pytest.raises(UserError, match="--size M"):
        topic.experiments(TINY, "vgg128", CPU)


def test_operations_are_those_of_the_convolutions_both_ways():
    convolution = nn.Conv2d(3, 5, 3, padding=1)
    image = torch.rand(2, 3, 8, 8, requires_grad=True)
    forward = 2 * 2 * 8 * 8 * 3 * 5 * 9
    assert ceilings.operations(lambda: convolution(image).sum().backward()) == 3 * forward


@pytest.mark.skipif(not memory.RESET.exists(), reason="the peak of a process is read from Linux's /proc")
def test_the_peak_is_that_of_the_work_and_not_of_what_was_before():
    kept = torch.ones(2**24)  # 64 MiB
    peaks = [memory.peak_mib(lambda size=size: torch.ones(size).sum(), CPU) for size in (2**23, 2**25)]
    assert kept.sum() == 2**24
    assert 30 < peaks[0] < 50
    assert 126 < peaks[1] < 150


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_steps_on_a_gpu_have_the_losses_of_the_cpu(pack):
    for name in (topic.ESRGAN, topic.CRIA):
        cpu, gpu = (
            topic.prepared(topic.experiments(TINY, "patchgan", device), pack)[name].step()
            for device in (CPU, torch.device("cuda"))
        )
        for term, value in cpu.items():
            torch.testing.assert_close(gpu[term].cpu(), value, rtol=0.01, atol=1e-4, msg=term)
