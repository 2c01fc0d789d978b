"""The response cache behind four gunicorn workers and on Redis."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.deadline import assert_soon

REQUESTS = 100
#: On each path.
ROUNDS = 500

PATHS = pytest.mark.parametrize("path", ["/public", "/checked"])


@pytest.fixture
def number(tmp_path, monkeypatch):
    """The file that holds the page's number."""
    file = tmp_path / "number"
    file.write_text("0")
    monkeypatch.setenv("NUMBER_FILE", str(file))
    return file


@pytest.fixture
def server(serve, cache_url, number):
    """With time for Redis: a busy machine is no outage."""
    return serve("responses:create_app()", workers=4, cache_url=cache_url, cache_timeout_seconds=5)


@pytest.fixture
def hasty(serve, cache_url, number):
    """With the time for Redis that there is unless it is set."""
    return serve("responses:create_app()", workers=4, cache_url=cache_url)


@PATHS
def test_many_at_once_in_all_processes_cause_one_load(server, number, path):
    with ThreadPoolExecutor(REQUESTS) as clients:
        answers = list(clients.map(lambda _: server.get(f"{path}?slow"), range(REQUESTS)))
    assert {(answer.status, answer.json["number"]) for answer in answers} == {(200, 0)}
    assert number.with_name("loads").read_text() == "x"


@PATHS
def test_every_process_has_what_one_loaded_byte_for_byte(server, number, path):
    answers = [server.get(path, headers={"Accept-Encoding": "gzip"}) for _ in range(40)]
    assert len({(answer.body, answer.headers["ETag"]) for answer in answers}) == 1
    assert number.with_name("loads").read_text() == "x"
    assert_soon(lambda: server.sample("flask_scale_response_cache_requests_total", result="hit") == 39)


@pytest.mark.timeout(300)
@PATHS
def test_no_answer_is_stale_once_an_invalidation_has_returned(server, path):
    """In no process, while readers cause load after load."""
    ending = threading.Event()

    def read():
        while not ending.is_set():
            server.get(path)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for round_ in range(1, ROUNDS + 1):
            assert server.get("/number", method="POST", body=str(round_)).status == 204
            assert {server.get(path).json["number"] for _ in range(6)} == {round_}
    finally:
        ending.set()
        for reader in readers:
            reader.join()


@PATHS
@pytest.mark.parametrize("how", ["stopped", "hung"])
def test_without_the_cache_server_answers_stay_right_and_hits_come_back(hasty, cache_server, path, how):
    cache_server.stop() if how == "stopped" else cache_server.pause()
    assert {hasty.get(path).json["number"] for _ in range(20)} == {0}

    cache_server.resume()
    cache_server.start()
    assert_soon(lambda: all("hit" in hasty.get(path).headers["Cache-Status"] for _ in range(12)))
