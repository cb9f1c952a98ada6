"""`python -m pipeline upscale` as a person types it."""

import re
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors.torch import save_file

from pipeline.methods.classical import METHODS
from pipeline.methods.trained import super_resolve
from pipeline.networks import load_generator
from pipeline.networks.rrdb import RRDBNet
from tests.conftest import ROOT
from tests.upscale.conftest import Project, picture


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A project of which tests only read; a model at the sets of scale 4 and 1."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.model()
    project.model("camerasr", 1)
    project.photo("photo.png")
    return project


def test_a_photo_goes_through_the_trained_full_and_lies_beside_itself(project):
    folder = project.model()
    photo = project.photo("photo.jpg")
    done = project.upscale("photo.jpg")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "photo_full.png\n"
    assert "runs/sample/models/ntire2020/full/seed1 (ntire2020-full-s1), x4" in done.stderr
    assert "photo.jpg: 1/1" in done.stderr
    expected = super_resolve(load_generator(folder)[0], np.asarray(Image.open(photo)))
    result = np.asarray(Image.open(project.folder / "photo_full.png"))
    assert np.abs(result.astype(int) - expected).max() <= 1
    assert {path.name for path in project.files()} >= {"photo_full.png"}
    assert not [path for path in project.files() if ".partial" in path.name]


def test_a_model_of_scale_one_keeps_the_size_and_a_folder_of_a_model_is_a_method(shared, tmp_path):
    folder = "runs/sample/models/camerasr/full/seed1"
    for number, method in enumerate((["--data", "camerasr"], ["--method", folder])):
        done = shared.here("photo.png", tmp_path / f"{number}.png", *method)
        assert done.exit_code == 0, done.stderr
    one, two = (Image.open(tmp_path / f"{number}.png") for number in (0, 1))
    assert one.size == (24, 18)
    assert one == two


def test_a_result_is_named_by_its_training_also_where_the_method_is_its_file(project):
    folder = project.model().relative_to(project.folder)
    project.photo("photo.png")
    for path in (folder / "generator.safetensors", folder):
        assert project.here("photo.png", "--method", path, "--force").stdout == "photo_full.png\n"


def test_a_checkpoint_is_a_method(project):
    torch.manual_seed(0)
    network = RRDBNet(8, 1, 4, 4).eval()
    save_file(network.state_dict(), project.folder / "mine.safetensors")
    photo = project.photo("photo.png")
    done = project.here("photo.png", "--method", "mine.safetensors", "--format", "png")
    assert done.exit_code == 0, done.stderr
    assert "mine.safetensors (ESRGAN, mine.safetensors), x4" in done.stderr
    expected = super_resolve(network, np.asarray(Image.open(photo)))
    result = np.asarray(Image.open(project.folder / "photo_mine.png"))
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_a_rival_is_taken_from_where_the_graph_puts_it(project):
    place = project.folder / "runs/sample/pretrained/real_esrgan/weights.safetensors"
    place.parent.mkdir(parents=True)
    save_file(RRDBNet(8, 1, 4, 4).state_dict(), place)
    project.photo("photo.png")
    done = project.here("photo.png", "--method", "real_esrgan")
    assert done.exit_code == 0, done.stderr
    assert "Real-ESRGAN (ESRGAN, runs/sample/pretrained/real_esrgan/weights.safetensors), x4" in done.stderr
    assert Image.open(project.folder / "photo_real_esrgan.png").size == (96, 72)


def test_the_largest_enabled_preset_that_has_a_model_gives_it(project):
    project.model(preset="sample")
    project.model(preset="lab")
    project.photo("photo.png")
    assert "runs/sample/models" in project.here("photo.png").stderr
    params = project.folder / "params.yaml"
    params.write_text(params.read_text().replace("presets: [sample]", "presets: [sample, lab, paper]"))
    assert "runs/lab/models" in project.here("photo.png", "--force").stderr
    assert "runs/sample/models" in project.here("photo.png", "--force", "--preset", "sample").stderr


def folder_of_photos(project):
    """Two photos, a broken one, a text that calls itself a photo, and what is no photo by its name."""
    project.photo("photos/a.jpg")
    project.photo("photos/c.png", picture(20, 16, "LA"))
    broken = project.photo("photos/b.jpg", picture(64, 48))
    broken.write_bytes(broken.read_bytes()[:-400])
    (project.folder / "photos/d.png").write_text("hello")
    (project.folder / "photos/notes.txt").write_text("hello")
    project.photo("photos/.hidden.png")
    project.photo("photos/inside/e.png")


def test_in_a_folder_what_cannot_be_read_is_named_and_the_others_go_on(project):
    folder_of_photos(project)
    done = project.upscale("photos", "large", "--method", "bicubic")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["large/a.png", "large/c.png"]
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "photos/b.jpg: cannot be decoded" in errors[0]
    assert "photos/d.png: no picture that is known" in errors[1]
    assert errors[2] == "error: 2 of 4 photos were not upscaled, for the reasons above"
    assert sorted(path.name for path in (project.folder / "large").iterdir()) == ["a.png", "c.png"]
    expected = METHODS["bicubic"](4)([np.asarray(Image.open(project.folder / "photos/a.jpg"))])
    assert np.array_equal(np.asarray(Image.open(project.folder / "large/a.png")), expected[0])
    assert Image.open(project.folder / "large/c.png").mode == "LA"


def test_what_exists_stays_unless_forced(project):
    project.photo("photos/a.png")
    project.photo("photos/b.png")
    there = project.folder / "photos_bicubic/a.png"
    there.parent.mkdir()
    there.write_text("mine")
    done = project.here("photos", "--method", "bicubic")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "photos_bicubic/b.png\n"
    assert "note: 1 of 2 exist already and stay; --force replaces them" in done.stderr
    assert there.read_text() == "mine"
    assert "photos_bicubic/a.png exists. Give --force" in project.refused(
        "photos/a.png", "photos_bicubic", "--method", "bicubic"
    )
    assert project.here("photos", "--method", "bicubic", "--force").stdout.count("\n") == 2
    assert Image.open(there).size == (96, 72)


def test_a_jpg_has_the_quality_that_was_asked_for(project):
    project.photo("photo.png", picture(60, 40))
    sizes = []
    for quality in (30, 95):
        done = project.here("photo.png", "--method", "bicubic", "--format", "jpg", "--quality", quality, "--force")
        assert done.exit_code == 0, done.stderr
        sizes.append((project.folder / "photo_bicubic.jpg").stat().st_size)
    assert Image.open(project.folder / "photo_bicubic.jpg").format == "JPEG"
    assert sizes[0] < sizes[1]


def test_a_turned_photo_comes_out_upright(project):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    project.photo("photo.jpg", picture(24, 18), exif=exif)
    assert project.here("photo.jpg", "large.jpg", "--method", "lanczos").exit_code == 0
    result = Image.open(project.folder / "large.jpg")
    assert result.size == (72, 96)
    assert result.getexif()[ExifTags.Base.Orientation] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nix.png"], "nix.png: there is no such file or folder"),
        (["photo.png", "x.webp"], "x.webp: a name that ends with .png, .jpg, .jpeg, or a folder"),
        (["photo.png", "x.png", "--format", "jpg"], "does not end as --format jpg says"),
        (["photo.png", "photo.png", "--force"], "photo.png is the photo itself"),
        (["runs"], "runs: no photo in it"),
        (["photo.png", "--tile", "64"], "--tile 64 keeps nothing inside an overlap of 32 px a side"),
        (
            ["photo.png", "--method", "best"],
            "there is no method 'best'; known are bicubic, bicubic_matlab, lanczos",
        ),
        (["photo.png", "--preset", "huge"], "there is no preset 'huge'"),
        (["photo.png", "--data", "div2k"], "--data div2k: nothing is trained on it; the training sets are realsr"),
        (
            ["photo.png", "--data", "realsr"],
            "`snakemake --config preset=sample -- realsr_full_seed1` trains it. Or name what there is",
        ),
        (
            ["photo.png", "--data", "realsr"],
            "--method bicubic; bicubic_matlab; lanczos; full --data camerasr --preset sample; full",
        ),
        (["photo.png", "--preset", "lab"], "`snakemake --config preset=lab -- ntire2020_full_seed1` trains it"),
        (["photo.png", "--method", "align"], "-- ntire2020_align_seed1` trains it"),
        (["photo.png", "--method", "align", "--data", "realsr"], "Nothing in the study trains it on realsr."),
        (
            ["photo.png", "--method", "real_esrgan"],
            "`python -m stages.weights --preset sample --name real_esrgan` gets it",
        ),
        (["photo.png", "--method", "x.pth"], "x.pth is missing. Name a checkpoint"),
        (["photo.png", "--method", "runs"], "runs: no generator.safetensors with a model.json in it"),
        (["photo.png", "--method", "photo.pth"], "photo.pth: not a checkpoint of tensors alone"),
        (["photo.png", "/proc/x.png", "--method", "bicubic"], "/proc/x.png: cannot be written"),
        (["photo.png", "photo.pth/x.png", "--method", "bicubic"], "photo.pth/x.png: cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(shared, arguments, said):
    (shared.folder / "photo.pth").write_text("hello")
    assert said in shared.refused(*arguments)


def test_cuda_without_a_gpu_is_one_line(shared, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--device is cuda, but torch finds no CUDA GPU" in shared.refused("photo.png", "--device", "cuda")


def test_a_mistake_shows_no_traceback(shared):
    done = shared.upscale("photo.png", "--method", "best")
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"error: there is no method 'best'.*\n", done.stderr)


def test_a_broken_model_is_one_line(project):
    project.photo("photo.png")
    weights = project.model() / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert "generator.safetensors does not fit" in project.refused("photo.png")
    (weights.parent / "model.json").write_text("[]")
    assert "has no `run`, `scale` and `network`" in project.refused("photo.png")


def test_photos_that_would_become_one_file_are_named(project):
    project.photo("photos/a.jpg")
    project.photo("photos/a.png")
    done = project.here("photos", "--method", "bicubic")
    assert done.exit_code == 1
    assert done.stdout == "photos_bicubic/a.png\n"
    assert "error: photos/a.png: would become a.png, as a.jpg does" in done.stderr


def test_the_folder_of_the_photos_is_no_place_for_the_results(project):
    project.photo("photos/a.jpg")
    assert "photos is the folder of the photos itself" in project.refused("photos", "photos", "--force")
    assert "photos/a.jpg is a file, and photos is a folder" in project.refused("photos", "photos/a.jpg")


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_full_disk_is_one_line_and_leaves_nothing(project, kind):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    project.photo("photo.png", Image.fromarray(noise))
    before = project.files()
    limit = 20000  # bytes of a file: what stands in for the disk

    def short_of_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = project.upscale("photo.png", "--method", "bicubic", "--format", kind, preexec_fn=short_of_room)
    assert done.returncode == 1
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert f"photo_bicubic.{kind}: cannot be written (" in error
    assert "Traceback" not in done.stderr
    assert project.files() == before


PEAK = """
import re, sys
from pathlib import Path
from pipeline.__main__ import app
try:
    app()
finally:
    sys.stderr.write("peak " + re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak_bytes(project, photo):
    """The most memory that the command held at once. (`ru_maxrss` would begin with that of the tests' process.)"""
    command = [sys.executable, "-c", PEAK, "upscale", photo, "--method", "bicubic"]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": ""}
    done = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return 1024 * int(done.stderr.split("peak ")[1])


def test_memory_grows_by_the_picture_that_is_written_and_by_no_copy_of_it(project):
    small, large = (320, 320), (1600, 1200)
    for name, size in (("small.png", small), ("large.png", large)):
        Image.new("RGB", size, (90, 120, 30)).save(project.folder / name)
    grown = peak_bytes(project, "large.png") - peak_bytes(project, "small.png")
    pixels = 16 * (large[0] * large[1] - small[0] * small[1])
    # Pillow's 4 bytes a pixel and the photo's own; a uint8 copy would make 7, a float copy 16.
    assert 3.5 * pixels < grown < 5.5 * pixels


def test_a_run_that_is_killed_leaves_no_half_file_and_the_next_clears_up(project):
    project.photo("photo.png", picture(400, 300))
    leftover = project.folder / ".photo_bicubic.png.999999999-00000000.partial"
    leftover.write_bytes(b"half")
    assert project.here("photo.png", "--method", "bicubic").exit_code == 0
    assert not leftover.exists()
