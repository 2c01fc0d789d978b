"""What is on, what is missing and what is dangerous about an app and its settings, each with its remedy.

`flask-scale doctor` prints it. A check that cannot reach its server says so as a finding; it never raises.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from flask_scale import migrate
from flask_scale.database import Database
from flask_scale.jobs.postgres import PostgresJobStore
from flask_scale.settings import Settings
from flask_scale.state import state_of

Level = Literal["ok", "missing", "danger"]

#: Longest wait for a server that a check asks, in seconds.
TIMEOUT_SECONDS = 2.0

#: Share of PostgreSQL's `max_connections` that one instance of API and Celery worker may use.
CONNECTION_SHARE = 0.8

#: Parts that have a check of their own, or are on only while the app is served.
CHECKED_BELOW = frozenset({"database", "cache", "jobs", "health", "limits"})


@dataclass(frozen=True)
class Finding:
    """One line of the table. `remedy` is empty where all is well."""

    level: Level
    subject: str
    what: str
    remedy: str = ""


def examine(settings: Settings, app: Flask | None = None) -> Iterator[Finding]:
    """Yield the findings, app first. `app` has been given to FlaskScale; None checks the settings alone."""
    if app is not None:
        yield from _app(app)
    yield from _server(settings)
    for check in (_database, _cache, _broker):
        yield from check(settings)


def _app(app: Flask) -> Iterator[Finding]:
    for name, status in state_of(app).parts.items():
        if name not in CHECKED_BELOW:
            yield Finding("ok", name, status)
    if app.debug:
        yield Finding("danger", "debug", "debug mode is on: anyone can run code", "unset FLASK_DEBUG and app.debug")
    secret = app.config.get("SECRET_KEY")
    if isinstance(secret, (str, bytes)) and len(secret) < 16:
        yield Finding(
            "danger",
            "SECRET_KEY",
            "shorter than 16 characters: sessions can be forged",
            "set it to the output of: python -c 'import secrets; print(secrets.token_hex())'",
        )


def _server(settings: Settings) -> Iterator[Finding]:
    if settings.forwarded_allow_ips.strip() == "*":
        yield Finding(
            "danger",
            "forwarded_allow_ips",
            "* believes an X-Forwarded-For of anyone",
            "set FLASK_SCALE_FORWARDED_ALLOW_IPS to the proxy's address or network",
        )
    if settings.keepalive_seconds <= 60:
        yield Finding(
            "danger",
            "keepalive_seconds",
            f"{settings.keepalive_seconds} s is not above the proxy's usual 60 s: closing races give 502",
            "set FLASK_SCALE_KEEPALIVE_SECONDS=75",
        )
    if settings.max_in_flight == 0:
        yield Finding("missing", "max_in_flight", "no overload protection", "set FLASK_SCALE_MAX_IN_FLIGHT=512")


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        url = "FLASK_SCALE_DATABASE_URL=postgresql://user:password@host/name"
        yield Finding("missing", "database", "none is set: no sessions and no jobs", f"set {url}")
        return
    database = Database(settings)
    try:
        started = time.perf_counter()
        with database.engine.connect() as connection:
            allowed = int(connection.scalar(text("SHOW max_connections")) or 0)
        yield Finding("ok", "database", f"answers in {_milliseconds(started)}")
        yield from _connections(settings, allowed)
        pending = list(migrate.pending(settings))
        unhandled = {} if pending else PostgresJobStore(database).unhandled()
    except SQLAlchemyError as error:
        yield Finding("danger", "database", _first_line(error), "start it, or correct FLASK_SCALE_DATABASE_URL")
        return
    finally:
        database.close()
    if pending:
        yield Finding("danger", "schema", f"{len(pending)} migrations are pending", "run: flask-scale migrate")
    for task, waiting in unhandled.items():
        what = f"{waiting} jobs wait and no running Celery worker handles them"
        yield Finding("danger", f"task {task}", what, "start: flask-scale worker APP")


def _connections(settings: Settings, allowed: int) -> Iterator[Finding]:
    api = settings.workers * (settings.pool_size + settings.max_overflow)
    worker = settings.worker_concurrency * 2 + 2
    what = f"up to {api} by the API and {worker} by a Celery worker, of {allowed}"
    if api + worker > allowed * CONNECTION_SHARE:
        yield Finding(
            "danger",
            "connections",
            what,
            "lower FLASK_SCALE_WORKERS or FLASK_SCALE_POOL_SIZE, or raise PostgreSQL's max_connections",
        )
    else:
        yield Finding("ok", "connections", what)


def _cache(settings: Settings) -> Iterator[Finding]:
    if settings.cache_url is None:
        what = "in each process's own memory: processes share nothing"
        yield Finding("missing", "cache", what, "set FLASK_SCALE_CACHE_URL=redis://host:6379/0")
        return
    try:
        client = _client(settings.cache_url)
        client.ping()
        started = time.perf_counter()
        client.ping()
        taken = time.perf_counter() - started
    except redis.RedisError as error:
        yield Finding("danger", "cache", _first_line(error), "start it, or correct FLASK_SCALE_CACHE_URL")
        return
    if taken > settings.cache_timeout_seconds / 2:
        yield Finding(
            "danger",
            "cache",
            f"answers in {taken * 1000:.1f} ms, its timeout is {settings.cache_timeout_seconds * 1000:.0f} ms",
            "bring it nearer, or raise FLASK_SCALE_CACHE_TIMEOUT_SECONDS",
        )
    else:
        yield Finding("ok", "cache", f"answers in {taken * 1000:.1f} ms")
    if settings.broker_url == settings.cache_url:
        yield Finding(
            "danger",
            "cache",
            "shares its instance with the broker: eviction eats jobs' messages",
            "give FLASK_SCALE_BROKER_URL an instance of its own",
        )


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is None:
        what = "none is set: jobs are accepted, and wait"
        yield Finding("missing", "broker", what, "set FLASK_SCALE_BROKER_URL=redis://host:6379/0")
        return
    try:
        client = _client(settings.broker_url)
        started = time.perf_counter()
        client.ping()
    except redis.RedisError as error:
        yield Finding("danger", "broker", _first_line(error), "start it, or correct FLASK_SCALE_BROKER_URL")
        return
    yield Finding("ok", "broker", f"answers in {_milliseconds(started)}")
    policy = _eviction_policy(client)
    if policy not in ("noeviction", ""):
        yield Finding("danger", "broker", f"evicts messages ({policy})", "set its maxmemory-policy to noeviction")


def _eviction_policy(client: redis.Redis) -> str:
    """What the server evicts; empty where it does not say, as managed ones do not."""
    try:
        return str(client.config_get("maxmemory-policy").get("maxmemory-policy", ""))
    except redis.RedisError:
        return ""


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def _milliseconds(started: float) -> str:
    return f"{(time.perf_counter() - started) * 1000:.1f} ms"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
