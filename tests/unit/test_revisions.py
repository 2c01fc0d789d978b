"""The quick look at the schema: where it says yes, Alembic has nothing to apply."""

import os
import signal
import subprocess
import sys
import tempfile
import threading

import psycopg2.extensions
import pytest

from flask_scale import migrate, revisions
from flask_scale.revisions import are_applied, wait_until_applied
from flask_scale.settings import Settings

MERGED = {"a": None, "b": "a", "c": "a", "d": ("b", "c")}


@pytest.fixture
def settings(database_url, alembic_folder):
    return Settings(database_url=database_url, migrations=str(alembic_folder))


def write(alembic_folder, graph, line="revision = {name!r}\ndown_revision = {before!r}\n"):
    for name, before in graph.items():
        text = line.format(name=name, before=before) + "def upgrade():\n    pass\n"
        (alembic_folder / "versions" / f"{name}.py").write_text(text)


@pytest.mark.parametrize("graph", [{"a": None}, {"a": None, "b": "a"}, {"a": None, "b": "a", "c": "a"}, MERGED])
def test_it_agrees_with_alembic(settings, alembic_folder, graph):
    write(alembic_folder, graph)
    assert not are_applied(settings)
    assert migrate.pending(settings)

    migrate.upgrade(settings)
    assert are_applied(settings)
    assert migrate.pending(settings) == []

    write(alembic_folder, {"later": next(reversed(graph))})
    assert not are_applied(settings)
    assert migrate.pending(settings)


def test_annotated_names_are_read_too(settings, alembic_folder):
    write(alembic_folder, {"a": None}, "revision: str = {name!r}\ndown_revision: str | None = {before!r}\n")
    migrate.upgrade(settings)
    assert are_applied(settings)


@pytest.mark.parametrize(
    "odd",
    [
        "revision = {name!r}.strip()\ndown_revision = {before!r}\n",
        "revision, down_revision = {name!r}, {before!r}\n",
        "revision = 'z'\nrevision = {name!r}\ndown_revision = {before!r}\n",
    ],
)
def test_names_that_are_no_constants_are_left_to_alembic(settings, alembic_folder, odd):
    write(alembic_folder, {"a": None}, odd)
    migrate.upgrade(settings)
    assert not are_applied(settings)
    assert migrate.pending(settings) == []


def test_without_a_url_libpq_is_not_asked_for_its_own_idea_of_one(settings, alembic_folder, monkeypatch):
    write(alembic_folder, {"a": None})
    migrate.upgrade(settings)
    parts = psycopg2.extensions.parse_dsn(settings.database_url)
    for name, value in {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}.items():
        monkeypatch.setenv(name, parts[value])
    monkeypatch.setenv("PGPASSWORD", parts.get("password", ""))
    assert not are_applied(Settings(migrations=str(alembic_folder)))


def test_without_folder_or_database_it_is_no(settings, alembic_folder):
    assert not are_applied(settings.model_copy(update={"migrations": str(alembic_folder / "none")}))
    assert not are_applied(settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"}))


def test_the_check_of_a_schema_that_is_current_imports_neither_alembic_nor_sqlalchemy(settings, alembic_folder):
    write(alembic_folder, {"a": None})
    migrate.upgrade(settings)
    code = (
        "import sys; from flask_scale.cli import group; group(['migrate', '--check'], standalone_mode=False); "
        "print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    environ = {"FLASK_SCALE_DATABASE_URL": settings.database_url, "FLASK_SCALE_MIGRATIONS": settings.migrations}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["the schema is current", "[]"]


def test_a_start_waits_for_whoever_migrates(settings, alembic_folder, monkeypatch):
    write(alembic_folder, {"a": None})
    for name in ("database_url", "migrations"):
        monkeypatch.setenv(f"FLASK_SCALE_{name.upper()}", getattr(settings, name))
    waiting = settings.model_copy(update={"wait_for_migrations_seconds": 60.0})
    later = threading.Timer(1.0, migrate.upgrade, [settings])
    later.start()
    wait_until_applied(waiting)
    assert are_applied(settings)
    later.join()


def test_a_start_waits_no_longer_than_it_is_told_and_not_at_all_unless_told(settings, monkeypatch, capfd):
    monkeypatch.setenv("FLASK_SCALE_DATABASE_URL", settings.database_url)
    wait_until_applied(settings)
    with pytest.raises(SystemExit) as end:
        wait_until_applied(settings.model_copy(update={"wait_for_migrations_seconds": 0.1}))
    assert end.value.code == 1
    assert "pending: flask_scale: 0001" in capfd.readouterr().out


def test_a_start_that_found_the_schema_once_does_not_wait_for_a_database_that_is_away(
    settings, alembic_folder, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write(alembic_folder, {"a": None})
    waiting = settings.model_copy(update={"wait_for_migrations_seconds": 0.1})
    away = waiting.model_copy(update={"connect_timeout_seconds": 1})
    monkeypatch.setenv("FLASK_SCALE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with monkeypatch.context() as down:
        down.setattr(psycopg2, "connect", refuse)
        with pytest.raises(SystemExit):
            wait_until_applied(away)
    migrate.upgrade(settings)
    wait_until_applied(waiting)
    with monkeypatch.context() as down:
        down.setattr(psycopg2, "connect", refuse)
        wait_until_applied(away)


def refuse(*_arguments, **_options):
    raise psycopg2.OperationalError("away")


def test_a_look_does_not_wait_for_a_lock_on_the_version_table(settings, alembic_folder, monkeypatch):
    monkeypatch.setattr(revisions, "LOOK_SECONDS", 1)
    write(alembic_folder, {"a": None})
    migrate.upgrade(settings)
    with psycopg2.connect(settings.database_url) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE flask_scale_version")
        assert not are_applied(settings)
    assert are_applied(settings)


@pytest.mark.parametrize("program", ["serve", "worker"])
def test_a_waiting_program_ends_when_told(settings, program):
    """The first process of a container gets no default action of SIGTERM."""
    environment = {
        **os.environ,
        "FLASK_SCALE_DATABASE_URL": settings.database_url,
        "FLASK_SCALE_WAIT_FOR_MIGRATIONS_SECONDS": "60",
    }
    command = [sys.executable, "-m", "flask_scale", program, "nobody:app"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout.readline() == "waiting: pending revisions: 2\n"
        waiting.terminate()
        assert waiting.wait(10) == 128 + signal.SIGTERM
