"""Idempotency-Key: a repeated request gets the stored response of the first.

Inside the transaction that does the work: `begin`, then either `check` and replay what is stored, or do the
work and `finish`. Key, job and response are committed together or not at all.
"""

import json
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from flask_scale.errors import IdempotencyInProgress, IdempotencyMismatch
from flask_scale.state import state_of

#: Held until the transaction ends, by the one request that works on the key.
LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:owner || chr(31) || :key, 0))")

FIND = text(
    """SELECT fingerprint, status, headers, body FROM idempotency_keys
    WHERE owner = :owner AND key = :key AND expires_at > now()"""
)

#: Writes over an entry whose time is over, and only over such a one.
KEEP = text(
    """INSERT INTO idempotency_keys (owner, key, fingerprint, status, headers, body, expires_at)
    VALUES (:owner, :key, :fingerprint, :status, CAST(:headers AS json), :body, now() + make_interval(secs => :ttl))
    ON CONFLICT (owner, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status,
        headers = excluded.headers, body = excluded.body, created_at = now(), expires_at = excluded.expires_at
    WHERE idempotency_keys.expires_at <= now()"""
)


@dataclass(frozen=True)
class StoredResponse:
    """What the first request with a key was answered."""

    fingerprint: str
    status: int
    headers: dict[str, str]
    body: str


class IdempotencyKeys:
    """The keys, seen from one transaction."""

    def __init__(self, session: Session, ttl_seconds: float | None = None) -> None:
        self._session = session
        self._ttl_seconds = state_of().settings.idempotency_ttl_seconds if ttl_seconds is None else ttl_seconds

    def begin(self, owner: str, key: str) -> StoredResponse | None:
        """Take the key for this transaction, and return what an earlier one stored under it.

        Raises:
            IdempotencyInProgress: another request works on the key at this moment.
        """
        if not self._session.scalar(LOCK, {"owner": owner, "key": key}):
            raise IdempotencyInProgress("the first request with this Idempotency-Key has not finished")
        row = self._session.execute(FIND, {"owner": owner, "key": key}).mappings().first()
        return StoredResponse(**row) if row is not None else None

    @staticmethod
    def check(stored: StoredResponse, fingerprint: str) -> None:
        """See that the key comes with the payload it came with first.

        Raises:
            IdempotencyMismatch: it comes with another.
        """
        if stored.fingerprint != fingerprint:
            raise IdempotencyMismatch("this Idempotency-Key was used with another request")

    def finish(self, owner: str, key: str, fingerprint: str, status: int, body: str, headers: dict[str, str]) -> None:
        """Store the response; the caller's commit makes it count.

        Raises:
            IdempotencyInProgress: the key was stored meanwhile by a transaction that never called `begin`.
        """
        values = {"owner": owner, "key": key, "fingerprint": fingerprint, "status": status, "body": body}
        kept = self._session.execute(KEEP, {**values, "headers": json.dumps(headers), "ttl": self._ttl_seconds})
        if kept.rowcount != 1:  # type: ignore[attr-defined]
            raise IdempotencyInProgress("another request has stored this Idempotency-Key meanwhile")
