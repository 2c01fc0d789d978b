"""API keys: 256 random bits that are shown once, and kept as their SHA-256.

Failure policy: a key that was found good is trusted for `TRUST_SECONDS`. A revocation is told to
every process through the cache; where that fails it holds after `TRUST_SECONDS` at the latest.
With the database down a key that is not remembered cannot be checked: the caller gets its error.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import Date, cast, func, or_, select, update
from sqlalchemy.orm import Session

from services.domain.errors import ApiKeyNotFound
from services.domain.models import ApiKey
from services.domain.scale import scale

Scope = Literal["users:read", "users:write", "jobs", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

#: Begins every key, so that people and secret scanners know one when they see it.
PREFIX = "fsk_"
SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}\Z", re.ASCII)

#: Longest time for which a key is used without being read from the database again.
TRUST_SECONDS = 30
TAG = "api-keys"


@dataclass(frozen=True)
class Access:
    """What a good key allows. `owner` names whose jobs and files are made with it."""

    owner: str
    name: str
    scopes: frozenset[str]

    def allows(self, scope: Scope) -> bool:
        """True where the key has the scope; `admin` has them all."""
        return scope in self.scopes or "admin" in self.scopes


def create(session: Session, name: str, scopes: Sequence[Scope], expires_at: datetime | None = None) -> str:
    """Make a key and return it; nobody can read it again. The caller commits."""
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(name=name, hash=_hash(secret), scopes=sorted(scopes), expires_at=expires_at)
    session.add(key)
    session.flush()
    return secret


def list_all(session: Session) -> Sequence[ApiKey]:
    """Every key, revoked ones too, oldest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def revoke(key_id: UUID) -> None:
    """End a key now, in a transaction of its own, and tell every process.

    Raises:
        ApiKeyNotFound: no such key, or revoked already.
    """
    statement = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now())
    with scale.database.transaction() as session:
        if session.scalar(statement.returning(ApiKey.id)) is None:
            raise ApiKeyNotFound(f"no active API key {key_id}")
    scale.invalidate(TAG)


def check(secret: str) -> Access | None:
    """Say what `secret` allows; None where it is unknown, revoked or expired."""
    if SHAPE.match(secret) is None:
        return None
    digest = _hash(secret).hex()
    found = read(digest)
    if found is not None and abs(time.time() - found["read_at"]) > TRUST_SECONDS:
        found = read.uncached(digest)
    if found is None or (found["expires_at"] is not None and found["expires_at"] <= time.time()):
        return None
    return Access(owner=found["id"], name=found["name"], scopes=frozenset(found["scopes"]))


@scale.cached(ttl=TRUST_SECONDS, stale=0, tags=[TAG])
def read(digest: str) -> dict[str, Any] | None:
    """Read an active key by the hexadecimal SHA-256 of its secret, and note the day of its use."""
    with scale.database.transaction() as session:
        key = session.scalar(select(ApiKey).where(ApiKey.hash == bytes.fromhex(digest), ApiKey.revoked_at.is_(None)))
        if key is None:
            return None
        _note_use(session, key)
        return {
            "id": str(key.id),
            "name": key.name,
            "scopes": key.scopes,
            "expires_at": key.expires_at.timestamp() if key.expires_at else None,
            "read_at": time.time(),
        }


def _note_use(session: Session, key: ApiKey) -> None:
    """Write the day, in UTC, at most once a day a key."""
    today = cast(func.timezone("UTC", func.now()), Date)
    unused_today = or_(ApiKey.last_used_on.is_(None), ApiKey.last_used_on < today)
    session.execute(update(ApiKey).where(ApiKey.id == key.id, unused_today).values(last_used_on=today))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
