"""What each stage reads of params.yaml: DVC's list and the fingerprints of kept work agree, leaf by leaf."""

import contextlib
import copy

import pytest
import yaml
from pydantic import ValidationError

from pipeline.evaluation.restore import Restoration
from pipeline.files import write_json, write_text
from pipeline.methods.records import records
from pipeline.paths import data_root, model_folder, pretrained_folder
from pipeline.settings import Settings
from pipeline.training.experiment import Wanted, plan, wanted

PRESET = "sample"


@pytest.fixture(scope="module")
def values(root):
    found = yaml.safe_load((root / "params.yaml").read_text())
    return {name: block for name, block in found.items() if name not in ("lab", "paper")} | {
        "lab": found["sample"],
        "paper": found["sample"],
    }


@pytest.fixture(scope="module", autouse=True)
def gpu():
    """A machine with a GPU: there `auto`, `cpu` and `cuda` are two devices and not one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: True)
        patch.setattr("pipeline.evaluation.restore.device_name", lambda device: device)
        yield


@pytest.fixture(scope="module")
def stages(root):
    return yaml.safe_load((root / "dvc.yaml").read_text())["stages"]


def leaves(block, path=()):
    if not isinstance(block, dict):
        yield path
        return
    for key, value in block.items():
        yield from leaves(value, (*path, key))


def words(schema):
    """Every string that some setting takes."""
    if isinstance(schema, dict):
        yield from (word for word in schema.get("enum", []) if isinstance(word, str))
        for value in schema.values():
            yield from words(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from words(value)


WORDS = [*sorted(set(words(Settings.model_json_schema()))), "conv1_1", "conv2_1", "edsr", "esrgan", "plain", "wsum"]


def others(value):
    """Values that may stand in its place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value + 16, value + 64, 1]
    if isinstance(value, float):
        return [value / 2 + 0.25]
    if isinstance(value, list):
        return [value[:-1], *([*value, other] for other in (others(value[-1]) if value else WORDS))]
    return [*(word for word in WORDS if word != value), 2]


def with_another(values, path):
    """The settings with another value for one leaf; None where no other value can stand there alone."""
    changed = copy.deepcopy(values)
    block = changed
    for key in path[:-1]:
        block = block[key]
    for other in others(block[path[-1]]):
        block[path[-1]] = other
        try:
            return Settings.model_validate(changed)
        except ValidationError:
            continue
    return None


@pytest.fixture(scope="module")
def variants(values):
    found = {
        ".".join(path): with_another(values, path) for path in leaves(values) if path[0] not in ("lab", "paper")
    }
    fixed = {name for name, settings in found.items() if settings is None}
    tied = ("configurations.", "study.", "sample.datasets.", "sample.discriminator.kind")  # to other leaves
    assert all(name.startswith(tied) for name in fixed), fixed
    return {name: settings for name, settings in found.items() if settings is not None}


def covered(stage, variants, **item):
    """The leaves that DVC's params of a stage cover."""
    keys = []
    for key in stage["params"]:
        for name, value in {"preset": PRESET, **item}.items():
            key = key.replace(f"${{item.{name}}}", value)
        keys.append(key)
    return {leaf for leaf in variants if any(f"{leaf}.".startswith(f"{key}.") for key in keys)}


def trainings(settings):
    """The fingerprint of every training of the study."""
    return {chosen: plan(settings, PRESET, chosen)[-1].fingerprint for chosen in wanted(settings, PRESET)}


def training(row):
    return lambda settings: plan(settings, PRESET, Wanted("realsr", row, 1))[-1].fingerprint


def changing(read, values, variants):
    """The leaves that what is read depends on."""
    before = read(Settings.model_validate(values))
    return {leaf for leaf, settings in variants.items() if read(settings) != before}


def test_the_trainings_read_what_dvc_says(values, stages, variants):
    found = changing(trainings, values, variants)
    # A row that one table loses stays a row of the other, or of the comparison.
    assert found | {"ablation.table_5", "ablation.table_6"} == covered(stages["experiments"], variants)
    assert {"protocol.border", "sample.trunk.crop", "sample.objective.eta", "criteria.reading"} <= found
    assert not {"sample.run.checkpoint_every", "sample.run.processes", "sample.run.recompute"} & found


def test_the_trunk_reads_its_network_its_schedule_and_how_it_is_run(values, variants):
    found = changing(training("trunk"), values, variants)
    assert {"protocol.border", "sample.trunk.crop", "sample.run.threads", "sample.network.blocks"} <= found
    unread = ("sample.discriminator", "sample.objective", "sample.training", "sample.perceptual", "criteria")
    unread += (
        "configurations",
        "sample.network.branch_blocks",
        "sample.network.layout",
        "sample.network.mask_input",
    )
    assert not [leaf for leaf in found if leaf.startswith(unread)]


ABSENT = {  # what a training has no use for, where it lacks branches, a mask, L_align or L_unif
    "branches": {"sample.network.layout", "sample.network.branch_blocks", "criteria.terms_on"},
    "mask": {"sample.network.mask_input"},
    "align": {"sample.objective.align", "sample.objective.eta"},
    "unif": {"sample.objective.unif", "sample.objective.temperature", "criteria.halve_unif"},
}


@pytest.mark.parametrize("row", ["plain", "wsum", "align", "unif", "spatial", "anchor_adv", "full"])
def test_a_row_reads_none_of_the_settings_of_what_it_lacks(values, variants, row):
    chosen = values["configurations"][row]
    unread = {leaf for part, settings in ABSENT.items() if not chosen[part] for leaf in settings}
    unread |= set() if chosen["align"] or chosen["unif"] else {"criteria.reading"}
    every = changing(training("full"), values, variants)
    found = changing(training(row), values, variants)

    def without_own(leaves):
        return {leaf for leaf in leaves if not leaf.startswith("configurations.")}

    assert without_own(found) == without_own(every) - unread
    assert {leaf.split(".")[1] for leaf in found - without_own(found)} <= {row}


@pytest.fixture(scope="module", autouse=True)
def project(values, tmp_path_factory):
    """Models, packs and checkpoints, as far as a record or a plan looks at them: the current folder."""
    folder = tmp_path_factory.mktemp("project")
    with contextlib.chdir(folder):
        write_json(data_root(PRESET) / "weights/perceptual.json", {"sha256": "0"})
        for dataset in values["study"]["training_sets"]:
            write_json(data_root(PRESET) / "packs" / dataset / "index.json", {"hashes": {"pairs": dataset}})
            for name in values["configurations"]:
                for seed in range(1, 70):
                    model = model_folder(PRESET, dataset, name, seed)
                    about = {"run": f"{dataset}-{name}-s{seed}", "scale": 4, "network": {"kind": "rrdb"}}
                    write_json(model / "model.json", about)
                    write_text(model / "generator.safetensors", f"{dataset} {name} {seed}")
        for name in {rival["weights"] for rival in values["rivals"].values()} | set(WORDS):
            write_text(pretrained_folder(PRESET, name) / "weights.safetensors", name)
        yield


def restorations(settings, dataset):
    made = records(settings, PRESET, dataset)
    return [Restoration(dataset, record, None, data_root(PRESET), "images") for record in made]


def evaluation(datasets):
    """What is kept of an evaluation by a fingerprint, and how it is scored."""

    def read(settings):
        works = [
            (dataset, work.record.row.name, work.fingerprint, work.record.left_out)
            for dataset in datasets
            for work in restorations(settings, dataset)
        ]
        return works, settings.protocol

    return read


def test_an_evaluation_reads_what_dvc_says(values, stages, variants):
    found = changing(evaluation(values["study"]["sets"]), values, variants)
    by_dvc = covered(stages["evaluate"], variants)
    assert found <= by_dvc
    # DVC has these blocks whole: a title changes no image, nor does a row of Table V that is also one of Table VI.
    assert {leaf.partition(".")[0] for leaf in by_dvc - found} <= {"rivals", "ablation"}
    assert {"sample.restore.at_scale_1", "sample.run.device", "protocol.metrics", "sample.rivals"} <= found


def test_one_rows_settings_restore_no_other_rows_images(values, variants):
    """Interpolations read none; the scale-4 network on a scale-1 set alone reads how it is applied."""

    def restored(settings):
        works = restorations(settings, "camerasr")
        return {(work.record.row.name, work.record.seed): work.fingerprint for work in works}

    before = restored(Settings.model_validate(values))
    assert {("identity", None), ("full", 1), ("full", 2), ("real_esrgan", None)} <= before.keys()

    def again(leaf):
        return {name for (name, _), found in restored(variants[leaf]).items() if found not in before.values()}

    rivals = {"impressionism", "real_esrgan"}
    assert again("sample.restore.at_scale_1") == rivals
    assert again("sample.restore.overlap") == {"plain", "full"} | rivals
    assert again("rivals.real_esrgan.weights") == {"real_esrgan"}
    assert again("sample.objective.pix") == set()
