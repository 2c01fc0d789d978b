"""More than the instance can take: the rest is refused at once, and connections share fairly."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tests.support.sleepers import Sleepers

REQUESTS = 20


def test_what_is_over_the_bound_of_all_processes_is_refused_with_503_and_counted(serve):
    server = serve("plain:app", workers=2, max_in_flight=3)
    with ThreadPoolExecutor(REQUESTS) as threads:
        answers = list(threads.map(lambda _: server.get("/slow/1000"), range(REQUESTS)))

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
    server = serve("plain:app")
    count, received = 400, bytearray()
    with socket.create_connection(("127.0.0.1", server.port)) as greedy:
        greedy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (count - 1))
        greedy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while b"HTTP/1.1" not in received:
            received += greedy.recv(65536)

        assert server.get("/").status == 200

        greedy.setblocking(False)
        with suppress(BlockingIOError):
            while chunk := greedy.recv(65536):
                received += chunk
        assert received.count(b"HTTP/1.1 200") < count


def test_slow_queries_sent_at_once_to_one_gunicorn_worker_overlap_up_to_the_pool(serve, database_url):
    server = serve("factory:create_app()", database_url=database_url, pool_size=10, max_overflow=5)

    with Sleepers(database_url) as sleepers, ThreadPoolExecutor(REQUESTS) as threads:
        answers = list(threads.map(lambda _: server.get("/sleep").status, range(REQUESTS)))

    assert answers == [200] * REQUESTS
    assert 10 < sleepers.most <= 15
    assert server.sample("flask_scale_pool_in_use") == 0
    assert server.sample("flask_scale_pool_capacity") == 15
