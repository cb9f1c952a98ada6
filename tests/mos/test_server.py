"""What the server refuses, and that what it takes is on the disk before it says so."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import psutil
import pytest
import requests
from PIL import Image

from pipeline.mos.study import read_study
from tests.mos.conftest import METHODS


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def study(server, opinions):
    return read_study(opinions)


def an_answer(study, number=0, score=3, rater="anna", **other):
    return {
        "study": study.id,
        "rater": rater,
        "version": list(study.key)[number],
        "score": score,
        "screen": 1,
        "position": 1,
        "time": f"2026-01-01T00:00:00.{score:03}Z",
        **other,
    }


def give(server, answer, **headers):
    own = {"Content-Type": "application/json", "Origin": server.url}
    body = answer if isinstance(answer, bytes) else json.dumps(answer)
    return requests.post(f"{server.url}/answers", data=body, headers={**own, **headers}, timeout=30)


def raw(server, request):
    """Status line of the answer to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request.encode())
        return connection.recv(4096).decode().splitlines()[0]


def test_an_acknowledged_answer_is_on_the_disk_when_the_server_is_killed(server, study, opinions):
    for number, score in enumerate((0, 3, 5)):
        assert give(server, an_answer(study, number, score)).status_code == 204
    server.kill()
    lines = (opinions / "anna.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        an_answer(study, number, score) for number, score in enumerate((0, 3, 5))
    ]


def test_what_was_given_is_told_to_that_rater_alone(server, study):
    give(server, an_answer(study, 0, 5))
    give(server, an_answer(study, 0, 2))
    assert requests.get(f"{server.url}/answers/anna", timeout=30).json() == {next(iter(study.key)): 2}
    assert requests.get(f"{server.url}/answers/bo", timeout=30).json() == {}


def test_answers_that_come_together_are_all_kept(server, study, opinions):
    answers = [
        an_answer(study, number % 6, number % 6, rater, time=f"2026-01-01T00:00:00.{number:03}Z")
        for number in range(30)
        for rater in ("anna", "bo")
    ]
    with ThreadPoolExecutor(8) as pool:
        assert {reply.status_code for reply in pool.map(lambda one: give(server, one), answers)} == {204}
    for rater in ("anna", "bo"):
        times = [json.loads(line)["time"] for line in (opinions / f"{rater}.jsonl").read_text().splitlines()]
        assert sorted(times) == [f"2026-01-01T00:00:00.{number:03}Z" for number in range(30)]


def test_a_wrong_answer_is_refused_in_words_and_leaves_no_file(server, study, opinions):
    for change, said in (
        ({"score": 6}, "less than or equal to 5"),
        ({"score": -1}, "greater than or equal to 0"),
        ({"score": "3"}, "valid integer"),
        ({"version": "0" * 16}, "no such version"),
        ({"study": "0" * 16}, "another study"),
        ({"rater": "../../anna"}, "rater"),
        ({"extra": 1}, "Extra inputs"),
    ):
        reply = give(server, {**an_answer(study), **change})
        assert (reply.status_code, said in reply.text) == (400, True)
    assert not list(opinions.glob("*.jsonl"))


def test_answers_from_elsewhere_or_of_another_kind_are_refused(server, study, opinions):
    good = an_answer(study)
    assert give(server, good, Origin="http://evil.example").status_code == 403
    assert give(server, good, Origin="null").status_code == 403
    assert give(server, good, Origin=f"http://127.0.0.1:{server.port + 1}").status_code == 403
    no_origin = {"Content-Type": "application/json"}
    reply = requests.post(f"{server.url}/answers", data=json.dumps(good), headers=no_origin, timeout=30)
    assert reply.status_code == 403
    assert give(server, good, **{"Content-Type": "text/plain"}).status_code == 415
    assert give(server, b"{").status_code == 400
    assert give(server, b" " * 5000).status_code == 413
    assert not list(opinions.glob("*.jsonl"))


def test_other_hosts_are_refused(server, study):
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", "0.0.0.0"):
        assert requests.get(server.url, headers={"Host": host}, timeout=30).status_code == 400
        assert give(server, an_answer(study), Host=host, Origin=f"http://{host}").status_code == 400
    assert requests.get(server.url, headers={"Host": f"localhost:{server.port}"}, timeout=30).status_code == 200


def test_it_listens_on_this_machine_alone(server):
    heard = [own.laddr.ip for own in psutil.Process(server.process.pid).net_connections() if own.status == "LISTEN"]
    assert heard == ["127.0.0.1"]


def test_nothing_but_pages_and_known_ids_can_be_had(server):
    for path in (
        "/pictures/0000000000000000.png",
        "/pictures/../study.json",
        "/pictures/..%2f..%2fstudy.json.png",
        "/pictures/%2e%2e/study.json",
        "/study.json",
        "/answers/..%2fstudy",
        "/answers/a.b",
        "/../../etc/passwd",
        "/rate.html.j2",
    ):
        status = raw(server, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (path, status) == (path, "HTTP/1.1 404 Not Found")


def test_other_methods_are_refused(server):
    for method, path in (("PUT", "/"), ("DELETE", "/answers/anna"), ("GET", "/answers")):
        assert requests.request(method, f"{server.url}{path}", timeout=30).status_code == 405


def test_every_reply_forbids_the_browser_what_the_page_does_not_need(server, study):
    picture = f"/pictures/{next(iter(study.key))}.png"
    for path in ("/", "/rate.css", "/rate.js", picture, "/answers/anna", "/absent"):
        headers = requests.get(f"{server.url}{path}", timeout=30).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers


def test_a_picture_is_bare_pixels_at_its_place(server, study):
    for patch in study.patches:
        for version in patch.versions:
            reply = requests.get(f"{server.url}/pictures/{version.id}.png", timeout=30)
            image = Image.open(BytesIO(reply.content))
            assert (image.size, image.mode, image.info) == ((64, 64), "RGB", {})
        reference = requests.get(f"{server.url}/pictures/{patch.reference}.png", timeout=30)
        assert Image.open(BytesIO(reference.content)).size == (16, 16)


def test_the_page_lists_versions_in_an_order_that_tells_nothing(server, study):
    page = requests.get(server.url, timeout=30).text
    found = json.loads(page.split('id="study">')[1].split("</script>")[0])
    assert [patch["versions"] for patch in found["patches"]] == [
        sorted(patch["versions"]) for patch in found["patches"]
    ]
    assert not [name for name in (*METHODS, "photo0", "sha256") if name in page]


def test_a_damaged_file_of_answers_is_told_to_the_rater(server, opinions):
    (opinions / "anna.jsonl").write_text("nonsense\n")
    reply = requests.get(f"{server.url}/answers/anna", timeout=30)
    assert reply.status_code == 500
    assert "anna.jsonl, line 1" in reply.text


def test_an_answer_that_cannot_be_written_is_not_acknowledged(server, study, opinions):
    (opinions / "anna.jsonl").mkdir()
    reply = give(server, an_answer(study))
    assert reply.status_code == 500
    assert "Is a directory" in reply.text
    (opinions / "anna.jsonl").rmdir()
    assert give(server, an_answer(study)).status_code == 204
