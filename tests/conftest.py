"""What all tests share."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
BROWSER = ("/usr/bin/chromium", "/usr/bin/chromedriver")

# A deadline is an assertion of speed, and machines are busy.
settings.register_profile("study", deadline=None)
settings.load_profile("study")


def pytest_collection_modifyitems(items):
    """The graph first: it keeps one worker busy for minutes, and the other tests fill the other."""
    items.sort(key=lambda item: item.get_closest_marker("graph") is None)


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def mirror_root():
    """The folder with real data: CRIA_MIRROR, or shared/mirror beside the checkout."""
    folder = Path(os.environ.get("CRIA_MIRROR") or ROOT.parent / "shared" / "mirror")
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is missing (set CRIA_MIRROR to a folder that has it)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory):
    """No test writes to the checkout's MLflow store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}")
        yield


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The file of a store without runs: creating one takes seconds."""
    from pipeline.tracking import create_store

    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    create_store(f"sqlite:///{database}")
    return database


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """A client of this test's own store, which the code under test mirrors to."""
    from mlflow import MlflowClient

    database = Path(shutil.copy(empty_store, tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    return MlflowClient(tracking_uri=f"sqlite:///{database}")


@pytest.fixture
def start_browser(tmp_path):
    """Start headless Chromium as a kind of `tests.browsing.Browser` with a profile's name; all end with it."""
    missing = [program for program in BROWSER if not Path(program).exists()]
    if missing:
        pytest.skip(f"no browser: {', '.join(missing)} missing (apt-get install chromium chromium-driver)")
    opened = []

    def begin(kind, profile):
        opened.append(kind(tmp_path / f"profile-{profile}", tmp_path / "saved", *BROWSER))
        return opened[-1]

    yield begin
    for browser in opened:
        browser.close()


@pytest.fixture(autouse=True)
def one_thread():
    """Where torch is in use, one CPU thread: tests run beside each other."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)
