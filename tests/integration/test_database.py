"""Sessions, the pool and its bounds on a real PostgreSQL."""

import os
import threading

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import event, exc, text

from flask_scale import board, database, openings, postgres_pool
from flask_scale.dev.process import free_port
from flask_scale.settings import Settings
from flask_scale.state import State


@pytest.fixture
def build(database_url):
    """Builds databases with other settings, and closes them."""
    made = []

    def build(**settings):
        made.append(database.Database(Settings(database_url=database_url, **settings)))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_a_transaction_commits_at_its_end_and_rolls_back_on_an_exception(build):
    db = build()
    with db.transaction() as session:
        session.execute(text("CREATE TABLE notes (body text)"))

    def insert_and_fail():
        with db.transaction() as session:
            session.execute(text("INSERT INTO notes VALUES ('lost')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        insert_and_fail()

    with db.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 0


def test_what_a_request_does_not_commit_is_rolled_back_and_its_connection_returned(database_url):
    app = Flask(__name__)
    state = State(Settings(database_url=database_url))
    database.init_app(app, state)
    with state.database.transaction() as session:
        session.execute(text("CREATE TABLE notes (body text)"))

    with app.app_context():
        state.database.session.execute(text("INSERT INTO notes VALUES ('lost')"))
        assert state.database.session is state.database.session

    assert state.database.engine.pool.checkedout() == 0
    with state.database.transaction() as session:
        assert session.scalar(text("SELECT count(*) FROM notes")) == 0
    state.database.close()


def test_a_statement_over_its_time_is_ended_by_the_server(build):
    db = build(statement_timeout_seconds=0.2)

    with pytest.raises(exc.OperationalError, match="statement timeout"), db.transaction() as session:
        session.execute(text("SELECT pg_sleep(20)"))


def test_the_values_of_a_statement_never_stand_in_its_error(build):
    db = build()

    with pytest.raises(exc.DataError) as error, db.transaction() as session:
        session.execute(text("SELECT 1 / 0 WHERE :secret != ''"), {"secret": "hunter2"})

    assert "hunter2" not in str(error.value)


def test_a_caller_that_gets_no_connection_in_time_is_told_so(build):
    db = build(pool_size=1, max_overflow=0, pool_timeout_seconds=0.1)

    with db.engine.connect(), pytest.raises(exc.TimeoutError):
        db.engine.connect()


def test_connections_that_could_not_be_made_were_never_in_use(build):
    in_use = board.current.total("pool_in_use")
    db = build(pool_size=1, max_overflow=0)
    with db.engine.connect() as connection:
        connection.invalidate()
    nobody = free_port()
    event.listen(db.engine, "do_connect", lambda *connect: connect[3].update(port=nobody))

    for _ in range(3):
        with pytest.raises(exc.OperationalError):
            db.engine.connect()

    assert board.current.total("pool_in_use") == in_use


def test_while_none_can_be_opened_nobody_waits_and_it_is_found_back_though_nobody_asks(build, monkeypatch):
    monkeypatch.setattr(openings, "LOOK_SECONDS", 0.05)
    db = build(connect_timeout_seconds=1)
    tries, away = [], threading.Event()
    away.set()

    def fail(*_):
        tries.append(threading.current_thread().name)
        if away.is_set():
            raise psycopg2.OperationalError("away")

    event.listen(db.engine, "do_connect", fail)

    def attempt():
        with db.engine.connect() as connection:
            return connection.scalar(text("SELECT 1"))

    for why in ("away", "away", "a moment ago", "a moment ago"):
        with pytest.raises(exc.OperationalError, match=why):
            attempt()
    assert tries.count("MainThread") == 2
    wait_until(lambda: tries.count("database comes back") >= 2)

    away.clear()
    wait_until(lambda: "database comes back" not in [thread.name for thread in threading.enumerate()])
    assert attempt() == 1
    with db.engine.connect(), db.engine.connect():
        assert attempt() == 1


def test_the_board_shows_connections_in_use_and_callers_that_wait(build):
    db = build(pool_size=1, max_overflow=0, pool_timeout_seconds=10)
    in_use, waiting = board.current.total("pool_in_use"), board.current.total("pool_waiting")
    caller = threading.Thread(target=lambda: db.engine.connect().close())

    with db.engine.connect():
        caller.start()
        wait_until(lambda: board.current.total("pool_waiting") == waiting + 1)
        assert board.current.total("pool_in_use") == in_use + 1
    caller.join()

    assert board.current.total("pool_in_use") == in_use
    assert board.current.total("pool_waiting") == waiting


def test_a_connection_that_the_server_ended_is_replaced_unseen(build):
    db = build(pool_size=1, max_overflow=0)
    with db.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    other = build()
    with other.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def count_pings(db, monkeypatch):
    """How often the server is asked for a sign of life, from now on."""
    pings = []
    do_ping = db.engine.dialect.do_ping
    monkeypatch.setattr(db.engine.dialect, "do_ping", lambda connection: pings.append(1) or do_ping(connection))
    return pings


def test_a_connection_in_use_costs_no_ping_and_one_that_was_idle_for_long_one(build, monkeypatch):
    db = build()
    pings = count_pings(db, monkeypatch)
    for _ in range(3):
        with db.transaction() as session:
            session.execute(text("SELECT 1"))
    assert pings == []

    monkeypatch.setattr(postgres_pool, "SURE_SECONDS", 0.0)
    with db.transaction() as session:
        session.execute(text("SELECT 1"))
    assert pings == [1]


def test_a_read_session_opens_no_transaction_and_leaves_others_theirs(database_url):
    app = Flask(__name__)
    state = State(Settings(database_url=database_url))
    database.init_app(app, state)
    with app.app_context():
        session = state.database.read_session
        assert session is state.database.read_session
        session.execute(text("CREATE TABLE notes (body text)"))
        session.execute(text("INSERT INTO notes VALUES ('kept at once')"))
        raw = session.connection().connection.dbapi_connection
        assert raw.info.transaction_status == 0  # idle: no transaction is open
    assert state.database.engine.pool.checkedout() == 0

    with app.app_context():
        raw = state.database.session.connection().connection.dbapi_connection
        assert raw.autocommit is False
        assert state.database.session.scalar(text("SELECT body FROM notes")) == "kept at once"
        assert raw.info.transaction_status == 2  # in a transaction, as ever
    state.database.close()


def test_a_server_that_goes_away_before_the_end_of_a_request_fails_no_answer_that_is_made(database_url, caplog):
    app = Flask(__name__)
    state = State(settings=Settings(database_url=database_url))
    database.init_app(app, state)

    @app.get("/late")
    def late():
        pids = [
            session.scalar(text("SELECT pg_backend_pid()"))
            for session in (state.database.session, state.database.read_session)
        ]
        with state.database.engine.connect() as other:
            for pid in pids:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        return "made"

    answer = app.test_client().get("/late")
    assert (answer.status_code, answer.text) == (200, "made")
    assert "ended before it was closed" in caplog.text
    assert state.database.engine.pool.checkedout() == 0
    assert app.test_client().get("/late").text == "made"
    state.database.close()


def test_a_forked_child_gets_connections_of_its_own_and_leaves_the_parents_open(build):
    db = build(pool_size=1, max_overflow=0)
    query = text("SELECT pg_backend_pid()")
    with db.engine.connect() as connection:
        parents = connection.scalar(query)

    child = os.fork()
    if child == 0:
        db.after_fork()
        with db.engine.connect() as connection:
            os._exit(0 if connection.scalar(query) != parents else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    with db.engine.connect() as connection:
        assert connection.scalar(query) == parents


def wait_until(condition):
    """Look every few milliseconds, for ten seconds at most."""
    done = threading.Event()
    for _ in range(2000):
        if condition():
            return
        done.wait(0.005)
    raise AssertionError("it did not come about within ten seconds")
