"""The cache that processes share, on Redis or Valkey.

Failure policy: fail open, and fast. Connect, read and the wait for a pooled connection are each bounded
by `cache_timeout_seconds`, without retries; a breaker then skips the server. Each failure raises
CacheUnavailable and is counted in `flask_scale_cache_errors`; `TieredCache` turns it into a miss.
A drop that the server did not confirm is made up for before anything else is asked of it, and so is the end of a load:
others would wait for it until its lease ends.

Whoever drops something waits until every process that listens has dropped it too, most of `cache_timeout_seconds`
at most: one that hangs holds nobody up, and answers from its own memory until it wakes and hears of it.
"""

import json
import logging
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from flask_scale.breaker import Breaker
from flask_scale.cache import scripts
from flask_scale.cache.contract import Entry, Found, Lease, check_names
from flask_scale.cache.drops import Drops, Owed
from flask_scale.errors import CacheUnavailable
from flask_scale.metrics.instruments import instruments

T = TypeVar("T")

#: Connections a process opens at most; more callers at once wait, at most the timeout.
POOL_SIZE = 50

#: For this part of the timeout others are waited for; what is left is the answer's own way.
WAIT_SHARE = 0.8

#: After a wait in vain others are not waited for, in seconds.
IN_VAIN_SECONDS = 1.0

log = logging.getLogger(__name__)


class RedisCache:
    """Entries by key under `prefix`, on the server at `url`; each operation is one round trip.

    `timeout` is in seconds, for connect, read and the wait for a connection each. It needs one
    server (a primary with replicas is one); Redis Cluster spreads keys that the scripts read together.
    `revive` makes of a value's bytes what the process keeps instead: bytes too, that know more.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "fs:",
        timeout: float = 0.1,
        revive: Callable[[bytes], bytes] = lambda value: value,
    ) -> None:
        self._url = url
        self._revive = revive
        self._prefix = prefix
        self._timeout = timeout
        self.channel = f"{prefix}drops"
        self.after_fork()

    def after_fork(self) -> None:
        """Make a client of its own; the parent's sockets and what it owes are left to the parent."""
        self._breaker = Breaker()
        self._owed = Owed()
        self.client = _client(self._url, self._timeout, POOL_SIZE)
        # Waits hold a connection each, and must not hold up what they wait for.
        self._waits = _client(self._url, self._timeout, POOL_SIZE)
        self._receipts = _client(self._url, self._timeout, 1)
        self._wait_again_at = 0.0
        self._get = self.client.register_script(scripts.GET)
        self._look_up = self.client.register_script(scripts.LOOK_UP)
        self._store = self.client.register_script(scripts.STORE)
        self._set = self.client.register_script(scripts.SET)
        self._unlink = self.client.register_script(scripts.DROP)
        self._heard = self._receipts.register_script(scripts.HEARD)
        self._release = self.client.register_script(scripts.RELEASE)

    def close(self) -> None:
        for client in (self.client, self._waits, self._receipts):
            client.close()

    def peek(self, key: str) -> Entry | None:
        return None

    def standing(self) -> int | None:
        return None

    def get(self, key: str) -> Entry | None:
        check_names(key)
        kept, left = self._ask("get", lambda: self._get([self._name("value", key)], [self._name("tag", "")]))
        return self._entry(kept, left)

    def set(self, key: str, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] = ()) -> None:
        check_names(key, *tags)
        if ttl <= 0:
            self.delete(key)
            return
        drops, news = Drops(keys=(key,)), Drops(keys=(key,), receipt=secrets.token_hex(8))
        arguments: list[Any] = [value, _milliseconds(ttl + stale), _milliseconds(stale), secrets.token_hex(8)]
        arguments += [scripts.LOAD_MILLISECONDS, *self._news(news), *map(_bytes, tags)]
        if self._ask("set", lambda: self._set(self._names(key, tags), arguments), owes=drops):
            self._await(news.receipt)

    def delete(self, key: str) -> None:
        check_names(key)
        self._drop("delete", Drops(keys=(key,)))

    def invalidate(self, tags: Collection[str]) -> None:
        check_names(*tags)
        self._drop("invalidate", Drops(tags=tuple(tags)))

    def look_up(self, key: str, *, tags: Collection[str], lease_seconds: float) -> Found:
        check_names(key, *tags)
        token = secrets.token_hex(8)
        arguments: list[Any] = [self._name("tag", ""), token, _milliseconds(lease_seconds), scripts.LOAD_MILLISECONDS]
        kept, left, *granted = self._ask("look_up", lambda: self._request(key, token, tags, arguments))
        if not granted:
            return Found(self._entry(kept, left), None)
        version, *generations = (stand.decode() for stand in granted[0])
        lease = Lease(key, token, version, dict(zip(tags, generations, strict=True)))
        return Found(self._entry(kept, left), lease)

    def store(self, lease: Lease, value: bytes, *, ttl: float, stale: float = 0.0) -> bool:
        head = json.dumps({"stale": _milliseconds(stale), "tags": dict(lease.generations)}, ensure_ascii=False)
        milliseconds = _milliseconds(ttl + stale) if ttl > 0 else 0
        arguments: list[Any] = [lease.token, _bytes(head) + b"\n" + value, milliseconds, lease.version]
        arguments += lease.generations.values()
        names = self._names(lease.key, lease.generations)
        ended = _lease(lease.key, lease.token)
        return bool(self._ask("store", lambda: self._store(names, arguments), owes=ended))

    def release(self, lease: Lease) -> None:
        self._drop("release", _lease(lease.key, lease.token))

    def heard(self, receipt: str) -> None:
        """Say that this process has dropped what it was told of; nobody waits long for it."""
        if receipt:
            with suppress(RedisError, OSError):
                self._heard([self._name("waiting", receipt), self._name("heard", receipt)])

    def settle(self) -> None:
        """Send the drops that are owed, whatever the breaker says.

        Raises:
            CacheUnavailable: no answer; they stay owed.
        """
        self._settle("settle")

    def _settle(self, operation: str) -> None:
        with self._owed.taken() as drops:
            if drops:
                self._try(operation, lambda: self._send(drops))

    def _request(self, key: str, token: str, tags: Collection[str], arguments: list[Any]) -> Any:
        try:
            return self._look_up(self._names(key, tags), arguments)
        except BaseException:
            # A hung server does it when it wakes: the lease would then be nobody's.
            self._owed.add(_lease(key, token))
            raise

    def _drop(self, operation: str, drops: Drops) -> None:
        if receipt := self._ask(operation, lambda: self._send(drops), owes=drops):
            self._await(receipt)

    def _await(self, receipt: str) -> None:
        """Wait until all who were told have dropped it.

        Where somebody listens who never says so (a process that hangs, or one of an older version), most drops do
        not wait for them: after one wait in vain none is tried for a while.
        """
        if time.monotonic() < self._wait_again_at:
            return
        with suppress(RedisError, OSError):
            if self._waits.blpop([self._name("heard", receipt)], timeout=WAIT_SHARE * self._timeout):
                return
        self._wait_again_at = time.monotonic() + IN_VAIN_SECONDS

    def _news(self, drops: Drops) -> list[Any]:
        """Channel, message, and the name of those who have not heard it yet."""
        return [self.channel, drops.message(), self._name("waiting", drops.receipt)]

    def _send(self, drops: Drops) -> str:
        """Drop it, and tell all; gives the receipt, "" where nobody listens."""
        names = [self._name(kind, key) for key in drops.keys for kind in ("value", "lease", "load")]
        names += [self._name("tag", tag) for tag in drops.tags]
        for key, token in drops.leases:
            self._release([self._name("lease", key)], [token])
        if not names:
            return ""
        news = replace(drops, receipt=secrets.token_hex(8))
        return news.receipt if self._unlink(names, self._news(news)) else ""

    def _ask(self, operation: str, do: Callable[[], T], *, owes: Drops | None = None) -> T:
        """Do it if the breaker allows, after what is owed; what fails is owed from then on."""
        try:
            if not self._breaker.allows():
                instruments().cache_errors.labels(operation).inc()
                raise CacheUnavailable(f"cache {operation}: the server is skipped after failures")
            self._settle(operation)
            return self._try(operation, do)
        except BaseException:
            if owes is not None:
                self._owed.add(owes)
            raise

    def _try(self, operation: str, do: Callable[[], T]) -> T:
        try:
            answer = do()
        except (RedisError, OSError) as error:
            instruments().cache_errors.labels(operation).inc()
            if self._breaker.failed():
                log.warning("the cache server fails and is skipped for a while: %s", error)
                # Another server may stand behind the name by then.
                self.client.connection_pool.disconnect(inuse_connections=False)
            raise CacheUnavailable(f"cache {operation}: {error}") from error
        if self._breaker.succeeded():
            log.warning("the cache server answers again")
        return answer

    def _entry(self, kept: bytes | None, left: int) -> Entry | None:
        if kept is None or left <= 0:
            return None
        head, _, value = kept.partition(b"\n")
        meta = json.loads(head.decode("utf-8", "surrogatepass"))
        return Entry(self._revive(value), (left - meta["stale"]) / 1000, left / 1000, tuple(meta["tags"]))

    def _names(self, key: str, tags: Collection[str]) -> list[bytes]:
        names = [self._name(kind, key) for kind in ("value", "lease", "load")]
        return names + [self._name("tag", tag) for tag in tags]

    def _name(self, kind: str, name: str) -> bytes:
        return _bytes(f"{self._prefix}{kind}:{name}")


def _client(url: str, timeout: float, size: int) -> Redis:
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=size,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    return Redis(connection_pool=pool)


def _lease(key: str, token: str) -> Drops:
    return Drops(leases=((key, token),))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _milliseconds(seconds: float) -> int:
    return max(int(seconds * 1000), 1) if seconds > 0 else 0
