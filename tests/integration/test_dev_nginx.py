"""nginx over two gunicorn instances: who the app sees, and what a client sees when an instance dies."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.app import Instance
from flask_scale.dev.nginx import Nginx
from flask_scale.dev.process import free_port
from tests.support.waiting import eventually

FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.9;host=evil.example",
}


@dataclass
class Balanced:
    """nginx and the instances behind it."""

    nginx: Nginx
    instances: list[Instance]
    notes: Path

    def get(self, path: str = "/", **options: object) -> requests.Response:
        return requests.get(self.nginx.url + path, timeout=10, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def balanced() -> Iterator[Balanced]:
    with temporary_folder(unprivileged()) as folder:
        instances = [_instance(folder, name) for name in ("api-1", "api-2")]
        nginx = Nginx(folder / "nginx", free_port(), [instance.port for instance in instances], body_megabytes=1)
        parts = [*instances, nginx]
        try:
            for part in parts:
                part.launch()
            for part in parts:
                part.wait_ready()
            yield Balanced(nginx, instances, folder / "notes")
        finally:
            for part in reversed(parts):
                part.stop()


@pytest.fixture
def revived(balanced: Balanced) -> Iterator[Balanced]:
    """`balanced`, whole again after the test."""
    yield balanced
    for part in (*balanced.instances, balanced.nginx):
        part.resume()
        part.start()


def _instance(folder: Path, name: str) -> Instance:
    settings = {"FLASK_SCALE_WORKERS": "1", "FLASK_SCALE_DRAIN_SECONDS": "0.1", "NOTES": str(folder / "notes")}
    log = folder / f"{name}.log"
    return Instance(name, log, "tests.support.apps.echo:app", settings, port=free_port(), internal_port=free_port())


def test_the_app_sees_the_clients_address_and_host(balanced: Balanced) -> None:
    seen = balanced.get(headers={"Host": "directory.example:8080"}).json()
    assert seen["client"] == "127.0.0.1"
    assert seen["route"] == ["127.0.0.1"]
    assert seen["host"] == "directory.example:8080"


def test_forged_forwarding_headers_change_nothing(balanced: Balanced) -> None:
    assert balanced.get(headers=FORGED).json() == balanced.get().json()


def test_both_instances_get_requests(balanced: Balanced) -> None:
    for _ in range(20):
        assert balanced.get().ok
    for instance in balanced.instances:
        metrics = requests.get(f"{instance.internal_url}/metrics", timeout=10).text
        assert 'url_rule="/"' in metrics


def test_a_request_id_of_the_client_is_kept_and_a_missing_one_made(balanced: Balanced) -> None:
    assert balanced.get(headers={"X-Request-ID": "mine-1"}).headers["X-Request-ID"] == "mine-1"
    assert balanced.get().headers["X-Request-ID"]


def test_the_internal_routes_are_not_reachable_through_it(balanced: Balanced) -> None:
    for path in ("/livez", "/readyz", "/metrics"):
        assert balanced.get(path).status_code == 404


def test_a_client_that_speaks_http_1_0_without_a_host_is_served(balanced: Balanced) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balanced.nginx.port, timeout=10)
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]
    connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()


def test_a_body_over_the_limit_is_refused_as_problem_json(balanced: Balanced) -> None:
    answer = requests.post(balanced.nginx.url, data=b"x" * (1024 * 1024 + 1), timeout=10)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {"type": "about:blank", "title": "The request is too large", "status": 413}


@pytest.mark.parametrize(
    ("status", "path", "headers"),
    [(414, "/" + "a" * 40_000, {}), (431, "/", {"X-Long": "a" * 40_000}), (400, "/", {"Host": "a b"})],
    ids=["address", "header", "host"],
)
def test_what_nginx_cannot_read_is_refused_as_problem_json(
    balanced: Balanced, status: int, path: str, headers: dict[str, str]
) -> None:
    answer = balanced.get(path, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_version_of_http_that_is_none_is_refused_as_problem_json(balanced: Balanced) -> None:
    host, port = balanced.nginx.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/3.0\r\nHost: a\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 505 ")
    assert b"\r\nContent-Type: application/problem+json\r\n" in answer


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/?" + "a" * 7000, {}), ("/", {f"X-{number}": "a" for number in range(150)})],
    ids=["address", "headers"],
)
def test_what_nginx_lets_through_the_app_reads(balanced: Balanced, path: str, headers: dict[str, str]) -> None:
    assert balanced.get(path, headers=headers).status_code == 200


def test_an_instance_killed_under_load_costs_no_failed_get(revived: Balanced) -> None:
    statuses: list[int] = []
    over = threading.Event()

    def load() -> None:
        with requests.Session() as session:
            while not over.is_set():
                statuses.append(session.get(revived.nginx.url, timeout=60).status_code)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: len(statuses) > 100)
        revived.instances[0].kill()
        killed_after = len(statuses)
        eventually(lambda: len(statuses) > killed_after + 100)
    finally:
        over.set()
        for thread in threads:
            thread.join()

    assert set(statuses) == {200}


def test_with_no_instance_left_the_answer_says_when_to_come_back(revived: Balanced) -> None:
    for instance in revived.instances:
        instance.kill()

    answer = revived.get()

    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"
    assert json.loads(answer.text)["title"] == "The app broke off"


def test_a_post_that_was_sent_is_not_sent_to_another_instance(revived: Balanced) -> None:
    """The instance that died of it may have done its work."""
    answer = requests.post(revived.nginx.url, data=b"once;", timeout=10)

    assert answer.status_code == 502
    assert revived.notes.read_text() == "once;"
