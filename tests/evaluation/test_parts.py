"""Masked generators' images taken apart: in closed form, on untrained networks, and by the stage's command line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from pipeline import settings
from pipeline.datasets.images import read_rgb
from pipeline.errors import UserError
from pipeline.evaluation.kept_parts import KeptParts, groups, read_about, shown_images
from pipeline.evaluation.parts import square, take_apart
from pipeline.files import write_json
from pipeline.networks import build
from pipeline.networks.parts import Parts
from pipeline.settings import SCALES, Network
from tests.evaluation.project import CHECKOUT, PARAMS, contents, dataset, evaluated, refused, run

SIZE = Network(layout="paper", features=8, blocks=1, growth=4, branch_blocks=1)
RELEASED = SIZE.model_copy(update={"layout": "released"})


class Known(nn.Module):
    """At scale 1: I_align is the image, I_unif half of it, S the image's red."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def parts(self, lr):
        align, unif, mask = lr, lr / 2, lr[:, :1]
        return Parts(mask * align + (1 - mask) * unif, align, unif, mask)


def untrained(configuration, size, scale=4):
    """A network whose branches differ, about mid-grey, and whose mask is no constant: all its weights are drawn."""
    torch.manual_seed(0)
    network = build(PARAMS.configurations[configuration].network(size), scale).eval()
    for name, weight in network.named_parameters():
        weight.data.add_(0.05 * torch.randn_like(weight))
        if name.startswith("branch_") and name.endswith("output.bias"):
            weight.data.fill_(0.5)
    return network


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_known_parts_have_the_numbers_that_follow_from_them():
    lr = np.zeros((2, 4, 3), np.uint8)
    lr[:, 2:, 0] = 255  # red: S is 0 at the left and 1 at the right half
    apart = take_apart(Known(), lr, square(2, 4, 4, 0), 1)
    assert np.array_equal(apart.mask, np.tile(np.float32([0, 0, 1, 1]), (2, 1)))
    numbers = apart.numbers()
    assert (numbers.minimum, numbers.mean, numbers.maximum, numbers.deviation) == (0, 0.5, 1, 0.5)
    assert numbers.above_half == 0.5
    # Where there is red, one channel of three differs by half of 255.
    assert numbers.difference_max == pytest.approx(255 / 6)
    assert numbers.difference_mean == pytest.approx(255 / 12)
    assert numbers.mask_effect == pytest.approx(255 / 24)  # S is 0.5 off its mean everywhere
    assert numbers.out_of_range == 0
    assert numbers.residual == pytest.approx(0, abs=1e-4)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(0, 8))
def test_a_square_lies_in_the_middle_and_is_seen_with_its_margin(height, width, side, margin):
    where = square(height, width, side, margin)
    for span, length in ((where.rows, height), (where.columns, width)):
        assert span.end - span.first == min(side, length)
        assert abs(span.first - (length - span.end)) <= 1
        assert span.start == max(0, span.first - margin)
        assert span.start + span.size == min(length, span.end + margin)


def test_with_a_margin_as_wide_as_the_network_sees_the_square_is_that_of_the_whole_image():
    network, lr = untrained("full", SIZE, scale=1), image(70, 64)
    whole = take_apart(network, lr, square(70, 64, 70, 0), 1)
    part = take_apart(network, lr, square(70, 64, 8, 30), 1)
    inside = (slice(31, 39), slice(28, 36))
    for name in ("align", "unif", "sr", "mask"):
        assert getattr(part, name) == pytest.approx(getattr(whole, name)[inside], abs=1e-5)


@pytest.mark.parametrize("configuration", ["plain", "wsum"])
def test_a_generator_without_a_mask_is_refused(configuration):
    with pytest.raises(UserError, match="no mask to show"):
        take_apart(untrained(configuration, SIZE), image(8, 8), square(8, 8, 8, 0), 4)


def test_parts_of_the_released_layout_add_up_and_their_drawn_mask_is_a_share_of_channels():
    apart = take_apart(untrained("full", RELEASED), image(8, 8), square(8, 8, 8, 0), 4)
    assert not apart.spatial
    assert apart.align + apart.unif == pytest.approx(apart.sr, abs=1e-6)
    numbers = apart.numbers()
    assert 1 / RELEASED.features <= numbers.minimum < numbers.maximum <= 1
    assert numbers.mask_effect is None
    assert numbers.residual < 1e-3


def test_the_first_the_middle_and_the_last_by_name_are_shown():
    assert shown_images(["d", "b", "a", "c"]) == ["a", "b", "d"]
    assert shown_images(["b", "a"]) == ["a", "b"]
    assert shown_images(["a"]) == ["a"]


@pytest.fixture(scope="module")
def apart(tmp_path_factory):
    """A project with a tiny `full` and `plain` a training set, and its parts by the real command (read only)."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(CHECKOUT / "params.yaml", project)
    for name in PARAMS.study.training_sets:
        dataset(project, name, SCALES[name])
        for configuration in ("plain", "full"):
            folder = project / "runs/sample/models" / name / configuration / "seed1"
            network = untrained(configuration, SIZE, SCALES[name])
            about = {
                "run": f"{name}-{configuration}",
                "scale": SCALES[name],
                "network": PARAMS.configurations[configuration].network(SIZE),
            }
            write_json(folder / "model.json", about)
            save_file(network.state_dict(), folder / "generator.safetensors")
    done = run("parts", project)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return project


def test_the_stage_takes_apart_what_has_a_mask_and_leaves_out_what_has_none(apart):
    root = apart / "runs/sample"
    assert sorted(str(folder.relative_to(root)) for folder in root.glob("parts/*/*/*")) == sorted(
        f"parts/{name}/full/id{number}" for name in PARAMS.study.training_sets for number in (1, 2)
    )
    assert [configuration for _, configuration, _ in groups(root, PARAMS)] == ["full"] * 3
    about = read_about(root / "parts/camerasr/full/id2")
    assert (about.run, about.image, about.layout, about.scale) == ("camerasr-full", "id2", "paper", 1)
    assert about.square.whole


@pytest.mark.parametrize("name", PARAMS.study.training_sets)
def test_the_stored_parts_make_up_the_stored_image_by_equation_10(apart, name):
    for folder in (apart / "runs/sample/parts" / name / "full").iterdir():
        kept = KeptParts.read(folder)
        align, unif, mask = kept.align.astype(float), kept.unif.astype(float), kept.mask[..., None]
        inside = np.all([(values > 0) & (values < 255) for values in (align, unif, kept.sr)], axis=0)
        assert inside.mean() > 0.2
        off = np.abs(mask * align + (1 - mask) * unif - kept.sr)[inside]
        assert off.max() <= 1 + 1e-3  # each of the three is rounded by half a level at most
        assert kept.about.numbers.residual < 1e-3
        assert (mask.min(), mask.max()) == (kept.about.numbers.minimum, kept.about.numbers.maximum)
        assert np.abs(align - unif)[inside].max() > 2  # the branches do differ


def test_the_image_is_the_one_that_restore_makes(apart, tmp_path):
    root = Path(shutil.copytree(apart / "runs/sample", tmp_path / "runs/sample"))
    evaluated(root, ["full"])
    for number in (1, 2):
        made = read_rgb(root / f"parts/realsr/full/id{number}/sr.png")
        assert np.array_equal(made, read_rgb(root / f"restored/realsr/full/seed1/id{number}.png"))
        assert np.array_equal(
            read_rgb(root / f"parts/realsr/full/id{number}/hr.png"), read_rgb(root / f"raw/realsr/{number}_HR.png")
        )


def test_again_it_gives_the_same_bytes_and_a_missing_model_leaves_them(apart, tmp_path):
    project = shutil.copytree(apart, tmp_path / "project")
    before = contents(project / "runs/sample/parts")
    assert run("parts", project).returncode == 0
    assert contents(project / "runs/sample/parts") == before
    (project / "runs/sample/models/camerasr/full/seed1/generator.safetensors").unlink()
    refused(run("parts", project), "camerasr/full/seed1/generator.safetensors is missing", "dvc repro")
    assert contents(project / "runs/sample/parts") == before


def test_a_study_without_masks_has_no_parts(apart, tmp_path):
    project = shutil.copytree(apart, tmp_path / "project")
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("configurations: [plain, full]", "configurations: [plain]"))
    assert run("parts", project).returncode == 0
    assert contents(project / "runs/sample/parts") == {}
    assert list(groups(project / "runs/sample", settings.load(params))) == []


@pytest.mark.parametrize("text", ["{}", '{"square": {}, "numbers": {}}', json.dumps({"square": {"top": 1}})])
def test_numbers_of_another_kind_are_named(tmp_path, text):
    (tmp_path / "about.json").write_text(text)
    with pytest.raises(UserError, match=r"about\.json .*dvc repro"):
        read_about(tmp_path)


def test_a_damaged_map_is_named(apart, tmp_path):
    folder = shutil.copytree(apart / "runs/sample/parts/realsr/full/id1", tmp_path / "id1")
    (folder / "mask.npy").write_bytes((folder / "mask.npy").read_bytes()[:-9])
    with pytest.raises(UserError, match=r"mask\.npy cannot be read"):
        KeptParts.read(folder)
