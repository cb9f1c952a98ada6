"""Several processes make what one makes: real torchrun, gloo, two processes on the CPU."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file

from pipeline import distributed
from pipeline.criteria.adversarial import relativistic_generator
from pipeline.datasets.packing import Writer
from pipeline.errors import UserError
from pipeline.networks.batch_norm import BatchNorm
from tests.graph.clone import shrink
from tests.training import worker
from tests.training.tiny import tiny_trainer, vgg_weights
from tests.training.torchrun import launched

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def double():
    """float64 for what this process makes, as in the workers."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """The folder in which two processes trained every case of the worker."""
    folder = tmp_path_factory.mktemp("two")
    done = launched(2, "tests.training.worker", "cases", folder)
    assert done.returncode == 0, done.stderr
    return folder


def checkpoint(folder):
    return torch.load(folder / "checkpoint.pt", weights_only=True)


def history(folder):
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def leaves(value, path=""):
    """Every number and tensor of a checkpoint with the path to it."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    )
    if not items:
        yield path, value
    for key, inner in items:
        yield from leaves(inner, f"{path}/{key}")


def test_the_processes_of_these_tests_go_through_a_set_in_different_orders(tmp_path):
    done = launched(2, "tests.training.worker", "order", tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"order-{rank}.json").read_text()) for rank in (0, 1))
    assert set(first) == set(second)
    assert first != second


@pytest.mark.parametrize("name", worker.CASES)
def test_two_processes_learn_what_one_learns(name, of_two, tmp_path, double):
    worker.run(name, tmp_path)
    one, two = (dict(leaves(checkpoint(folder / name))) for folder in (tmp_path, of_two))
    assert one.keys() == two.keys()
    for path, value in one.items():
        torch.testing.assert_close(two[path], value, rtol=1e-7, atol=1e-10, msg=path)
    for ours, theirs in zip(history(tmp_path / name), history(of_two / name), strict=True):
        assert theirs == pytest.approx(ours, rel=1e-7)


def test_sigterm_to_torchrun_is_survived_to_the_same_bits(of_two, tmp_path):
    interrupted = launched(2, "tests.training.worker", "terminate", tmp_path)
    assert interrupted.returncode != 0
    assert 3 <= checkpoint(tmp_path / "full")["iteration"] < 6
    assert "error:" not in interrupted.stderr
    resumed = launched(2, "tests.training.worker", "resume", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    ours, theirs = (dict(leaves(checkpoint(folder / "full"))) for folder in (tmp_path, of_two))
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[path])) if value is not None else True, (
            path
        )
    assert history(tmp_path / "full") == history(of_two / "full")


def test_a_nan_in_one_process_stops_all_with_one_message(tmp_path):
    done = launched(2, "tests.training.worker", "poison", tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("error: the term `pix` became nan at iteration 5.") == 1
    assert done.stderr.count("error: ") == 1
    assert checkpoint(tmp_path / "full")["iteration"] == 3


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder in which `python -m stages.train` works: params, a pack, perceptual weights."""
    params = YAML().load(CHECKOUT / "params.yaml")
    shrink(params)
    params["sample"]["perceptual"] |= {"bottom": "conv1_2", "top": "conv2_1"}
    params["sample"]["run"] |= {"device": "cpu"}
    YAML().dump(params, tmp_path / "params.yaml")
    root = tmp_path / "runs" / "sample"
    pack, weights = root / "packs" / "realsr", root / "weights"
    for folder in (pack, weights):
        folder.mkdir(parents=True)
    writer, rng = Writer(pack, scale=4), np.random.default_rng(0)
    for number in range(3):
        lr, hr = (rng.integers(0, 256, (side, side, 3), np.uint8) for side in (16, 64))
        writer.add("training" if number else "validation", str(number), lr, hr)
    writer.close(np.zeros((0, 8, 8, 3), np.uint8))
    torch.manual_seed(0)
    save_file(vgg_weights(), weights / "perceptual.safetensors")
    (weights / "perceptual.json").write_text('{"variant": "vgg16", "sha256": "0", "source": "random"}')
    # No mirror of the runs: a store that fails at once saves the seconds in which mlflow is imported.
    (tmp_path / "no.db").write_text("not a database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'no.db'}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trained(project, monkeypatch, name):
    from stages import train

    monkeypatch.setattr(sys, "argv", ["train", "--preset", "sample", "--data", "realsr", "--row", name])
    train.main()
    return project / "runs" / "sample" / "models" / "realsr" / name / "seed1"


def test_the_stage_under_torchrun_exports_what_one_process_exports(project, monkeypatch):
    trained(project, monkeypatch, "trunk")
    one = trained(project, monkeypatch, "full").rename(project / "one")
    shutil.rmtree(project / "runs/sample/state")
    done = launched(2, "stages.train", "--preset", "sample", "--data", "realsr", "--row", "full", folder=project)
    assert done.returncode == 0, done.stderr
    two = project / "runs/sample/models/realsr/full/seed1"
    assert (two / "model.json").read_bytes() == (one / "model.json").read_bytes()
    assert [json.loads((folder / "run.json").read_text())["processes"] for folder in (one, two)] == [1, 2]
    # Up to a tenth of one step: Adam magnifies rounding where a gradient is next to nothing. In float64 the
    # processes agree to 1e-7 (above).
    ours, theirs = (load_file(folder / "generator.safetensors") for folder in (one, two))
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=0, atol=2e-6, msg=key)
    for a, b in zip(history(one), history(two), strict=True):
        assert b == pytest.approx(a, rel=2e-3)


def test_a_batch_that_cannot_be_shared_evenly_is_named(monkeypatch):
    monkeypatch.setattr(distributed, "count", lambda: 3)
    with pytest.raises(UserError, match=r"sample\.training\.batch is 2, which 3 processes"):
        tiny_trainer()


@pytest.fixture
def group_of_one():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_global_batch_norm_is_torchs_in_output_gradients_and_running_statistics(group_of_one):
    ours, torchs = BatchNorm(3), torch.nn.BatchNorm2d(3)
    for layer in (ours, torchs):
        with torch.no_grad():
            layer.weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
            layer.bias.copy_(torch.tensor([0.1, 0.0, -0.2]))
    image = torch.randn(2, 3, 5, 4) * 3 + 7
    inputs = [image.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(x) for layer, x in zip((ours, torchs), inputs, strict=True)]
    for output in outputs:
        (output * torch.arange(4)).square().sum().backward()
    torch.testing.assert_close(*outputs)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-4, atol=1e-4)
    for name, value in torchs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, msg=name)
    for name, parameter in torchs.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name).grad, parameter.grad, rtol=1e-4, atol=1e-3, msg=name)
    image = image.bfloat16()
    assert ours(image).dtype == torch.bfloat16


def test_outside_torchrun_there_is_one_process_and_no_group():
    with distributed.processes("cpu"):
        assert not distributed.active()
        assert (distributed.rank(), distributed.count()) == (0, 1)
        logits = torch.randn(2, 1, 3, 3)
        assert distributed.mean(logits) is logits
        assert relativistic_generator(logits, -logits).isfinite().all()
