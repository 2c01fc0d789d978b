"""SIGTERM under load: readiness fails first, everything accepted is answered, the exit code is 0."""

import http.client
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

CLASSES = ("fast", "gevent", "gthread", "sync")


def poll(check, seconds=60.0):
    """Wait until `check` gives something true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {check}")


class Load:
    """Clients that ask again and again, as a proxy does that stops when readiness fails."""

    def __init__(self, server, clients=8):
        self.server = server
        self.statuses = []
        self.errors = []
        self.closes = 0
        self._stop = threading.Event()
        self._clients = [threading.Thread(target=self._ask, args=(kept,)) for kept in [True, False] * (clients // 2)]

    def __enter__(self):
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for client in self._clients:
            client.join()

    def _ask(self, kept):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        while not self._stop.is_set():
            try:
                connection.request("GET", "/slow/20")
                answer = connection.getresponse()
                answer.read()
                self.statuses.append(answer.status)
                self.closes += answer.headers["Connection"] == "close"
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(error)
                return
            if not kept:
                connection.close()
        connection.close()


@pytest.mark.parametrize("worker_class", CLASSES)
def test_a_drain_under_load_fails_readiness_first_and_no_request(serve, worker_class):
    server = serve("plain:app", worker_class=worker_class, workers=2, drain_seconds=60)
    with Load(server) as load:
        poll(lambda: len(load.statuses) > 50)

        server.signal(signal.SIGTERM)
        poll(lambda: server.probe("/readyz").status == 503)
        alive = server.probe("/livez").status
        served = len(load.statuses)
        poll(lambda: len(load.statuses) > served + 10)
    server.signal(signal.SIGTERM)
    server.wait_stopped()

    assert alive == 200
    assert load.errors == []
    assert set(load.statuses) == {200}
    assert load.closes > 0
    assert server.exit_code == 0


@pytest.mark.parametrize("worker_class", CLASSES)
def test_a_request_in_flight_is_finished_after_accepting_has_stopped(serve, worker_class):
    server = serve("plain:app", worker_class=worker_class, drain_seconds=0)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(server.get, "/slow/4000", timeout=60)
        poll(lambda: server.sample("flask_scale_requests_in_flight") == 1)

        server.signal(signal.SIGTERM)

        assert answer.result().status == 200
    server.wait_stopped()
    assert server.exit_code == 0


@pytest.mark.parametrize("worker_class", CLASSES)
def test_connections_that_wait_in_the_backlog_are_answered(serve, worker_class):
    # Given a gunicorn worker too busy to accept more: one place, and a request that holds it
    server = serve("plain:app", worker_class=worker_class, worker_connections=1, threads=1, drain_seconds=0)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(server.get, "/slow/4000", timeout=60)
        poll(lambda: server.sample("flask_scale_requests_in_flight") == 1)
        waiting = [threads.submit(server.get, "/") for _ in range(4)]
        poll(lambda: backlog(server.port) == 4)

        server.signal(signal.SIGTERM)

        assert [answer.result().status for answer in [first, *waiting]] == [200] * 5
    server.wait_stopped()
    assert server.exit_code == 0


def backlog(port):
    """How many connections the kernel holds for the listener of `port`."""
    with open("/proc/net/tcp") as table:
        rows = [row.split() for row in table][1:]
    [row] = [row for row in rows if row[1] == f"0100007F:{port:04X}" and row[3] == "0A"]
    return int(row[4].split(":")[1], 16)


def test_a_second_sigterm_ends_the_waiting(serve):
    server = serve("plain:app", drain_seconds=60)

    server.signal(signal.SIGTERM)
    poll(lambda: server.probe("/readyz").status == 503)
    server.signal(signal.SIGTERM)

    server.wait_stopped()
    assert server.exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_interrupt_ends_at_once_whatever_is_in_flight(serve, number):
    server = serve("plain:app", drain_seconds=60)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(server.get, "/slow/30000", timeout=40)
        poll(lambda: server.sample("flask_scale_requests_in_flight") == 1)

        server.signal(number)
        server.wait_stopped()

        assert isinstance(answer.exception(), OSError | http.client.HTTPException)
    assert server.exit_code == 0


def test_an_idle_connection_does_not_hold_up_the_end(serve):
    server = serve("plain:app", drain_seconds=0, keepalive_seconds=75, graceful_timeout_seconds=30)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/")
    connection.getresponse().read()

    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    server.wait_stopped()

    assert time.monotonic() - begun < 15
    assert server.exit_code == 0
    connection.close()


def test_a_request_on_an_idle_connection_is_still_answered_while_the_server_stops(serve):
    server = serve("plain:app", drain_seconds=0)
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", "/")
    connection.getresponse().read()

    server.signal(signal.SIGTERM)
    poll(lambda: not accepts(server.port))
    connection.request("GET", "/")
    answer = connection.getresponse()

    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    connection.close()


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_reload_replaces_the_gunicorn_workers_and_fails_no_request(serve):
    server = serve("plain:app", workers=2)
    before = server.workers()
    with Load(server, clients=4) as load:
        poll(lambda: len(load.statuses) > 20)

        server.signal(signal.SIGHUP)

        poll(lambda: len(server.workers()) == 2 and not server.workers() & before, 30)
    assert load.errors == []
    assert set(load.statuses) == {200}
    assert server.probe("/readyz").status == 200


def test_a_killed_gunicorn_worker_is_replaced_and_leaves_nothing_in_flight(serve):
    server = serve("plain:app")
    with ThreadPoolExecutor() as threads:
        threads.submit(server.get, "/slow/30000", timeout=40)
        poll(lambda: server.sample("flask_scale_requests_in_flight") == 1)
        [worker] = server.workers()

        os.kill(worker, signal.SIGKILL)

        poll(lambda: server.workers() - {worker})
        poll(server.is_ready)
    assert server.sample("flask_scale_requests_in_flight") == 0


@pytest.mark.parametrize("worker_class", CLASSES)
def test_a_probe_is_answered_while_every_place_of_the_public_port_is_taken(serve, worker_class):
    server = serve("plain:app", worker_class=worker_class, worker_connections=2, threads=2)
    with ThreadPoolExecutor(4) as threads:
        busy = [threads.submit(server.get, "/slow/4000", timeout=60) for _ in range(4)]
        poll(lambda: server.sample("flask_scale_requests_in_flight") > 0)

        probes = [server.probe(path).status for path in ("/livez", "/readyz", "/metrics")]

        assert not all(answer.done() for answer in busy)
        assert probes == [200, 200, 200]
        assert {answer.result().status for answer in busy} == {200}


@pytest.mark.parametrize("worker_class", CLASSES)
def test_a_recycled_gunicorn_worker_answers_the_scrapes_that_it_accepted(serve, worker_class):
    server = serve("plain:app", worker_class=worker_class, workers=2, max_requests=5)

    def ask(_):
        return server.get("/").status, server.probe("/metrics", timeout=20).status

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(300)))

    assert answers == [(200, 200)] * 300
