"""params.yaml: every kind of mistake gives one message that says where, what was expected, and an example."""

import json

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from pipeline import settings
from pipeline.__main__ import app
from pipeline.errors import UserError


@pytest.fixture
def changed(root, tmp_path):
    """A function that writes the shipped settings with the value at `key` written as `text`, or left out (None)."""

    def write(key, text):
        values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
        *above, name = key.split(".")
        block = values
        for part in above:
            block = block[part]
        if text is None:
            del block[name]
        else:
            block[name] = "TEXT"
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(values, sort_keys=False).replace("TEXT", text or ""), encoding="utf-8")
        return path

    return write


# The key, what is written as its value (None: the key is left out), and what the message must say of it.
MISTAKES = {
    "misspelt key": ("sample.training.iteratons", "80", [": unknown key; did you mean `iterations`?"]),
    "unknown key": ("protocol.zoom", "3", [": unknown key; known keys: border, metrics"]),
    "misspelt block": ("sample.objectiv", "{}", [": unknown key; did you mean `objective`?"]),
    "missing key": ("sample.objective.temperature", None, [": missing; for example 2.0"]),
    "missing block": ("sample.objective", None, [": missing"]),
    "negative learning rate": (
        "sample.training.learning_rate",
        "-2.0e-4",
        ["greater than 0", "(got -0.0002)", "for example 0.0001"],
    ),
    "NaN": ("sample.objective.pix", ".nan", ["finite number", "for example 0.01"]),
    "infinite": ("lab.objective.perc", ".inf", ["finite number", "for example 0.01"]),
    "text for a number": ("sample.network.blocks", "two", ["valid integer", "(got 'two')", "for example 16"]),
    "float for an integer": ("sample.network.blocks", "2.0", ["valid integer", "(got 2.0)"]),
    "switch for an integer": ("sample.network.blocks", "true", ["valid integer", "(got True)"]),
    "text for a switch": ("configurations.full.mask", "'true'", ["valid boolean", "(got 'true')"]),
    "number for a list": ("sample.training.halve_at", "60", ["(got 60)", "for example [50000, 100000]"]),
    "date for text": ("sample.label", "2026-01-01", ["valid string"]),
    "indivisible crop": ("sample.training.crop", "50", ["multiple of 16", "(got 50)", "for example 128"]),
    "unknown device": ("sample.run.device", "gpu", ["'auto', 'cpu' or 'cuda'", "(got 'gpu')"]),
    "unknown preset": ("presets", "[smaple]", ["'sample', 'lab' or 'paper'", "(got 'smaple')"]),
    "no preset": ("presets", "[]", ["at least 1"]),
    "unknown dataset": ("study.sets.calibration", "reelsr", ["'realsr'", "(got 'reelsr')"]),
    "unknown criterion": ("configurations.full.negatives", "[perc_tip]", ["'perc_top'", "(got 'perc_tip')"]),
    "criterion twice": ("configurations.full.negatives", "[perc_top, ssim]", ["ssim stands twice"]),
    "align alone": ("configurations.full.positives", None, ["`align: true` needs positives, e.g. [ssim, perc"]),
    "unif alone": ("configurations.full.negatives", None, ["`unif: true` needs negatives, e.g. [perc_top, adv]"]),
    "positives that nothing reads": (
        "configurations.spatial.positives",
        "[ssim]",
        ["nothing reads positives without `align: true`; leave it out"],
    ),
    "positives of a row with unif alone": (
        "configurations.unif.positives",
        "[ssim]",
        ["nothing reads positives without `align: true`"],
    ),
    "negatives that nothing reads": (
        "configurations.align.negatives",
        "[adv]",
        ["nothing reads negatives without `unif: true`; leave it out"],
    ),
    "anchor that nothing reads": (
        "configurations.plain.anchor",
        "adv",
        ["nothing reads anchor without `align: true` or `unif: true`; leave it out"],
    ),
    "the usual anchor where nothing reads it": ("configurations.wsum.anchor", "pix", ["nothing reads anchor"]),
    "partition of a term switched off": ("configurations.full.align", "false", ["nothing reads positives"]),
    "mask input of another layout": (
        "lab.network",
        "{layout: released, features: 8, blocks: 1, growth: 4, branch_blocks: 1, mask_input: lr_and_features}",
        ["`layout: released` has a mask network", "is for `layout: paper`"],
    ),
    "a trunk that starts": ("sample.trunk.start", "scratch", [": unknown key"]),
    "unknown start": ("lab.training.start", "pretrained", ["'trunk' or 'scratch'", "(got 'pretrained')"]),
    "a seed twice": ("lab.seeds", "[1, 2, 1]", ["1 stands twice", "for example [1, 2, 3]"]),
    "no branches": ("configurations.full.branches", "false", ["branches"]),
    "undescribed configuration": (
        "study.configurations",
        "[plain, fll]",
        ["study.configurations has fll; known"],
    ),
    "undescribed rival": ("lab.rivals", "[swinir]", ["lab.rivals has swinir; known are edsr, esrgan"]),
    "rival twice": ("sample.rivals", "[esrgan, esrgan]", ["esrgan stands twice"]),
    "rival of weights that are not registered": ("rivals.esrgan.weights", "esgran", ["(got 'esgran')"]),
    "rival with another method's name": (
        "rivals.full",
        "{title: T, file: checkpoints/a.pth}",
        ["rivals has full, the name of another method"],
    ),
    "rival from nowhere": (
        "rivals.real_esrgan.weights",
        None,
        ["one of `weights`", "and `file` (checkpoints/...)"],
    ),
    "rival from two places": ("rivals.real_esrgan.file", "checkpoints/a.pth", ["one of `weights`"]),
    "rival outside its folder": (
        "rivals.real_esrgan.file",
        "/tmp/a.pth",
        ["match pattern", "(got '/tmp/a.pth')", 'for example "checkpoints/swinir.safetensors"'],
    ),
    "rival with a path for a name": ("rivals", "{a/b: {title: T, weights: niqe}}", ["match pattern"]),
    "misspelt key of a rival": ("rivals.real_esrgan.titel", "T", [": unknown key; did you mean `title`?"]),
    "rival of another scale": ("rivals.real_esrgan.scale", "2", ["1 or 4", "(got 2)"]),
    "unknown way to scale 1": ("lab.restore.at_scale_1", "resize", ["'enlarge_then_reduce' or 'skip'"]),
    "tile inside its overlap": ("lab.restore.tile", "32", ["a tile of 32 px keeps nothing"]),
    "a training set without rows of its own": (
        "study.sets",
        "{realsr: realsr, ntire2020: realsr, camerasr: camerasr, realsr_zero: ntire2020, calibration: null}",
        ["sets must have ntire2020: ntire2020, as realsr_zero names it"],
    ),
    "a training set of another scale": (
        "study.sets",
        "{realsr: realsr, ntire2020: ntire2020, camerasr: camerasr, realsr_zero: ntire2020, calibration: camerasr}",
        ["sets has calibration: camerasr, a dataset at scale 4 and a training set at scale 1"],
    ),
    "training sets that sets does not name": (
        "study.training_sets",
        "[realsr, ntire2020]",
        ["training_sets must be those that sets names: realsr, ntire2020, camerasr"],
    ),
    "dataset not in the preset": ("sample.datasets.realsr", None, ["sample.datasets lacks realsr"]),
    "unknown collection": (
        "lab.datasets.realsr_zero.parts",
        "[{collection: realsrzet, part: all, roles: {test: rest}}]",
        [".0.collection: unknown collection; known are 'realsr'", "(got 'realsrzet')"],
    ),
    "two rests": (
        "lab.datasets.camerasr.parts",
        "[{collection: camerasr, part: iphonex, roles: {test: rest, train: rest}}]",
        [".0: only one role can have the rest of the images, e.g. {train: rest, validation: 10}"],
    ),
    "part without roles": (
        "lab.datasets.camerasr.parts",
        "[{collection: camerasr, part: iphonex, roles: {}}]",
        [".0.roles: ", "at least 1", 'for example {"train": "rest", "validation": 10}'],
    ),
    "part twice": (
        "lab.datasets.realsr_zero.parts",
        "[&all {collection: realsrset, part: all, roles: {test: 2}}, *all]",
        ["a part of a collection stands twice"],
    ),
    "no test images": (
        "lab.datasets.camerasr.parts",
        "[{collection: camerasr, part: iphonex, roles: {train: rest}}]",
        ["no part has the role test"],
    ),
    "clean images without a recipe": (
        "lab.datasets.ntire2020.recipe",
        None,
        ["source and target images need a `recipe`"],
    ),
    "stand-in of the rest": (
        "sample.datasets.realsr_zero.parts",
        "[{collection: realsr_zero, part: all, roles: {test: rest}}]",
        ["a stand-in needs a number of images for every role"],
    ),
    "share of real pairs alone": (
        "lab.datasets.camerasr.real_share",
        "0.5",
        ["real_share has no effect without both real pairs", "leave it out"],
    ),
    "share of real pairs that are not there": (
        "lab.datasets.ntire2020.real_share",
        "0.5",
        ["real_share has no effect without both real pairs", "leave it out"],
    ),
    "share beside a role of no image": (
        "paper.datasets.camerasr",
        """
        parts:
          - {collection: camerasr, part: iphonex, roles: {test: 20, train: rest, validation: 10}}
          - {collection: div2k, part: train, roles: {target: 0}}
        recipe: {kind: second_order}
        real_share: 0.5""",
        ["real_share has no effect"],
    ),
    "share that is no share": ("paper.datasets.camerasr.real_share", "1.0", ["less than 1", "for example 0.5"]),
    "recipe without its pool": (
        "lab.datasets.ntire2020.recipe",
        "{kind: kernels, noise_patch: 128, noise_variance: 20.0}",
        ["`kind: kernels` needs kernel_images"],
    ),
    "recipe with another's pool": (
        "lab.datasets.ntire2020.recipe",
        "{kind: second_order, noise_patch: 128}",
        ["`kind: second_order` has no use for noise_patch"],
    ),
    "kernels at scale 1": (
        "paper.datasets.camerasr.recipe",
        "{kind: kernels, noise_patch: 16, noise_variance: 20.0, kernel_images: 1, kernel_iterations: 9}",
        ["camerasr is at scale 1", "noise or second_order"],
    ),
    "text in YAML 1.1": (
        "sample.training.learning_rate",
        "2e-4",
        ["YAML 1.1 reads '2e-4'", "Write numbers as 1."],
    ),
    "text in YAML 1.2": ("configurations.full.mask", "yes", ["YAML 1.2 reads 'yes', YAML 1.1 reads True"]),
    "octal": ("protocol.border", "010", ["YAML 1.2 reads 10, YAML 1.1 reads 8"]),
}
ABOVE = {
    "align alone",
    "unif alone",
    "criterion twice",
    "no branches",
    "positives that nothing reads",
    "positives of a row with unif alone",
    "negatives that nothing reads",
    "anchor that nothing reads",
    "the usual anchor where nothing reads it",
    "partition of a term switched off",
    "no test images",
    "part twice",
    "stand-in of the rest",
    "clean images without a recipe",
    "rival from nowhere",
    "rival from two places",
    "a training set without rows of its own",
    "a training set of another scale",
    "training sets that sets does not name",
    "tile inside its overlap",
    "share of real pairs alone",
    "share of real pairs that are not there",
}
"""Mistakes between several keys: the message names their block."""
WHOLE = {
    "kernels at scale 1",
    "undescribed configuration",
    "dataset not in the preset",
    "undescribed rival",
    "rival with another method's name",
}
"""Mistakes between blocks: the text itself names the keys."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_what_was_expected(changed, mistake):
    key, text, parts = MISTAKES[mistake]
    path = changed(key, text)
    with pytest.raises(UserError) as raised:
        settings.load(path)
    message = str(raised.value)
    place = "" if mistake in WHOLE else key.rpartition(".")[0] if mistake in ABOVE else key
    assert len(message.splitlines()) == 1
    assert message.startswith(f"{path}: {place}")
    for part in parts:
        assert part in message


@pytest.mark.parametrize("text", ["{a: [1", "{a: 1, a: 2}"], ids=["open bracket", "key twice"])
def test_broken_yaml_is_answered_with_its_line(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"is not valid YAML: [\s\S]*line 1"):
        settings.load(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "dictionary"), (b"[1, 2]", "dictionary"), (b"\xff\xfe\x00", "not UTF-8"), (None, "is missing")],
    ids=["empty", "a list", "not text", "no file"],
)
def test_a_file_that_holds_no_settings(tmp_path, content, expected):
    path = tmp_path / "params.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=expected):
        settings.load(path)


def test_the_switches_of_what_the_text_leaves_open_have_the_shipped_values_by_default(root):
    shipped = settings.load(root / "params.yaml")
    assert shipped.criteria == settings.Criteria()
    for preset in (shipped.sample, shipped.lab, shipped.paper):
        assert preset.training.start == settings.Training.model_fields["start"].default == "trunk"
        assert preset.network.mask_input == settings.Network.model_fields["mask_input"].default == "lr"


def test_unknown_names_are_answered_with_the_known_ones(root):
    loaded = settings.load(root / "params.yaml")
    with pytest.raises(UserError, match=r"there is no preset 'criteria'; params\.yaml has sample"):
        loaded.preset("criteria")
    with pytest.raises(UserError, match=r"no configuration 'best'; params\.yaml has plain"):
        loaded.configuration("best")


def test_dvc_and_snakemake_read_the_same_values(root):
    from dvc.utils.serialize import parse_yaml
    from snakemake.common.configfile import load_configfile

    path = root / "params.yaml"
    by_dvc = parse_yaml(path.read_text(encoding="utf-8"), path)
    by_snakemake = load_configfile(str(path))
    # JSON tells 1 from 1.0 and true, which == does not.
    assert json.dumps(by_dvc, sort_keys=True) == json.dumps(by_snakemake, sort_keys=True)


def test_the_schema_is_in_step_with_the_models(root):
    assert (root / settings.SCHEMA).read_text(encoding="utf-8") == settings.schema(), (
        "params.schema.json is behind pipeline/settings. Run: python -m pipeline schema"
    )


def test_the_schema_takes_the_shipped_file_and_refuses_a_misspelt_key(root):
    schema = json.loads(settings.schema())
    values = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(values, schema)
    values["sample"]["objective"]["pxi"] = 1.0
    with pytest.raises(jsonschema.ValidationError, match="pxi"):
        jsonschema.validate(values, schema)


def test_the_schema_command_writes_the_schema(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["schema"]).exit_code == 0
    assert (tmp_path / settings.SCHEMA).read_text(encoding="utf-8") == settings.schema()
