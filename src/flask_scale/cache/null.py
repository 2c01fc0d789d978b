"""The cache that keeps nothing: caching switched off without touching a caller.

Failure policy: it has no way to fail.
"""

import secrets
from collections.abc import Collection

from flask_scale.cache.contract import Entry, Found, Lease, check_names


class NullCache:
    """Every look-up is a miss and gets a lease; callers at the same moment still share one load."""

    def peek(self, key: str) -> Entry | None:
        return None

    def standing(self) -> int | None:
        return None

    def get(self, key: str) -> Entry | None:
        check_names(key)
        return None

    def set(self, key: str, value: bytes, *, ttl: float, stale: float = 0.0, tags: Collection[str] = ()) -> None:
        check_names(key, *tags)

    def delete(self, key: str) -> None:
        check_names(key)

    def invalidate(self, tags: Collection[str]) -> None:
        check_names(*tags)

    def look_up(self, key: str, *, tags: Collection[str], lease_seconds: float) -> Found:
        check_names(key, *tags)
        return Found(None, Lease(key, secrets.token_hex(8)))

    def store(self, lease: Lease, value: bytes, *, ttl: float, stale: float = 0.0) -> bool:
        return True

    def release(self, lease: Lease) -> None: ...

    def after_fork(self) -> None: ...

    def close(self) -> None: ...
