"""The proxy passes what it gets, later where it is told to, and ends with its server."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


@pytest.fixture
def proxy(server: socket.socket) -> Iterator[Proxy]:
    with Proxy(server.getsockname()[1]) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def test_what_one_side_sends_comes_to_the_other(server: socket.socket, proxy: Proxy) -> None:
    with closing(connect(proxy)) as client, closing(server.accept()[0]) as peer:
        client.sendall(b"question")
        assert peer.recv(100) == b"question"
        peer.sendall(b"answer")
        assert client.recv(100) == b"answer"


def test_a_slow_proxy_delays_each_way(server: socket.socket, proxy: Proxy) -> None:
    with closing(connect(proxy)) as client, closing(server.accept()[0]) as peer, proxy.slow(0.2):
        began = time.monotonic()
        client.sendall(b"question")
        peer.recv(100)
        peer.sendall(b"answer")
        client.recv(100)
        assert time.monotonic() - began >= 0.4


def test_a_server_that_closes_is_seen_through_it(server: socket.socket, proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        server.accept()[0].close()
        assert client.recv(100) == b""


def test_a_server_that_is_away_is_a_connection_that_ends(server: socket.socket, proxy: Proxy) -> None:
    server.close()
    with closing(connect(proxy)) as client:
        assert client.recv(100) == b""
