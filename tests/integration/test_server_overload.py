"""More than the instance can take: the rest is refused at once, and connections share fairly."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.support.deadline import assert_soon
from tests.support.sleepers import Sleepers

REQUESTS = 20


def test_what_is_over_the_bound_of_all_processes_is_refused_with_503_and_counted(serve):
    server = serve("plain:app", workers=2, max_in_flight=3)
    with ThreadPoolExecutor(REQUESTS) as threads:
        answers = list(threads.map(lambda _: server.get("/slow/4000"), range(REQUESTS)))

    refused = [answer for answer in answers if answer.status == 503]
    assert len(refused) >= REQUESTS - 2 * 3
    assert len(answers) - len(refused) >= 3
    assert {answer.status for answer in answers} == {200, 503}
    for answer in refused:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert 1 <= int(answer.headers["Retry-After"]) <= 4
        assert json.loads(answer.body)["status"] == 503
    assert server.sample("flask_scale_requests_shed_total") == len(refused)
    assert server.sample("flask_scale_requests_in_flight") == 0


def test_a_body_that_is_still_sent_counts_as_in_flight(serve):
    server = serve("plain:app", max_in_flight=1)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/stream/50")
    answer = connection.getresponse()
    answer.read(1)

    assert server.get("/").status == 503

    answer.read()
    connection.close()
    assert server.get("/").status == 200


def test_a_connection_with_many_requests_waiting_lets_others_in_between(serve):
    server, count = serve("plain:app"), 400
    ask, close = b" HTTP/1.1\r\nHost: x\r\n", b"Connection: close\r\n"
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        # Whichever of them is looked at first, one of the others comes after the greedy one.
        first, greedy, last = (stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(3))
        for one in (first, greedy, last):
            one.sendall(b"GET /" + ask + b"\r\n")
            assert one.recv(65536).startswith(b"HTTP/1.1 200")
        server.pause()
        first.sendall(b"GET /pid/1" + ask + close + b"\r\n")
        greedy.sendall((b"GET /" + ask + b"\r\n") * (count - 1) + b"GET /" + ask + close + b"\r\n")
        last.sendall(b"GET /pid/2" + ask + close + b"\r\n")
        server.resume()
        for one in (first, greedy, last):
            while one.recv(65536):
                pass

    def served():
        return [event["path"] for event in server.events() if event["event"] == "request"]

    assert_soon(lambda: len(served()) == count + 5)
    assert {"/pid/1", "/pid/2"} < set(served()[: count // 2])


def test_slow_queries_sent_at_once_to_one_gunicorn_worker_overlap_up_to_the_pool(serve, database_url):
    patient = {"pool_timeout_seconds": 30, "connect_timeout_seconds": 30}
    server = serve("factory:create_app()", database_url=database_url, pool_size=10, max_overflow=5, **patient)

    with Sleepers(database_url) as sleepers, ThreadPoolExecutor(REQUESTS) as threads:
        answers = list(threads.map(lambda _: server.get("/sleep").status, range(REQUESTS)))

    assert answers == [200] * REQUESTS
    assert 10 < sleepers.most <= 15
    assert server.sample("flask_scale_pool_in_use") == 0
    assert server.sample("flask_scale_pool_capacity") == 15
