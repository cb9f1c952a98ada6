"""`python -m pipeline mos` says in words what is wrong, and leaves nothing behind."""

import shutil
import signal

import pytest
import requests

from pipeline.mos.study import read_study
from tests.mos.test_answers import answer

SMALL = ("--patches", "2", "--side", "64")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--methods", "full,,plain"), "--methods full,,plain: expected names with commas between"),
        (("--methods", "full,full"), "each once"),
        (("--methods", "cria"), "cria did not restore realsr_zero"),
        (("--side", "66"), "--side 66 is no multiple of the scale 4"),
        (("--dataset", "city100"), "there is no dataset 'city100'; known are realsr, ntire2020"),
        (("--preset", "huge"), "there is no preset 'huge'"),
        (("--dataset", "realsr"), "has no restored images. Run `dvc repro` to make them."),
        (("--import", "absent.jsonl"), "has no study that absent.jsonl could belong to"),
        (("--results", "--write", "out"), "give one of them"),
    ],
)
def test_a_wrong_option_is_named(mos, project, options, said):
    done = mos(*options)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.rglob("study.json"))


def test_a_port_in_use_is_named_with_another_to_take(mos, start):
    port = start().port
    done = mos("--port", str(port))
    assert done.returncode == 1
    assert (
        f"error: port {port} cannot be had (Address already in use). Name another: --port {port + 1}" in done.stderr
    )


def test_an_interrupted_server_ends_in_peace(start):
    server = start()
    assert requests.get(server.url, timeout=30).ok
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=30) == 0


def test_more_patches_than_there_is_room_for_are_said_not_made_up(mos, opinions):
    done = mos("--patches", "500", "--side", "64", "--write", "out")
    count = len(read_study(opinions).patches)
    assert 0 < count < 500
    assert f"{count} patches (500 were wanted; the images have room for no more) of 64 px" in done.stdout


def test_a_file_with_one_foreign_answer_is_refused_whole(mos, project, opinions):
    mos(*SMALL, "--write", "out")
    study = read_study(opinions)
    lines = [answer(score, list(study.key)[score], study=study.id) for score in range(3)]
    foreign = answer(1, study="another")
    (project / "mixed.jsonl").write_text("".join(f"{one.model_dump_json()}\n" for one in [*lines, foreign]))
    done = mos("--import", "mixed.jsonl")
    assert done.returncode == 1
    assert "mixed.jsonl, line 4: this answer belongs to another study" in done.stderr
    assert not list(opinions.glob("*.jsonl"))


def test_a_written_page_leaves_the_folders_other_files_alone(mos, project):
    (project / "out").mkdir()
    (project / "out" / "mine.txt").write_text("mine")
    assert mos(*SMALL, "--write", "out").returncode == 0
    assert (project / "out" / "mine.txt").read_text() == "mine"


def test_results_without_ratings_say_so(mos, runs):
    shutil.rmtree(runs / "restored")
    done = mos("--results")
    assert (done.returncode, done.stdout) == (0, "Nobody has rated realsr_zero at the preset sample yet.\n")
