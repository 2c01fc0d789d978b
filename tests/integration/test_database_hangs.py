"""A PostgreSQL that hangs: it is there, its connections live, and it answers nothing."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import psutil
import psycopg2
import pytest
import requests
from sqlalchemy import exc, text

from flask_scale import silence
from flask_scale.database import Database
from flask_scale.dev.postgres import Postgres
from flask_scale.settings import Settings
from tests.support.directory import Directory
from tests.support.gunicorn import Gunicorn, serving
from tests.support.jobs import Farm, wait_for

#: Far beyond what is promised, and nothing to a wait that never ends. In seconds.
AT_LONGEST = 60


@pytest.fixture
def served(directory: Directory, directory_database_url: str, tmp_path) -> Iterator[Gunicorn]:
    """The API on gunicorn with gevent."""
    settings = {"database_url": directory_database_url, "statement_timeout_seconds": 1}
    with serving("services.api.app:create_app()", tmp_path, **settings) as server:
        yield server


@pytest.fixture
def build(database_url, monkeypatch):
    """Builds databases with other settings, and closes them."""
    monkeypatch.setattr(silence, "GRACE_SECONDS", 0.5)
    made = []

    def build(**settings):
        made.append(Database(Settings(database_url=database_url, **settings)))
        return made[-1]

    yield build
    for one in made:
        one.close()


@contextmanager
def hanging(server: Postgres) -> Iterator[None]:
    """While inside, the server and every process of its is stopped."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


def ask(served: Gunicorn, directory: Directory) -> int:
    return served.get("/v1/users", {"Authorization": f"Bearer {directory.key}"}, timeout=AT_LONGEST).status


def test_requests_are_answered_503_and_work_again_once_the_server_does(served, directory, postgres_server):
    with ThreadPoolExecutor(8) as clients:
        wait_for(lambda: set(clients.map(lambda _: ask(served, directory), range(8))) == {200})

        with hanging(postgres_server):
            assert set(clients.map(lambda _: ask(served, directory), range(8))) == {503}

        wait_for(lambda: set(clients.map(lambda _: ask(served, directory), range(8))) == {200})


def test_a_scrape_of_the_api_is_answered_without_the_queues(served, directory, postgres_server):
    ask(served, directory)
    wait_for(lambda: "flask_scale_queue_depth" in served.probe("/metrics", timeout=AT_LONGEST).body.decode())

    with hanging(postgres_server):
        answer = served.probe("/metrics", timeout=AT_LONGEST)

    assert answer.status == 200
    assert "flask_http_request_total" in answer.body.decode()
    assert "flask_scale_queue_depth" not in answer.body.decode()


def test_a_scrape_of_a_worker_is_answered_without_the_queues(
    migrated_database_url, broker_url, tmp_path, postgres_server
):
    with Farm(migrated_database_url, broker_url, tmp_path) as farm:
        url = f"{farm.worker().internal_url}/metrics"
        wait_for(lambda: "flask_scale_queue_depth" in requests.get(url, timeout=AT_LONGEST).text)

        with hanging(postgres_server):
            text = requests.get(url, timeout=AT_LONGEST).text

        assert "flask_scale_requests_limit" in text
        assert "flask_scale_queue_depth" not in text


def backend(session) -> psutil.Process:
    """The server's process for a session."""
    return psutil.Process(session.scalar(text("SELECT pg_backend_pid()")))


@pytest.mark.parametrize("operation", ["execute", "commit", "rollback"])
def test_a_statement_whose_backend_hangs_is_given_up_and_its_connection_with_it(build, operation):
    db = build(statement_timeout_seconds=0.5, pool_size=1, max_overflow=0)
    operations = {
        "execute": lambda session: session.execute(text("SELECT 1")),
        "commit": lambda session: session.commit(),
        "rollback": lambda session: session.rollback(),
    }
    stopped = []
    wake = threading.Timer(AT_LONGEST / 3, lambda: stopped[0].resume())

    def hang():
        with db.transaction() as session:
            stopped.append(backend(session))
            stopped[0].suspend()
            wake.start()
            operations[operation](session)

    with pytest.raises(exc.OperationalError, match="server closed the connection"):
        hang()
    wake.cancel()
    stopped[0].resume()

    assert db.engine.pool.checkedout() == 0
    with db.transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1


@pytest.fixture
def connection(database_url):
    connection = psycopg2.connect(database_url, connection_factory=partial(silence.Connection, longest_silence=1.0))
    yield connection
    connection.close()


@contextmanager
def suspended(connection) -> Iterator[None]:
    """While inside, the connection's backend is stopped, but not longer than a test may take."""
    process = psutil.Process(connection.info.backend_pid)
    wake = threading.Timer(AT_LONGEST / 3, process.resume)
    process.suspend()
    wake.start()
    try:
        yield
    finally:
        wake.cancel()
        process.resume()


@pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall"])
def test_a_cursor_of_the_server_that_hangs_is_given_up(connection, fetch):
    cursor = connection.cursor("export")
    cursor.execute("SELECT generate_series(1, 3)")
    with suspended(connection), pytest.raises(psycopg2.OperationalError, match="server closed the connection"):
        getattr(cursor, fetch)()


def test_a_watch_that_could_not_be_begun_is_begun_by_the_next_statement(connection, monkeypatch):
    cursor = connection.cursor()
    monkeypatch.setattr(silence, "_watch", silence.Watch())
    with monkeypatch.context() as starved:
        starved.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(RuntimeError):
            cursor.execute("SELECT 1")
    with suspended(connection), pytest.raises(psycopg2.OperationalError, match="server closed the connection"):
        cursor.execute("SELECT 1")


def _refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_transaction_with_a_timeout_of_its_own_may_take_longer(build):
    db = build(statement_timeout_seconds=0.2, pool_size=1, max_overflow=0)
    with db.transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("SELECT pg_sleep(3)"))


#: Under gevent, a connection whose server may be silent for three seconds.
SCRIPT = """
import sys
from gevent import monkey
monkey.patch_all()
from functools import partial
import psycopg2, time
from flask_scale import silence
from flask_scale.server.patching import make_psycopg2_cooperative
make_psycopg2_cooperative()
connection = psycopg2.connect(sys.argv[1], connection_factory=partial(silence.Connection, longest_silence=3.0))

with connection.cursor() as cursor:
    cursor.execute("SELECT pg_sleep(1), repeat('x', 20000) FROM generate_series(1, 5)")
    print("slow rows:", cursor.rowcount)
with connection.cursor("export") as cursor:
    cursor.itersize = 1
    cursor.execute("SELECT generate_series(1, 3)")
    print("export:", sum(1 for _ in cursor if time.sleep(3.5) is None))
with connection.cursor() as cursor:
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SELECT pg_sleep(4)")
    print("its own timeout:", cursor.rowcount)
connection.rollback()
connection.forget_timeouts()
try:
    connection.cursor().execute("SELECT pg_sleep(20)")
except psycopg2.OperationalError as error:
    print(error, bool(connection.closed))
"""


def test_under_gevent_silence_counts_and_not_the_time_that_a_result_takes(database_url):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, database_url], capture_output=True, text=True, timeout=AT_LONGEST
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "slow rows: 5",
        "export: 3",
        "its own timeout: 1",
        "the database has been silent for 3.0 s True",
    ]
