"""The settings: one frozen object, and the only reader of the environment.

Each setting comes from the environment variable `FLASK_SCALE_<NAME>`, else from
`app.config["FLASK_SCALE_<NAME>"]`, else from its default. Units are in the names.
"""

import difflib
import os
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from flask_scale.errors import SettingsError

PREFIX = "FLASK_SCALE_"

Model = TypeVar("Model", bound=BaseModel)

#: Passwords that stand in examples and must never reach a running system.
PLACEHOLDERS = frozenset({"changeme", "change-me", "change_me", "password", "secret", "placeholder", "example", "todo"})

#: The URLs, which may hold a password and are never shown, and the schemes each takes.
URL_SCHEMES = {
    "database_url": ("postgresql", "postgres", "postgresql+psycopg2"),
    "cache_url": ("redis", "rediss", "unix"),
    "broker_url": ("redis", "rediss"),
}


class Settings(BaseModel):
    """All that can be set. Build it with `load_settings`, which turns errors into one clear line."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Server. The first four are the tutorial's `gunicorn -w 4 -k gevent -b 0.0.0.0:8000`.
    bind: str = Field("0.0.0.0:8000", description="Address that clients (the proxy) reach, host:port.")
    internal_bind: str = Field(
        "127.0.0.1:8001",
        description="Address of /livez, /readyz and /metrics, host:port; never where clients reach it.",
    )
    workers: int = Field(4, ge=1, le=256, description="gunicorn worker processes.")
    worker_class: Literal["fast", "gevent", "gthread", "sync"] = Field(
        "fast",
        description="gunicorn worker class: fast is gevent with a shorter way for plain requests; gthread or sync "
        "for CPU-bound apps.",
    )
    worker_connections: int = Field(1000, ge=1, description="Connections a fast or gevent gunicorn worker holds open.")
    threads: int = Field(8, ge=1, description="Threads of one gthread gunicorn worker.")
    keepalive_seconds: int = Field(75, ge=0, description="Idle keep-alive; keep it above the proxy's own (60).")
    timeout_seconds: int = Field(60, ge=1, description="A gunicorn worker silent for this long is replaced.")
    graceful_timeout_seconds: int = Field(30, ge=1, description="Time in which a drain finishes what is in flight.")
    drain_seconds: float = Field(
        3.0, ge=0, description="After SIGTERM, readiness fails for this long before listeners close."
    )
    max_requests: int = Field(0, ge=0, description="Requests after which a gunicorn worker is recycled; 0 is never.")
    forwarded_allow_ips: str = Field(
        "127.0.0.1,::1", description="Proxies whose X-Forwarded-* is believed: addresses or networks by comma."
    )
    proxy_hops: int = Field(1, ge=0, le=10, description="Trusted proxies in front; 0 ignores X-Forwarded-*.")
    max_body_bytes: int = Field(0, ge=0, description="Largest request body; 0 leaves the app's own limit.")

    # Overload.
    max_in_flight: int = Field(
        512, ge=0, description="Requests in flight over one gunicorn's processes before 503; 0 is no limit."
    )

    # Database: the tutorial's pool of 10 + 5, recycled at 1800 s.
    database_url: str | None = Field(
        None, repr=False, description="postgresql://... ; absent: no database and no jobs."
    )
    pool_size: int = Field(10, ge=1, description="Connections a process keeps open.")
    max_overflow: int = Field(5, ge=0, description="Connections a process opens beyond the pool under load.")
    pool_recycle_seconds: int = Field(1800, ge=1, description="Age at which a connection is replaced.")
    pool_timeout_seconds: float = Field(2.0, gt=0, description="Longest wait for a connection.")
    statement_timeout_seconds: float = Field(
        30.0, ge=0, description="PostgreSQL ends longer statements; 5 s later a silent one is given up; 0 is never."
    )
    connect_timeout_seconds: int = Field(3, ge=1, description="Longest wait for a new database connection.")
    migrations: str | None = Field(None, description="The app's own Alembic folder, for `flask-scale migrate`.")
    wait_for_migrations_seconds: float = Field(
        0.0, ge=0, description="Longest wait of a starting server or worker for the newest schema; 0 does not look."
    )

    # Cache: the tutorial's `setex` of 300 s.
    cache_url: str | None = Field(
        None, repr=False, description="redis://... ; absent: an in-memory cache in each process."
    )
    cache_ttl_seconds: float = Field(300.0, gt=0, description="How long a cached value is fresh.")
    cache_stale_seconds: float = Field(30.0, ge=0, description="How long after that it is served while one reloads.")
    cache_lease_seconds: float = Field(
        30.0, gt=0, description="A loader silent for this long is taken for dead and another loads."
    )
    cache_timeout_seconds: float = Field(0.1, gt=0, description="Longest wait for the cache, connect and read each.")
    cache_prefix: str = Field("fs:", max_length=32, description="Begins every cache key; one a deployment.")
    cache_responses: str = Field(
        "",
        description="Responses that anybody may have, by path: `/reports/* ttl=60 stale=30 tags=reports; /about`.",
    )
    cache_response_max_bytes: int = Field(
        1024 * 1024, ge=0, description="Largest response body that is cached; larger ones pass through."
    )
    cache_edge_seconds: int = Field(
        0,
        ge=0,
        le=3600,
        description="How long nginx in front may keep public responses that say nothing of it; 0 keeps none there.",
    )
    cache_memory_bytes: int = Field(32 * 1024 * 1024, ge=0, description="Size of a process's own L1; 0 is none.")
    cache_memory_ttl_seconds: float = Field(5.0, ge=0, description="Longest time an L1 entry is trusted.")

    # Jobs.
    broker_url: str | None = Field(
        None, repr=False, description="redis://... of the Celery broker; its own instance, noeviction."
    )
    job_lease_seconds: float = Field(30.0, gt=0, description="A running job silent for this long is started again.")
    job_heartbeat_seconds: float = Field(10.0, gt=0, description="How often a running job renews its lease.")
    job_sweep_seconds: float = Field(5.0, gt=0, description="How often each Celery worker looks for lost jobs.")
    job_publish_timeout_seconds: float = Field(0.2, gt=0, description="Longest wait for the broker in a request.")
    job_timeout_seconds: float = Field(600.0, gt=0, description="A task's time limit where it names none.")
    job_max_attempts: int = Field(5, ge=1, description="A task's attempts where it names none.")
    job_backoff_base_seconds: float = Field(1.0, gt=0, description="Retry n waits up to base * 2**n, full jitter.")
    job_backoff_cap_seconds: float = Field(300.0, gt=0, description="Longest such wait.")
    job_keep_seconds: float = Field(
        2_592_000.0, ge=0, le=3e9, description="Age at which a finished job is deleted, its events too; 0 keeps it."
    )
    job_max_memory_bytes: int = Field(
        0, ge=0, description="Memory that one job may take in the prefork pool on Linux; over it it fails; 0: no limit."
    )
    idempotency_ttl_seconds: float = Field(86400.0, gt=0, description="How long an Idempotency-Key is remembered.")
    worker_pool: Literal["prefork", "threads", "solo"] = Field("prefork", description="Celery pool.")
    worker_concurrency: int = Field(2, ge=1, description="Jobs one Celery worker runs at once.")
    worker_queues: str = Field("default", description="Queues a Celery worker serves, by comma, first first.")
    worker_internal_bind: str = Field("127.0.0.1:8002", description="The Celery worker's /livez, /readyz, /metrics.")

    # Logs.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object a line, or for eyes.")
    access_log: bool = Field(True, description="One structured line a request.")

    # Tests.
    failpoints: str | None = Field(None, description="Folder of faults to meet; for tests of faults alone.")

    @field_validator("database_url", "cache_url", "broker_url")
    @classmethod
    def _check_url(cls, value: str | None, info: Any) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        schemes = URL_SCHEMES[info.field_name]
        if parts.scheme not in schemes:
            raise ValueError(f"must begin with {schemes[0]}://")
        parts.port  # noqa: B018 - raises ValueError where it is no number
        if parts.password and parts.password.strip("<>").lower() in PLACEHOLDERS:
            raise ValueError("has a placeholder as its password; set a real one")
        database = parts.path.strip("/")
        if parts.scheme in ("redis", "rediss") and database and not database.isdigit():
            raise ValueError("must end with the number of a database, such as redis://host:6379/0, or without one")
        return value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip() not in ("", "*"):
                ip_network(name.strip())
        return value

    @field_validator("worker_queues")
    @classmethod
    def _check_queues(cls, value: str) -> str:
        if not all(name.strip() for name in value.split(",")):
            raise ValueError("must be queue names by comma, such as default,slow")
        return value

    @field_validator("bind", "internal_bind", "worker_internal_bind")
    @classmethod
    def _check_bind(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be host:port, such as 0.0.0.0:8000")
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.job_heartbeat_seconds * 2 > self.job_lease_seconds:
            raise ValueError(f"{PREFIX}JOB_HEARTBEAT_SECONDS must be at most half of {PREFIX}JOB_LEASE_SECONDS")
        if self.bind == self.internal_bind:
            raise ValueError(f"{PREFIX}BIND and {PREFIX}INTERNAL_BIND must differ")
        return self


def load_settings(config: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process's) over `config` (an `app.config`).

    Raises:
        SettingsError: one line that names the setting, what is wrong and what to do.
    """
    return read_settings(Settings, PREFIX, config, environ)


def read_settings(
    model: type[Model],
    prefix: str,
    config: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Model:
    """Read any settings model so: `environ` over `config`, names that begin with `prefix`. For an app's own settings.

    Raises:
        SettingsError: as `load_settings`; a name with the prefix that the model does not have is one too.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for source in (config or {}, environ):
        for name in source:
            if isinstance(name, str) and name.startswith(prefix) and source[name] != "":
                values[_field_of(model, prefix, name)] = source[name]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_one_line(prefix, error)) from None


def _field_of(model: type[BaseModel], prefix: str, name: str) -> str:
    field = name.removeprefix(prefix).lower()
    if field in model.model_fields and name == prefix + field.upper():
        return field
    near = difflib.get_close_matches(field, model.model_fields, n=1, cutoff=0.5)
    remedy = f"did you mean {prefix}{near[0].upper()}?" if near else "see docs/reference/settings.md"
    raise SettingsError(f"{name} is not a setting: {remedy}")


def _one_line(prefix: str, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    what = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"settings: {what}"
    field = str(first["loc"][0])
    shown = "" if field in URL_SCHEMES else f"={first['input']!r}"
    return f"{prefix}{field.upper()}{shown}: {what}"
