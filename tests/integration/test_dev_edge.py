"""nginx in front keeps what anybody may have, an entry for each encoding, and nothing else."""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
import pytest
import requests

from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.app import Instance
from flask_scale.dev.nginx import Nginx
from flask_scale.dev.process import free_port
from flask_scale.response_cache.encodings import zstd
from tests.support.waiting import eventually

EDGE_SECONDS = 60


@dataclass
class Edge:
    """nginx, and the one instance behind it."""

    nginx: Nginx
    instance: Instance

    def get(self, path: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(self.nginx.url + path, headers=named, timeout=10)

    def is_kept(self, path: str, **headers: str) -> bool:
        """Whether nginx answers a second request itself."""
        self.get(path, **headers)
        return "nginx; hit" in self.get(path, **headers).headers.get("Cache-Status", "")


def run(folder: Path, seconds: int) -> Iterator[Edge]:
    settings = {"FLASK_SCALE_WORKERS": "1", "FLASK_SCALE_CACHE_EDGE_SECONDS": str(seconds)}
    settings["FLASK_SCALE_CACHE_RESPONSES"] = "/ruled ttl=60"
    instance = Instance(
        "api", folder / "api.log", "tests.support.apps.edge:app", settings, port=free_port(), internal_port=free_port()
    )
    nginx = Nginx(folder / "nginx", free_port(), [instance.port], caches=seconds > 0)
    try:
        instance.start()
        nginx.start()
        yield Edge(nginx, instance)
    finally:
        nginx.stop()
        instance.stop()


@pytest.fixture(scope="module")
def edge() -> Iterator[Edge]:
    with temporary_folder(unprivileged()) as folder:
        yield from run(folder, EDGE_SECONDS)


@pytest.fixture
def brief() -> Iterator[Edge]:
    with temporary_folder(unprivileged()) as folder:
        yield from run(folder, 1)


def test_a_public_response_is_answered_without_the_app(edge: Edge) -> None:
    first = edge.get("/public")
    assert edge.is_kept("/public")
    edge.instance.pause()
    try:
        assert edge.get("/public").json() == first.json()
    finally:
        edge.instance.resume()


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("identity", None),
        ("", None),
        ("GZIP, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=0", None),
        ("zstd;q=0.0, br;q=0.5", "br"),
    ],
)
def test_each_client_gets_an_encoding_that_it_takes(edge: Edge, accepted: str, encoding: str | None) -> None:
    assert edge.is_kept("/public", Accept_Encoding=accepted)
    with requests.get(
        edge.nginx.url + "/public", headers={"Accept-Encoding": accepted}, timeout=10, stream=True
    ) as answer:
        body = answer.raw.read()
    assert answer.headers.get("Content-Encoding") == encoding
    assert unpacked(body, encoding)["words"].startswith("the same words again")
    assert "accept-encoding" in answer.headers["Vary"].lower()


def test_every_spelling_of_an_encoding_is_one_entry(edge: Edge) -> None:
    assert edge.is_kept("/own/s-maxage=61", Accept_Encoding="gzip")
    for accepted in ("gzip, deflate", "deflate, gzip", "gzip;q=0.9, *;q=0", "x, gzip"):
        answer = edge.get("/own/s-maxage=61", Accept_Encoding=accepted)
        assert "nginx; hit" in answer.headers["Cache-Status"]


def unpacked(body: bytes, encoding: str | None) -> Any:
    ways = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}
    return json.loads(ways[encoding](body))


def test_a_client_that_has_it_already_is_told_so_without_the_app(edge: Edge) -> None:
    for accepted in ("gzip", "identity"):
        tag = edge.get("/public", Accept_Encoding=accepted).headers["ETag"]
        edge.instance.pause()
        try:
            answer = edge.get("/public", Accept_Encoding=accepted, If_None_Match=tag)
        finally:
            edge.instance.resume()
        assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    "control", ["max-age=60", "public, max-age=60", "private, s-maxage=60", "no-store", "no-cache"]
)
def test_what_does_not_say_that_shared_caches_may_keep_it_is_not_kept(edge: Edge, control: str) -> None:
    assert not edge.is_kept(f"/own/{control}")


def test_what_says_so_itself_is_kept(edge: Edge) -> None:
    assert edge.is_kept("/own/s-maxage=60")


def test_a_response_that_varies_by_more_than_the_encoding_is_the_apps(edge: Edge) -> None:
    for _ in range(2):
        for language in ("de", "en"):
            answer = edge.get("/varied", Accept_Language=language)
            assert answer.json()["language"] == language
            assert "nginx; hit" not in answer.headers["Cache-Status"]


def test_a_response_with_a_cookie_or_behind_access_checks_is_the_apps(edge: Edge) -> None:
    assert not edge.is_kept("/cookie")
    for _ in range(2):
        for who in ("user=a", "user=b"):
            assert edge.get("/behind", Cookie=who).json()["cookie"] == who


def test_a_response_of_a_rule_is_not_for_those_with_credentials(edge: Edge) -> None:
    """A rule says nothing of who may have it; nginx would give it to anybody."""
    assert not edge.is_kept("/ruled")
    assert edge.get("/ruled", Cookie="user=bob").json()["cookie"] == "user=bob"


CONDITIONS = {"If-None-Match": '"a"', "If-Modified-Since": "Sun, 01 Nov 2026 00:00:00 GMT", "If-Match": '"b"'}


@pytest.mark.parametrize("reason", [{"Authorization": "Bearer a"}, {"Range": "bytes=0-9", "If-Range": '"c"'}])
def test_a_client_with_credentials_or_that_wants_a_part_is_led_past_with_its_conditions(
    edge: Edge, reason: dict[str, str]
) -> None:
    """nginx takes conditions away from what it might keep: the app could never say 304 or 206."""
    headers = {**CONDITIONS, **reason}
    for _ in range(2):
        assert requests.get(edge.nginx.url + "/told", headers=headers, timeout=10).json() == headers
        answer = requests.get(edge.nginx.url + "/public", headers={"Authorization": "Bearer a"}, timeout=10)
        assert "nginx; hit" not in answer.headers["Cache-Status"]


def test_nginxs_own_word_stays_within(edge: Edge) -> None:
    assert "X-Accel-Expires" not in edge.get("/own/max-age=60").headers


def test_other_methods_reach_the_app(edge: Edge) -> None:
    assert edge.is_kept("/public")
    assert requests.post(edge.nginx.url + "/public", timeout=10).status_code == 405
    assert requests.head(edge.nginx.url + "/public", timeout=10).status_code == 200


def test_a_change_is_seen_once_the_seconds_are_over_though_the_app_was_down_meanwhile(brief: Edge) -> None:
    first = brief.get("/public").json()["number"]
    brief.instance.stop()
    time.sleep(1.5)
    assert brief.get("/public").json()["number"] == first  # stale-if-error
    brief.instance.start()
    eventually(lambda: brief.get("/public").headers["Cache-Status"].startswith("flask-scale; fwd"))


def test_without_the_setting_the_app_says_nothing_of_it(serve) -> None:
    answer = serve("edge:app").get("/public")
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert "X-Accel-Expires" not in answer.headers
