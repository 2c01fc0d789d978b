"""The API on gunicorn with gevent, as it runs in production."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.domain import api_keys
from services.domain.tasks import export_users
from tests.support.directory import Directory
from tests.support.gunicorn import Answer, Gunicorn, serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def served(directory: Directory, directory_database_url: str, cache_url: str, tmp_path) -> Iterator[Gunicorn]:
    """One gunicorn worker whose pool has two connections."""
    patient = {"pool_timeout_seconds": 15, "cache_timeout_seconds": 5}
    urls = {"database_url": directory_database_url, "cache_url": cache_url}
    settings = {**urls, "pool_size": 2, "max_overflow": 0, **patient}
    with serving("services.api.app:create_app()", tmp_path, **settings) as server:
        yield server


def ask(served: Gunicorn, directory: Directory, path: str, **options) -> Answer:
    headers = {"Authorization": f"Bearer {directory.key}", **options.pop("headers", {})}
    return served.get(path, headers, **options)


def test_many_long_polls_leave_the_pool_to_others(served: Gunicorn, directory: Directory):
    with directory.app.app_context():
        job = export_users.enqueue(owner=api_keys.check(directory.key).owner)
    with ThreadPoolExecutor(30) as pool:
        polls = [
            pool.submit(ask, served, directory, f"/v1/jobs/{job.id}?wait=20&since={job.version}") for _ in range(30)
        ]
        time.sleep(0.5)

        reads = [ask(served, directory, "/v1/users").status for _ in range(10)]
        directory.post(f"/v1/jobs/{job.id}/cancel")
        answers = [poll.result(30) for poll in polls]

    assert reads == [200] * 10
    assert {(answer.status, answer.json["state"]) for answer in answers} == {(200, "cancelled")}


def test_uploads_that_stall_leave_the_pool_to_others(served: Gunicorn, directory: Directory):
    head = (
        f"POST /v1/imports HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {directory.key}\r\nIdempotency-Key: stalled\r\n"
    )
    head += "Content-Type: text/csv\r\nContent-Length: 9000000\r\n\r\nemail,name,country\n"
    with contextlib.ExitStack() as connections:
        for _ in range(4):
            stalled = connections.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=20))
            stalled.sendall(head.encode() + b"ada@example.org,Ada,GB\n" * 30_000)
        time.sleep(0.5)

        reads = [ask(served, directory, "/v1/users").status for _ in range(5)]

    assert reads == [200] * 5


def test_a_chunked_body_over_the_limit_is_413(served: Gunicorn, directory: Directory):
    try:
        answer = ask(served, directory, "/v1/users", method="POST", body=iter([b" " * 65536] * 20), headers=JSON)
    except (BrokenPipeError, ConnectionResetError):
        return  # Refused while it was still being sent.
    assert (answer.status, answer.json["type"]) == (413, "/problems/too-large")


def test_a_body_whose_chunks_are_broken_is_a_problem_of_the_client(served: Gunicorn, directory: Directory):
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    answer = ask(served, directory, "/v1/users", method="POST", body=b"zz\r\n{}\r\n0\r\n\r\n", headers=headers)
    assert (answer.status, answer.json["type"]) == (400, "/problems/malformed")


def test_a_body_that_is_never_read_does_not_spoil_the_next_request(served: Gunicorn, directory: Directory):
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("POST", "/v1/users", body=b'{"email": 1}', headers=JSON)
    assert json.loads(connection.getresponse().read())["status"] == 401

    connection.request("GET", "/v1/users", headers={"Authorization": f"Bearer {directory.key}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_compressed_answer_keeps_its_conditions(served: Gunicorn, directory: Directory):
    path = "/v1/statistics/sign-ups?from=2026-01-01&to=2026-12-31"
    packed = ask(served, directory, path, headers={"Accept-Encoding": "zstd"})
    assert packed.headers["Content-Encoding"] == "zstd"

    tag = packed.headers["ETag"]
    for encoding in ("zstd", "identity"):
        spared = ask(served, directory, path, headers={"Accept-Encoding": encoding, "If-None-Match": tag})
        assert (spared.status, spared.body) == (304, b"")


def test_a_tag_that_compression_gave_still_guards_a_write(served: Gunicorn, directory: Directory):
    user = directory.add_user("ada@example.org", "\N{GRINNING FACE}" * 200)
    where = f"/v1/users/{user['id']}"
    packed = ask(served, directory, where, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"

    headers = {"If-Match": packed.headers["ETag"], **JSON}
    changed = ask(served, directory, where, method="PATCH", body=b'{"name": "Ada"}', headers=headers)

    assert (changed.status, changed.json["version"]) == (200, 2)
