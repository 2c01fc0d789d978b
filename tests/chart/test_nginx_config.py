"""The nginx tier's configuration: what nginx itself says of it, and what it promises to clients and the app."""

import re
import socket
import subprocess
from contextlib import contextmanager

import pytest
import requests

from flask_scale.dev import nginx
from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.probe import status_of
from flask_scale.dev.process import free_port
from tests.chart.cases import CASES, OPTIONS, rendered
from tests.chart.chart_nginx import ChartNginx
from tests.chart.support import merge, render
from tests.support.waiting import eventually


def configuration(values=None, case="defaults"):
    objects = render(values) if values else rendered(case)
    return objects.get("ConfigMap", "nginx")["data"]["nginx.conf"]


@pytest.mark.parametrize("case", ["defaults", "trusted-proxies", "cached", "full-name", *OPTIONS])
def test_nginx_takes_it(case, tmp_path):
    data = rendered(case).component("ConfigMap", "nginx")["data"]
    lines = ("nameserver 10.96.0.10", "nameserver fd00::a", "search web.svc.example.org. svc.example.org. example.org")
    (tmp_path / "resolv.conf").write_text("\n".join(lines))
    for name, text in data.items():
        moved = text.replace("/tmp/", f"{tmp_path}/").replace("/etc/flask-scale/", f"{tmp_path}/")
        moved = moved.replace("/etc/resolv.conf", f"{tmp_path}/resolv.conf")
        moved = moved.replace("exec nginx", f"exec {nginx.program(None)} -t -p {tmp_path}")
        # The wheel's nginx is built without this module.
        (tmp_path / name).write_text(moved.replace("stub_status;", ""))
    answer = subprocess.run(["sh", tmp_path / "start.sh"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "test is successful" in answer.stderr
    assert (tmp_path / "resolver.conf").read_text() == "resolver 10.96.0.10 [fd00::a] valid=2s;\n"
    pods, service = (tmp_path / "servers.conf").read_text().splitlines()
    assert re.match(r"server \S+-api-headless\.web\.svc\.example\.org:8000 resolve .*fail_timeout=2s;$", pods)
    assert re.match(r"server \S+-api\.web\.svc\.example\.org:80 resolve max_fails=0 backup;$", service)


def test_requests_go_to_the_pod_with_the_fewest_over_kept_connections():
    upstream = re.search(r"upstream api \{(.*?)\n        \}", configuration(), re.DOTALL)[1]
    for line in ("zone api", "least_conn;", "keepalive 64;", "include /tmp/servers.conf;"):
        assert line in upstream
    assert 'proxy_set_header Connection "";' in configuration()


def test_only_what_may_be_repeated_is_repeated_and_within_bounds():
    text = configuration()
    assert "proxy_next_upstream error timeout;" in text
    assert "non_idempotent" not in text
    assert "proxy_next_upstream_tries 2;" in text
    assert "proxy_next_upstream_timeout 10s;" in text


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Host", "$http_host"),
        ("X-Real-IP", "$remote_addr"),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Proto", "$forwarded_proto"),
        ("X-Forwarded-Host", "$forwarded_host"),
        ("X-Forwarded-Port", '""'),
        ("X-Forwarded-Prefix", '""'),
        ("Forwarded", '""'),
        ("X-Request-ID", "$given_or_new_id"),
    ],
)
def test_what_a_client_says_of_itself_is_overwritten(header, value):
    assert f"proxy_set_header {header} {value};" in configuration()


def test_nobodys_word_is_believed_until_proxies_are_named():
    assert "set_real_ip_from" not in configuration()
    text = configuration(case="trusted-proxies")
    assert "set_real_ip_from 10.0.0.0/8;" in text
    assert "fd00::/8 1;" in text
    assert "gzip_vary on;" in text


def test_its_limits_are_the_values():
    text = configuration({"nginx": {"maxBodySize": "3m", "readTimeoutSeconds": 7, "workerProcesses": 5}})
    assert "client_max_body_size 3m;" in text
    assert "proxy_read_timeout 7s;" in text
    assert "worker_processes 5;" in text


def test_its_own_errors_are_problems_like_the_apps():
    text = configuration()
    for status, title in nginx.TITLES.items():
        assert re.search(rf"error_page {status} ", text)
        assert f'"title": "{title}", "status": {status}}}' in text
    bodies = re.findall(r"^ *return [45]\d\d '{", text, re.MULTILINE)
    assert text.count("default_type application/problem+json;") == len(bodies)
    assert re.search(r"Retry-After 1 always;\s*return 503", text)
    assert "server_tokens off;" in text


class AloneNginx(ChartNginx):
    """nginx whose app nobody runs."""

    def is_ready(self):
        return status_of(self.url) is not None


@pytest.mark.parametrize("stopping", [False, True])
def test_an_error_of_its_own_says_when_to_come_back_while_it_stops_too(stopping):
    with temporary_folder(unprivileged()) as folder:
        alone = AloneNginx(folder / "nginx", free_port(), [free_port()])
        try:
            alone.start()
            if stopping:
                (alone.folder / "stopping").touch()
            answer = requests.get(alone.url, timeout=10)
        finally:
            alone.stop()
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["title"] == nginx.TITLES[502]
    assert answer.headers["Connection"] == ("close" if stopping else "keep-alive")


class SmallNginx(AloneNginx):
    """nginx whose /tmp holds two bodies beside its cache. What it lets through is answered by its 502."""

    values = merge(CASES["cached"], {"nginx": {"cacheSize": "1m", "maxBodySize": "2m", "tmpSizeLimit": "6Mi"}})


@contextmanager
def under_way(server, header):
    """A POST that waits for leave to send its body, and what nginx says to that: 100, once the body counts."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(f"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{header}\r\n\r\n".encode())
        yield client, client.recv(4096).decode()


LARGE, SMALL, CHUNKED = "Content-Length: 1000000", "Content-Length: 999999", "Transfer-Encoding: chunked"
LET_THROUGH, FULL = "HTTP/1.1 100 ", "HTTP/1.1 503 "


def test_no_more_large_bodies_at_once_than_tmp_holds():
    with temporary_folder(unprivileged()) as folder:
        small = SmallNginx(folder / "nginx", free_port(), [free_port()])
        try:
            small.start()
            with under_way(small, LARGE) as (first, leave), under_way(small, CHUNKED) as (second, leave_too):
                assert leave.startswith(LET_THROUGH)
                assert leave_too.startswith(LET_THROUGH)
                for surplus in (LARGE, "Content-Length: 0002000000", CHUNKED, "Transfer-Encoding: Chunked"):
                    with under_way(small, surplus) as (_, answer):
                        assert answer.startswith(FULL), surplus
                        assert "\r\nRetry-After: 1\r\n" in answer
                        assert nginx.TITLES[503] in answer
                with under_way(small, SMALL) as (_, answer):
                    assert answer.startswith(LET_THROUGH)
                assert requests.post(small.url, data=b"1" * 999_999, timeout=10).status_code == 502
                for client, body in ((first, b"1" * 1_000_000), (second, b"1\r\n1\r\n0\r\n\r\n")):
                    client.sendall(body)
                    assert client.recv(4096).startswith(b"HTTP/1.1 502 ")
            eventually(lambda: requests.post(small.url, data=b"1" * 1_000_000, timeout=10).status_code == 502)
            eventually(lambda: requests.post(small.url, data=iter([b"1"] * 9), timeout=10).status_code == 502)
        finally:
            small.stop()


@pytest.mark.parametrize(
    ("values", "bodies"),
    [
        ({}, 25),
        ({"api": {"settings": {"CACHE_EDGE_SECONDS": 60}}}, 22),
        ({"nginx": {"tmpSizeLimit": "100Mi"}}, 1),
        ({"nginx": {"maxBodySize": "512", "tmpSizeLimit": 1024}}, 2),
        ({"nginx": {"maxBodySize": "1k"}}, 65535),
    ],
)
def test_large_bodies_have_what_the_cache_leaves_of_tmp(values, bodies):
    assert f"limit_conn large_bodies {bodies};" in configuration(values, "defaults")


def test_it_ends_before_kubernetes_kills_it():
    text = configuration({"nginx": {"terminationGracePeriodSeconds": 90, "preStopSeconds": 10}})
    assert int(re.search(r"worker_shutdown_timeout (\d+)s;", text)[1]) < 80


def test_its_requests_have_their_time_before_it_ends():
    text = configuration({"nginx": {"terminationGracePeriodSeconds": 75}})
    assert "worker_shutdown_timeout 60s;" in text
    assert "proxy_read_timeout 60s;" in text
