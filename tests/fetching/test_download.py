"""Downloading from servers that misbehave: the right bytes, or every reason by name; never something in between."""

import hashlib
import io
import os
import random
import subprocess
import sys
import time
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from pipeline.datasets.registry import Archive
from pipeline.errors import UserError
from pipeline.fetching import download as module
from pipeline.fetching.download import UnavailableError, download
from tests.fetching.server import (
    Asked,
    Server,
    announcing,
    attached,
    cut,
    flipped,
    page,
    stall,
    status,
    whole,
    without_ranges,
)

PIECE = 512 * 1024
"""What arrives is kept in pieces of so many bytes."""

QUOTA = """<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head><body>
<p class="uc-error-caption">Sorry, you can't view or download this file at this time.</p>
<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.</p></body></html>"""


@pytest.fixture
def server():
    with Server() as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "WAITS", (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def content():
    """A zip of 2 MB that is not compressed, which arrives in several pieces."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("images/noise.bin", random.Random(1).randbytes(2_000_000))
    return stream.getvalue()


def pinned(content, *urls, name="set.zip", kind="sha256"):
    digest = {
        "sha256": lambda: hashlib.sha256(content),
        "md5": lambda: hashlib.md5(content),
        "git-blob": lambda: hashlib.sha1(b"blob %d\0" % len(content) + content),
    }[kind]().hexdigest()
    return Archive(name=name, bytes=len(content), checksum=f"{kind}:{digest}", urls=urls)


def unpinned(*urls, name="set.zip"):
    return Archive(name=name, bytes=None, checksum=None, urls=urls)


def visible(folder):
    """What lies in the folder but for locks."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def reasons(caught):
    return [failure.reason for failure in caught.value.failures]


@pytest.mark.parametrize("kind", ["sha256", "md5", "git-blob"])
def test_a_file_is_fetched_checked_and_not_fetched_again(server, tmp_path, content, kind):
    file = pinned(content, server.serve("a/set (1).zip", content).replace(" ", "%20"), kind=kind)
    fetched = download([file], {}, tmp_path)
    assert fetched.path == tmp_path / "set.zip"
    assert fetched.path.read_bytes() == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert visible(tmp_path) == ["set.zip"]
    server.asked.clear()
    assert download([file], {}, tmp_path).path == fetched.path
    assert server.asked == []


def test_git_blob_is_what_git_says(tmp_path, content):
    path = tmp_path / "set.zip"
    path.write_bytes(content)
    blob = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True, check=True)
    assert pinned(content, kind="git-blob").checksum == f"git-blob:{blob.stdout.strip()}"


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path, content):
    url = server.serve("set.zip", content, cut(1_200_000), whole)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert server.asked[-1] == Asked("set.zip", 2 * PIECE)


def test_a_download_is_resumed_by_the_next_process_after_a_kill(server, tmp_path, content):
    url = server.serve("set.zip", content, stall(1_200_000), whole)
    code = (
        "import sys; from pathlib import Path; from pipeline.fetching.download import download; "
        "from pipeline.datasets.registry import Archive; "
        "download([Archive(name='set.zip', bytes=None, checksum=None, urls=[sys.argv[1]])], {}, Path(sys.argv[2]))"
    )
    root = Path(module.__file__).parents[2]
    victim = subprocess.Popen(
        [sys.executable, "-c", code, url, str(tmp_path)], env=os.environ | {"PYTHONPATH": str(root)}
    )
    try:
        assert server.stalled.wait(60)
        while victim.poll() is None and sum(path.stat().st_size for path in tmp_path.glob("*.part")) < 2 * PIECE:
            time.sleep(0.01)
    finally:
        victim.kill()
        victim.wait()
    assert not (tmp_path / "set.zip").exists()
    server.asked.clear()
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert server.asked[-1] == Asked("set.zip", 2 * PIECE)
    assert visible(tmp_path) == ["set.zip"]


def test_a_server_that_knows_no_ranges_is_asked_for_all_of_it(server, tmp_path, content):
    url = server.serve("set.zip", content, cut(1_200_000), without_ranges)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert visible(tmp_path) == ["set.zip"]


def test_the_beginning_of_a_file_that_has_changed_since_is_not_kept(server, tmp_path, content, monkeypatch):
    monkeypatch.setattr(module, "WAITS", ())
    url = server.serve("set.zip", content[::-1], cut(1_200_000))
    with pytest.raises(UnavailableError):
        download([pinned(content, url)], {}, tmp_path)
    monkeypatch.setattr(module, "WAITS", (0.0,))
    server.serve("set.zip", content)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content


def test_what_was_pieced_together_wrongly_is_fetched_once_more_from_scratch(server, tmp_path, content):
    (tmp_path / "set.zip.incoming12345678.part").write_bytes(b"rubbish" * 1000)
    url = server.serve("set.zip", content)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert [asked.offset for asked in server.asked] == [None, 7000, None]
    assert visible(tmp_path) == ["set.zip"]


def test_a_partial_file_that_is_all_there_is_taken(server, tmp_path, content):
    (tmp_path / "set.zip.incoming12345678.part").write_bytes(content)
    url = server.serve("set.zip", content)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert [asked.offset for asked in server.asked] == [None, len(content)]
    assert visible(tmp_path) == ["set.zip"]


def test_a_server_in_trouble_is_asked_again_and_one_that_refuses_is_not(server, tmp_path, content):
    good = server.serve("good.zip", content, status(503), status(500), whole)
    assert download([pinned(content, good)], {}, tmp_path).path.read_bytes() == content
    assert len(server.asked) == 3
    server.asked.clear()
    gone = server.serve("gone.zip", content, status(404))
    with pytest.raises(UnavailableError) as caught:
        download([pinned(content, gone, name="other.zip")], {}, tmp_path)
    assert reasons(caught) == ["the server does not give it (HTTP 404)"]
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(404), r"the server does not give it \(HTTP 404\)"),
        (status(500), r"the server has trouble \(HTTP 500\)"),
        (page("<html><body>maintenance</body></html>"), "it is a web page instead of the file"),
        (page(QUOTA), "it is Google Drive's page on an exceeded quota instead of the file"),
        (flipped, "wrong sha256: found [0-9a-f]{64}, published is [0-9a-f]{64}"),
        (announcing(1000), "it has 1000 bytes, the published file has 2000"),
        (
            announcing(3_000_000),
            "the server sent other bytes than it was asked for|Download is incomplete: received",
        ),
        (cut(0), "Download is incomplete: received 0 bytes"),
    ],
)
def test_a_bad_source_is_named_with_its_fault_and_the_next_one_is_used(server, tmp_path, content, fault, reason):
    bad, good = server.serve("bad/set.zip", content, fault), server.serve("good/set.zip", content)
    with pytest.raises(UnavailableError, match=reason) as caught:
        download([pinned(content, bad)], {}, tmp_path)
    assert [failure.origin for failure in caught.value.failures] == [bad]
    assert "set.zip" not in visible(tmp_path)
    fetched = download([pinned(content, bad, good)], {}, tmp_path)
    assert (fetched.origin, fetched.path.read_bytes()) == (good, content)
    assert visible(tmp_path) == ["set.zip"]


def test_a_server_that_falls_silent_is_given_up_and_asked_for_the_rest(server, tmp_path, content, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", (5.0, 0.3))
    url = server.serve("set.zip", content, stall(1_200_000), whole)
    assert download([pinned(content, url)], {}, tmp_path).path.read_bytes() == content
    assert server.asked[-1] == Asked("set.zip", 2 * PIECE)


def test_of_two_that_want_one_file_the_second_finds_it_done(server, tmp_path, content):
    file = pinned(content, server.serve("set.zip", content))
    with ThreadPoolExecutor(4) as pool:
        paths = {fetched.path for fetched in pool.map(lambda _: download([file], {}, tmp_path), range(4))}
    assert paths == {tmp_path / "set.zip"}
    assert len(server.asked) == 1


def test_a_dead_server_is_named(tmp_path, content):
    with Server() as gone:
        url = f"{gone.root}/set.zip"
    with pytest.raises(UnavailableError) as caught:
        download([pinned(content, url)], {}, tmp_path)
    assert reasons(caught) == ["no connection, or it broke (ConnectionError)"]


@pytest.mark.parametrize("fault", [announcing(100_000), flipped])
def test_without_published_checksum_an_archive_is_held_against_its_own(server, tmp_path, content, fault):
    with pytest.raises(UnavailableError, match="truncated or broken"):
        download([unpinned(server.serve("set.zip", content, fault))], {}, tmp_path)
    assert visible(tmp_path) == []
    assert download([unpinned(server.serve("set.zip", content))], {}, tmp_path).path.read_bytes() == content


@pytest.mark.parametrize("name", ["set.tar.gz", "set.zip", "set.tar", "image.png"])
def test_the_name_tells_which_kind_of_file_is_expected(server, tmp_path, name):
    text = b"neither an archive nor an image" * 20
    with pytest.raises(UnavailableError, match=r"it is not a (gzip|zip|tar|PNG)"):
        download([pinned(text, server.serve(name, text), name=name)], {}, tmp_path)


def test_the_mirror_is_tried_first_and_the_official_place_after_it(server, tmp_path, content):
    official, mirror = server.serve("official/set.zip", content), server.serve("mirror/set.zip", content)
    assert download([pinned(content, official)], {"set.zip": mirror}, tmp_path / "1").origin == mirror
    assert download([pinned(content, official)], {"set.zip": f"{mirror}.gone"}, tmp_path / "2").origin == official


@pytest.mark.parametrize("as_url", [False, True])
def test_a_file_in_a_local_mirror_is_used_where_it_lies(tmp_path, content, as_url):
    mirror = tmp_path / "a mirror" / "set.zip"
    mirror.parent.mkdir()
    mirror.write_bytes(content)
    origin = mirror.as_uri() if as_url else str(mirror)
    fetched = download([pinned(content)], {"set.zip": origin}, tmp_path / "downloads")
    assert fetched.path == mirror
    assert not (tmp_path / "downloads").exists()


def test_a_wrong_file_put_there_by_hand_is_named_and_left_alone_until_a_right_one_is_found(
    server, tmp_path, content
):
    (tmp_path / "set.zip").write_bytes(content[:-1])
    with pytest.raises(UnavailableError) as caught:
        download([pinned(content)], {}, tmp_path)
    assert reasons(caught) == [f"it has {len(content) - 1} bytes, the published file has {len(content)}"]
    assert (tmp_path / "set.zip").stat().st_size == len(content) - 1
    assert download([pinned(content, server.serve("set.zip", content))], {}, tmp_path).path.read_bytes() == content


def test_an_alternative_that_is_at_hand_goes_before_any_download(server, tmp_path, content):
    (tmp_path / "other.zip").write_bytes(content)
    first = pinned(content, server.serve("set.zip", content))
    assert download([first, unpinned(name="other.zip")], {}, tmp_path).file.name == "other.zip"
    assert server.asked == []


def test_a_full_disk_is_told_before_it_fills_with_what_is_needed(server, tmp_path, content, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 5, 5))
    urls = [server.serve("1.zip", content), server.serve("2.zip", content)]
    with pytest.raises(UserError, match=r"set.zip has 0.00 GB.*0.00 GB free. Make room") as caught:
        download([pinned(content, *urls)], {}, tmp_path)
    assert not isinstance(caught.value, UnavailableError)
    assert {asked.path for asked in server.asked} == {"1.zip"}


@pytest.fixture
def drive(server, monkeypatch):
    """drive.google.com, played by the server."""
    ask = requests.Session.request

    def request(self, method, url, **options):
        return ask(self, method, url.replace("https://drive.google.com", server.root), **options)

    monkeypatch.setattr(requests.Session, "request", request)
    return "https://drive.google.com/uc?id=17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM"


def test_google_drives_question_about_viruses_is_answered(server, drive, tmp_path, content):
    form = f"""<html><body><form id="download-form" action="{server.root}/confirmed" method="get">
    <input type="hidden" name="confirm" value="t"></form></body></html>"""
    server.serve("uc", b"", page(form))
    server.serve("confirmed", content, attached)
    assert download([pinned(content, drive)], {}, tmp_path).path.read_bytes() == content


def test_google_drives_quota_page_is_told_in_its_own_words(server, drive, tmp_path, content):
    server.serve("uc", b"", page(QUOTA))
    with pytest.raises(UnavailableError) as caught:
        download([pinned(content, drive)], {}, tmp_path)
    said = "Too many users have viewed or downloaded this file recently"
    assert reasons(caught) == [f"Google Drive gave a page instead of the file ({said})"]
    assert visible(tmp_path) == []
