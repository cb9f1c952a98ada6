"""What a training reads, with the trunk that it starts from or from scratch; the names of untrained trunks."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline import settings
from pipeline.datasets.packing import Writer
from pipeline.errors import UserError
from pipeline.files import read_json, write_json
from pipeline.networks import build
from pipeline.networks.rrdb import RRDBNet
from pipeline.paths import data_root, model_folder
from pipeline.recipes.cria import Cria
from pipeline.settings import CriaPhase
from pipeline.streams import Purpose, torch_weights
from pipeline.training.experiment import Wanted, marker, plan, trunk_of, wanted
from pipeline.training.inputs import given
from pipeline.training.run import trainer_of
from tests.training.tiny import FULL, NETWORK, PLAIN, SyntheticPack, vgg_weights


@pytest.fixture
def params(root, tmp_path, monkeypatch):
    """The settings on tiny networks, in a folder with a pack and features and no trunk."""
    found = settings.load(root / "params.yaml")
    layers = found.sample.perceptual.model_copy(update={"bottom": "conv1_2", "top": "conv2_1"})
    tiny = {"network": NETWORK, "perceptual": layers}
    monkeypatch.chdir(tmp_path)
    pack, weights = data_root("sample") / "packs" / "realsr", data_root("sample") / "weights"
    for folder in (pack, weights):
        folder.mkdir(parents=True)
    writer, rng = Writer(pack, scale=4), np.random.default_rng(0)
    for role in ("training", "validation"):
        writer.add(role, role, *(rng.integers(0, 256, (side, side, 3), np.uint8) for side in (16, 64)))
    writer.close(np.zeros((0, 8, 8, 3), np.uint8))
    save_file(vgg_weights(), weights / "perceptual.safetensors")
    write_json(weights / "perceptual.json", {"variant": "vgg16", "sha256": "0", "source": "random"})
    return found.model_copy(update={"sample": found.sample.model_copy(update=tiny)})


def starting(params, start):
    """The settings with trainings that start so."""
    training = params.sample.training.model_copy(update={"start": start})
    return params.model_copy(update={"sample": params.sample.model_copy(update={"training": training})})


def add_trunk(params):
    """A trunk as its training leaves it."""
    torch.manual_seed(5)
    trunk = RRDBNet(NETWORK.features, NETWORK.blocks, NETWORK.growth, 4)
    [chosen] = plan(params, "sample", trunk_of(params, "sample", "realsr"))
    folder = marker(chosen).parent
    folder.mkdir(parents=True)
    save_file(trunk.state_dict(), folder / "generator.safetensors")
    write_json(folder / "model.json", {"network": PLAIN.network(NETWORK), "scale": 4})
    marker(chosen).touch()
    return trunk


def full(params, seed=1):
    return plan(params, "sample", Wanted("realsr", "full", seed))


def networks(params):
    trunk = model_folder("sample", *trunk_of(params, "sample", "realsr"))
    return given(data_root("sample"), full(params), trunk)


def untrained(params, seed):
    """The generator before its first step."""
    [chosen] = full(params, seed)
    return trainer_of(chosen, Cria, SyntheticPack(), networks(params)).network.state_dict()


def test_from_scratch_no_trunk_is_read_and_none_is_among_the_inputs(params):
    scratch = starting(params, "scratch")
    assert networks(scratch).keys() == {"features"}
    [before] = full(scratch)
    assert before.inputs.keys() == {"pairs", "features"}
    add_trunk(params)
    assert full(scratch)[0].fingerprint == before.fingerprint


@pytest.mark.parametrize("seed", [1, 2])
def test_a_generator_from_scratch_has_the_weights_of_its_seed(params, seed):
    with torch_weights(seed, Purpose.INITIAL_WEIGHTS, "training", "generator"):
        fresh = build(FULL.network(NETWORK), 4).state_dict()
    found = untrained(starting(params, "scratch"), seed)
    assert all(torch.equal(found[name], value) for name, value in fresh.items())


def test_from_the_trunk_its_weights_are_taken_and_its_fingerprint_is_known_before_it_is_trained(params):
    [before] = full(params)
    [trunk] = plan(params, "sample", trunk_of(params, "sample", "realsr"))
    assert before.inputs["trunk"] == trunk.fingerprint
    start = add_trunk(params)
    assert full(params)[0].fingerprint == before.fingerprint
    found = untrained(params, 1)
    assert torch.equal(found["RRDB_trunk.0.RDB1.conv1.weight"], start.RRDB_trunk[0].RDB1.conv1.weight)
    assert torch.equal(found["branch_unif.output.weight"], start.conv_last.weight)


def test_a_missing_trunk_or_one_of_other_settings_is_named(params):
    with pytest.raises(UserError, match=r"models/realsr/trunk/seed1 is not the trunk of these settings\. Run"):
        networks(params)
    add_trunk(params)
    longer = params.sample.trunk.model_copy(update={"iterations": 7})
    changed = params.model_copy(update={"sample": params.sample.model_copy(update={"trunk": longer})})
    with pytest.raises(UserError, match="is not the trunk of these settings"):
        networks(changed)


def test_the_study_wants_each_row_with_every_seed_and_a_trunk_per_training_set(params):
    found = wanted(params, "sample")
    assert len(set(found)) == len(found)
    seeds, sets = params.sample.seeds, params.study.training_sets
    assert [chosen for chosen in found if chosen.row == "trunk"] == [(name, "trunk", 1) for name in sets]
    for row in params.study.configurations:
        assert {chosen[::2] for chosen in found if chosen.row == row} == {(s, k) for s in sets for k in seeds}
    only_there = {chosen.training_set for chosen in found if chosen.row in ("spatial", "anchor_adv")}
    assert only_there == {params.ablation.data}


def repacked(write):
    """Write the training set's pack anew: validation pairs and what `write` adds."""
    pack, rng = data_root("sample") / "packs" / "realsr", np.random.default_rng(0)
    writer, (lr, hr) = Writer(pack, 4), (rng.integers(0, 256, (side, side, 3), np.uint8) for side in (16, 64))
    writer.add("validation", "held", lr, hr)
    write(writer, lr, hr)
    writer.close(np.zeros((0, 8, 8, 3), np.uint8))


def add_clean(writer, lr, hr):
    writer.add("training", "clean", lr, hr, noisy=True)


def add_both(writer, lr, hr):
    add_clean(writer, lr, hr)
    writer.add_real("photograph", lr[:, :12])


def test_real_photographs_make_only_those_trainings_stale_that_read_them(params, monkeypatch):
    trunk = trunk_of(params, "sample", "realsr")
    repacked(add_both)
    (before,), hashes = full(params), read_json(data_root("sample") / "packs/realsr/index.json")["hashes"]
    repacked(add_clean)
    assert full(params)[0].fingerprint == before.fingerprint
    monkeypatch.setattr(CriaPhase, "reads", ("clean", "real"))
    with pytest.raises(
        UserError,
        match=r"realsr has no images of the kind `real`, which the row full reads\. Give images of realsr the role "
        r"source \(real photographs\) or train \(real pairs\) in <preset>\.datasets\.realsr of params\.yaml",
    ):
        full(params)
    plan(params, "sample", trunk)
    repacked(add_both)
    inputs = full(params)[0].inputs
    assert {kind: inputs[kind] for kind in ("clean", "real")} == {kind: hashes[kind] for kind in ("clean", "real")}
    assert "pairs" not in inputs


def test_a_pack_of_an_earlier_version_is_named(params):
    write_json(data_root("sample") / "packs/realsr/index.json", {"content": "0"})
    with pytest.raises(UserError, match=r"packs/realsr was written by an earlier version\. Run `dvc repro`"):
        full(params)
