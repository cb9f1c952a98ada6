"""Where a result was made: told where it can be found out, None where not, never an error."""

import subprocess

import numpy as np
import pytest

from pipeline.environment import environment, git_state, gpu_count


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout with one commit of code.py and dvc.lock."""
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "someone@example.org")
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("code.py", "dvc.lock"):
        (folder / name).write_text("1\n")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run(["git", "-C", folder, *arguments], check=True)
    return folder


def test_the_commit_and_whether_the_code_differs_from_it(repository):
    head = (repository / ".git" / "HEAD").read_text().removeprefix("ref: ").strip()
    commit = (repository / ".git" / head).read_text().strip()
    assert git_state(repository) == {"commit": commit, "dirty": False}
    (repository / "code.py").write_text("2\n")
    assert git_state(repository)["dirty"] is True


def test_a_new_file_of_code_counts_and_results_do_not(repository):
    (repository / "dvc.lock").write_text("2\n")
    for folder in ("reports", "stages"):
        (repository / folder).mkdir()
    (repository / "stages" / "dvc.lock").write_text("1\n")
    (repository / "reports" / "table.csv").write_text("a\n")
    assert git_state(repository)["dirty"] is False
    (repository / "new.py").touch()
    assert git_state(repository)["dirty"] is True


def test_a_folder_inside_another_projects_repository_does_not_borrow_its_commit(repository):
    inner = repository / "archive"
    inner.mkdir()
    assert git_state(inner) == {"commit": None, "dirty": None}


def test_no_repository_and_no_git(tmp_path, repository, monkeypatch):
    assert git_state(tmp_path) == {"commit": None, "dirty": None}
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) == {"commit": None, "dirty": None}


def test_what_a_run_is_told_to_have_been_made_with(monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "train@sample-realsr-full")
    found = environment("cpu")
    assert found["dvc_stage"] == "train@sample-realsr-full"
    assert found["versions"]["numpy"] == np.__version__
    assert found["device"]["kind"] == "cpu"
    assert found["device"]["name"]


def test_gpus_are_counted_as_torch_counts_them():
    import torch

    assert (gpu_count() > 0) == torch.cuda.is_available()
