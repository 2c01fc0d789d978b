"""The Alembic folders of a deployment, and whether a database has all of their revisions.

Every pod asks that before it starts. Alembic and SQLAlchemy take longer to import than an app may take to start,
so that the look reads the revisions' names out of the files instead; only a yes is certain.
"""

import ast
import hashlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg2
from psycopg2 import sql

from flask_scale.settings import Settings

LIBRARY_VERSION_TABLE = "flask_scale_version"
APP_VERSION_TABLE = "alembic_version"

#: What the server's list of connections says of whoever looks at the schema or changes it.
APPLICATION_NAME = "flask-scale migrate"

#: Longest wait for the version tables, which a migration may have locked.
LOOK_SECONDS = 5


@dataclass(frozen=True)
class Folder:
    """An Alembic folder and the table that says how far it is."""

    name: str
    location: str
    version_table: str


def folders(settings: Settings) -> Iterator[Folder]:
    """The library's, then the app's where it has one."""
    yield Folder("flask_scale", str(Path(__file__).parent / "migrations"), LIBRARY_VERSION_TABLE)
    if settings.migrations is not None:
        yield Folder("app", settings.migrations, APP_VERSION_TABLE)


def are_applied(settings: Settings) -> bool:
    """True where the version tables name the newest revision of each folder.

    False where one is pending, and also where that cannot be told so simply: ask `migrate.pending`.
    """
    return _look(settings) == "applied"


def wait_until_applied(settings: Settings) -> None:
    """Return once nothing is pending, or at once where `wait_for_migrations_seconds` is 0.

    A database that is away is not waited for by a program that has found it current before, in the same place: it
    can serve what needs none.

    Raises:
        SystemExit: the time is over, the database refuses for good, or SIGTERM came; what was waited for is on stdout.
    """
    seconds = settings.wait_for_migrations_seconds
    if not seconds or settings.database_url is None:
        return
    # The first process of a container ends by SIGTERM only if it says so.
    before = signal.signal(signal.SIGTERM, lambda *_signal: sys.exit(128 + signal.SIGTERM))
    try:
        standing = _look(settings)
        if standing == "away" and _mark(settings).exists():
            return
        if standing != "applied":
            # In a process of its own, or each fork of this one would keep what it imports.
            wait = [sys.executable, "-m", "flask_scale", "migrate", "--check", "--wait", str(seconds)]
            done = subprocess.run(wait, check=False)
            if done.returncode:
                sys.exit(done.returncode)
        _mark(settings).touch()
    finally:
        signal.signal(signal.SIGTERM, before)


def _look(settings: Settings) -> Literal["applied", "away", "unsure"]:
    if settings.database_url is None:
        return "unsure"
    try:
        heads = {folder: _heads(Path(folder.location) / "versions") for folder in folders(settings)}
        connection = psycopg2.connect(
            settings.database_url.replace("postgresql+psycopg2:", "postgresql:", 1),
            connect_timeout=settings.connect_timeout_seconds,
            application_name=APPLICATION_NAME,
            options=f"-c statement_timeout={LOOK_SECONDS * 1000}",
        )
    except psycopg2.OperationalError:
        return "away"
    except (OSError, SyntaxError, ValueError):
        return "unsure"
    try:
        with closing(connection), connection.cursor() as cursor:
            for folder, newest in heads.items():
                cursor.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(folder.version_table)))
                if {name for (name,) in cursor.fetchall()} != newest:
                    return "unsure"
    except psycopg2.Error:
        return "unsure"
    return "applied"


def _mark(settings: Settings) -> Path:
    """A file that says that this database was found current once, for these folders."""
    what = f"{settings.database_url} {settings.migrations} {Path(__file__).parent}"
    return Path(tempfile.gettempdir()) / f"flask-scale-schema-{hashlib.sha256(what.encode()).hexdigest()[:16]}"


def _heads(versions: Path) -> set[object]:
    """The revisions that no other one follows.

    Raises:
        OSError, SyntaxError, ValueError: they do not stand in the files as constants.
    """
    names, followed = set[object](), set[object]()
    for file in versions.iterdir():
        if file.suffix == ".py" and not file.name.startswith(("__init__", ".#")):
            module = ast.parse(file.read_bytes(), str(file))
            names.add(_constant(module, "revision"))
            before = _constant(module, "down_revision")
            followed.update(before if isinstance(before, tuple | list) else [before])
    return names - followed


def _constant(module: ast.Module, name: str) -> object:
    """What a module assigns to a name, once and literally."""
    found = []
    for line in module.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.expr() as value) if target == name:
                found.append(value)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                found.append(value)
    if len(found) != 1:
        raise ValueError(f"{len(found)} times {name}")
    return ast.literal_eval(found[0])
