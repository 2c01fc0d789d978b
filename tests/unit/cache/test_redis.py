"""Without a server that answers, each operation fails soon and the next are spared the wait."""

import socket
import time

import pytest

from flask_scale.cache.redis import RedisCache
from flask_scale.errors import CacheUnavailable
from flask_scale.testing.cache import LONG

TIMEOUT = 0.05


@pytest.fixture(params=["refusing", "silent"])
def cache(request):
    """A cache on a port that nothing listens on, or that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if request.param == "silent":
            server.listen()
        cache = RedisCache(f"redis://127.0.0.1:{server.getsockname()[1]}/0", timeout=TIMEOUT)
        yield cache
        cache.close()


OPERATIONS = {
    "get": lambda cache: cache.get("key"),
    "set": lambda cache: cache.set("key", b"value", ttl=LONG),
    "delete": lambda cache: cache.delete("key"),
    "invalidate": lambda cache: cache.invalidate(["tag"]),
    "look_up": lambda cache: cache.look_up("key", tags=[], lease_seconds=LONG),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_fails_as_unavailable(cache, operation):
    with pytest.raises(CacheUnavailable, match=f"cache {operation}"):
        OPERATIONS[operation](cache)


def test_after_failures_in_a_row_the_server_is_not_asked(cache):
    for _ in range(2):
        with pytest.raises(CacheUnavailable):
            cache.get("key")
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(CacheUnavailable, match="skipped after failures"):
            cache.get("key")
    assert time.monotonic() - began < 100 * TIMEOUT


def test_what_is_owed_does_not_cost_a_second_wait(cache):
    with pytest.raises(CacheUnavailable):
        cache.delete("key")
    began = time.monotonic()
    with pytest.raises(CacheUnavailable):
        cache.delete("other")
    assert time.monotonic() - began < 1.0


def test_peeking_asks_no_server(cache):
    assert cache.peek("key") is None
