"""bf16, channels_last and compile change how a step is computed, not what it computes."""

import dataclasses
import functools

import pytest
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.networks.parts import Parts
from pipeline.networks.rrdb import RRDBNet
from pipeline.training.execution import in_precision, placed, room
from tests.training import worker
from tests.training.tiny import EXPERIMENT, tiny_trainer, with_schedule
from tests.training.torchrun import launched

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def variant(device="cpu", **run):
    """The tiny experiment, run in another way."""
    return dataclasses.replace(EXPERIMENT, run=EXPERIMENT.run.model_copy(update={"device": device, **run}))


def steps(trainer, count=3):
    """The terms of some steps, by step."""
    return [trainer.step() for _ in range(count)]


def assert_near(found, expected, **tolerance):
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name].cpu(), value.cpu(), **tolerance, msg=name)


def test_bf16_steps_have_float32_terms_weights_and_averages_near_those_of_fp32():
    trainer = tiny_trainer(experiment=with_schedule(variant(precision="bf16"), ema=0.9))
    found, expected = steps(trainer), steps(tiny_trainer())
    assert_near(found, expected, rtol=0.03, atol=1e-4)
    assert found[0]["perc"] != expected[0]["perc"]  # bf16 it was
    image = torch.rand(1, 3, 32, 32)
    assert trainer.phase.judges.discriminator(image).dtype == torch.float32
    features = tiny_trainer().phase.judges.perceptual(image, ["conv1_2"])["conv1_2"]
    lowered = trainer.phase.judges.perceptual(image, ["conv1_2"])["conv1_2"]
    assert lowered.dtype == torch.float32
    torch.testing.assert_close(lowered, features, rtol=0.03, atol=0.03)
    assert not torch.equal(lowered, features)
    for network in (trainer.phase.generator, trainer.phase.discriminator, trainer.result):
        assert {value.dtype for value in network.state_dict().values()} <= {torch.float32, torch.int64}


def test_results_of_a_lowered_forward_are_float32_whatever_their_shape():
    run, device = variant(precision="bf16").run, torch.device("cpu")
    layer = nn.Conv2d(3, 1, 1)
    image = torch.rand(1, 3, 2, 2)
    assert layer(image).dtype == torch.float32
    inside = []

    def parts(x):
        inside.append(layer(x))
        return Parts(inside[0], mask=inside[0])

    found = in_precision(parts, run, device)(image)
    assert inside[0].dtype == torch.bfloat16
    assert found.sr.dtype == found.mask.dtype == torch.float32
    assert found.align is None
    assert in_precision(layer, run, device)(image).dtype == torch.float32
    assert in_precision(layer, EXPERIMENT.run, device) is layer


def test_channels_last_lays_the_weights_out_anew_and_computes_the_same():
    trainer = tiny_trainer(experiment=variant(channels_last=True))
    for network in (trainer.phase.generator, trainer.phase.discriminator):
        assert all(
            parameter.is_contiguous(memory_format=torch.channels_last)
            for parameter in network.parameters()
            if parameter.dim() == 4
        )
    assert_near(steps(trainer), steps(tiny_trainer()), rtol=1e-3, atol=1e-6)


def test_placing_keeps_keys_and_values():
    layer = nn.Conv2d(3, 4, 3)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    moved = placed(layer, variant(channels_last=True).run, torch.device("cpu")).state_dict()
    assert moved.keys() == before.keys()
    assert all(torch.equal(moved[name], value) for name, value in before.items())


def test_a_compiled_generator_keeps_its_keys_and_computes_the_same(monkeypatch):
    # The graph is torch.compile's, the kernels are torch's own: inductor would build C++ for half a minute.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    trainer, eager = tiny_trainer(experiment=variant(compile=True)), tiny_trainer()
    assert trainer.phase.generator.state_dict().keys() == eager.phase.generator.state_dict().keys()
    assert trainer.result is trainer.phase.generator
    assert_near(steps(trainer), steps(eager), rtol=1e-3, atol=1e-6)
    for (name, ours), theirs in zip(
        trainer.phase.generator.named_parameters(), eager.phase.generator.parameters(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4, msg=name)


@on_a_gpu
@pytest.mark.parametrize("run", [{}, {"compile": True}, {"precision": "bf16", "channels_last": True}])
def test_a_gpu_computes_what_the_cpu_computes(run):
    trainer = tiny_trainer(experiment=variant("cuda", **run))
    tolerance = {"rtol": 0.03, "atol": 1e-4} if "precision" in run else {"rtol": 0.01, "atol": 1e-5}
    assert_near(steps(trainer), steps(tiny_trainer()), **tolerance)
    norms = trainer.gradient_norms()
    assert all(norm.is_cuda and norm.isfinite() for norm in norms.values())


@on_a_gpu
def test_nccl_alone_computes_what_no_group_computes(tmp_path):
    done = launched(1, "tests.training.worker", "cuda", tmp_path)
    assert done.returncode == 0, done.stderr
    found = torch.load(tmp_path / "cuda" / "checkpoint.pt", weights_only=True, map_location="cpu")
    torch.set_default_dtype(torch.float64)
    try:
        worker.run("full", tmp_path)
    finally:
        torch.set_default_dtype(torch.float32)
    expected = torch.load(tmp_path / "full" / "checkpoint.pt", weights_only=True)
    for name, value in expected["phase"].items():
        torch.testing.assert_close(found["phase"][name], value, rtol=1e-6, atol=1e-9, msg=name)


def kept_bytes(network, lr):
    """What the graph of a forward pass keeps for the backward pass."""
    kept = []

    def keep(value):
        kept.append(value.numel() * value.element_size())
        return value

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        network(lr).sum()
    return sum(kept)


def test_recomputed_activations_give_the_same_gradients_and_are_not_kept():
    torch.manual_seed(0)
    keeping, computing = (RRDBNet(8, 6, 4, 1) for _ in range(2))
    computing.load_state_dict(keeping.state_dict())
    placed(computing, variant(recompute=True).run, torch.device("cpu"))
    lr = torch.rand(1, 3, 16, 16)
    for network in (keeping, computing):
        network(lr).square().mean().backward()
    for ours, theirs in zip(computing.parameters(), keeping.parameters(), strict=True):
        assert torch.equal(ours.grad, theirs.grad)
    assert kept_bytes(computing, lr) < kept_bytes(keeping, lr) / 4


def test_a_training_that_recomputes_is_the_same_training():
    ours, theirs = tiny_trainer(experiment=variant(recompute=True)), tiny_trainer()
    assert steps(ours) == steps(theirs)
    assert variant(recompute=True, processes=4).fingerprint == EXPERIMENT.fingerprint


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        MemoryError("no room"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    ],
)
def test_a_lack_of_memory_is_told_with_what_to_lower(error):
    told = r"set lab\.run\.recompute to true, lower lab\.training\.batch"
    with pytest.raises(UserError, match=told), room("lab", "training"):
        raise error


def test_another_runtime_error_keeps_its_traceback():
    with pytest.raises(RuntimeError, match="shapes"), room("lab", "training"):
        raise RuntimeError("shapes do not match")
