"""Reads that are compiled once, on a real PostgreSQL: what they give, and how they fail."""

import enum
import gc
from datetime import UTC, datetime
from decimal import Decimal

import psycopg2
import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    Column,
    DateTime,
    Enum,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    event,
    exc,
    func,
    literal_column,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from flask_scale.database import Database
from flask_scale.dev.process import free_port
from flask_scale.read import Read
from flask_scale.settings import Settings


class Kind(enum.Enum):
    SMALL = 1
    LARGE = 2


class Reversed(TypeDecorator):
    """Text that lies in the database backwards."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value, _dialect):
        return value[::-1]

    def process_result_value(self, value, _dialect):
        return value[::-1]


THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("kind", Enum(Kind)),
    Column("price", Numeric(8, 2)),
    Column("share", Numeric(8, 2, asdecimal=False)),
    Column("about", JSON),
    Column("parts", ARRAY(Integer)),
    Column("secret", Reversed),
    Column("made", DateTime(timezone=True)),
)

PID = func.pg_backend_pid()

ROW = {
    "id": 1,
    "kind": Kind.LARGE,
    "price": Decimal("9.50"),
    "share": 0.25,
    "about": {"a": [1, None]},
    "parts": [1, 2],
    "secret": "hunter2",
    "made": datetime(2026, 1, 2, tzinfo=UTC),
}


@pytest.fixture
def build(database_url):
    """Builds databases with the things in them, and closes them."""
    made = []

    def build(**settings):
        made.append(Database(Settings(database_url=database_url, **settings)))
        if len(made) == 1:
            with made[0].transaction() as session:
                THINGS.create(session.connection())
                session.execute(THINGS.insert(), [ROW, {**ROW, "id": 2, "kind": None}])
        return made[-1]

    yield build
    for one in made:
        one.close()


def read(db, statement):
    return Read(lambda: db, statement)


def test_rows_are_what_a_session_gives_whatever_the_columns_types(build):
    db = build()
    statement = select(THINGS).order_by(THINGS.c.id)
    reading = read(db, statement)

    for _ in range(2):  # before and after it is compiled
        assert reading.all() == [ROW, {**ROW, "id": 2, "kind": None}]
    with Session(db.engine) as session:
        assert reading.all() == [dict(row) for row in session.execute(statement).mappings()]


def test_parameters_take_the_way_of_their_types_and_a_constant_stays_the_statements(build):
    db = build()
    found = read(
        db,
        select(THINGS.c.id, (THINGS.c.price * 2).label("twice"), func.count().over().label("count"))
        .where(
            THINGS.c.secret == bindparam("secret"),
            THINGS.c.kind == bindparam("kind"),
            THINGS.c.id == any_(bindparam("ids", type_=ARRAY(Integer))),
            THINGS.c.price > 9,
        )
        .limit(bindparam("most")),
    )

    for _ in range(2):
        asked = {"secret": "hunter2", "kind": Kind.LARGE, "ids": [1, 2, 3], "most": 5}
        assert found.first(**asked) == {"id": 1, "twice": Decimal("19.00"), "count": 1}
        assert found.first(**{**asked, "kind": Kind.SMALL}) is None
    with pytest.raises(exc.InvalidRequestError, match="kind"):
        found.first(secret="hunter2", ids=[1], most=5)


def test_a_list_for_in_is_refused_with_the_remedy(build):
    with pytest.raises(ValueError, match="any_"):
        read(build(), select(THINGS.c.id).where(THINGS.c.id.in_(bindparam("ids", expanding=True)))).all(ids=[1])


def test_a_read_holds_no_connection_and_leaves_the_next_one_its_transactions(build):
    db = build(pool_size=1, max_overflow=0)
    assert read(db, select(THINGS.c.id)).first() == {"id": 1}
    assert db.engine.pool.checkedout() == 0

    with db.engine.connect() as connection:
        assert connection.connection.dbapi_connection.autocommit is False


def test_an_error_is_sqlalchemys_tells_no_value_and_gives_the_connection_back(build):
    db = build(pool_size=1, max_overflow=0, statement_timeout_seconds=0.2)
    slow = read(db, select(func.pg_sleep(bindparam("seconds")).label("slept")))
    wrong = read(db, select((literal_column("1") / bindparam("secret", type_=Integer)).label("one")))
    for _ in range(2):
        with pytest.raises(exc.OperationalError, match="statement timeout") as timeout:
            slow.first(seconds=20.125)
        assert "20.125" not in str(timeout.value)
        assert not timeout.value.connection_invalidated
        with pytest.raises(exc.DataError):
            wrong.first(secret=0)
    pids = {db.fetch("SELECT pg_backend_pid()", {})[0][0] for _ in range(3)}
    assert len(pids) == 1


def test_a_server_that_ends_the_connection_is_an_operational_error_and_the_next_read_has_a_new_one(build):
    db = build(pool_size=2, max_overflow=0)
    suicide = read(db, select(func.pg_terminate_backend(func.pg_backend_pid()).label("ended")))
    with db.engine.connect() as one, db.engine.connect() as other:
        old = {one.scalar(PID), other.scalar(PID)}

    with pytest.raises(exc.OperationalError) as error:
        suicide.first()

    assert error.value.connection_invalidated
    assert db.engine.pool.checkedout() == 0
    assert read(db, select(THINGS.c.id)).first() == {"id": 1}
    assert {db.fetch("SELECT pg_backend_pid()", {})[0][0][0] for _ in range(2)}.isdisjoint(old)  # as SQLAlchemy does


def test_who_gets_no_new_connection_for_one_that_was_lost_keeps_no_place_in_the_pool(build, monkeypatch):
    db = build(pool_size=1, max_overflow=0, pool_timeout_seconds=0.1)
    with pytest.raises(exc.OperationalError):
        db.fetch("SELECT pg_terminate_backend(pg_backend_pid())", {})

    def fail(*_, **__):
        raise psycopg2.OperationalError("away")

    monkeypatch.setattr(psycopg2, "connect", fail)
    for _ in range(2):
        with pytest.raises(exc.OperationalError):
            db.fetch("SELECT 1", {})

    assert db.engine.pool.checkedout() == 0


def test_who_is_stopped_in_the_middle_of_an_answer_gives_no_such_connection_back(build):
    db = build(pool_size=1, max_overflow=0)
    (pid,) = db.fetch("SELECT pg_backend_pid()", {})[0][0]

    class Stopped(BaseException):
        pass

    def stop(*_):
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flask_scale.silence.Cursor.fetchall", stop)
        with pytest.raises(Stopped):
            db.fetch("SELECT 1", {})

    assert db.engine.pool.checkedout() == 0
    assert db.fetch("SELECT pg_backend_pid()", {})[0][0] != (pid,)


def test_a_server_that_is_away_is_an_operational_error_of_sqlalchemys(database_url):
    away = make_url(database_url).set(port=free_port()).render_as_string(hide_password=False)
    with pytest.raises(exc.OperationalError):
        Database(Settings(database_url=away)).fetch("SELECT 1", {})


def test_who_listens_to_statements_hears_of_reads_and_they_give_the_same(build):
    db = build()
    heard = []
    reading = read(db, select(THINGS).where(THINGS.c.id == bindparam("number")))
    assert reading.first(number=1) == ROW
    event.listen(db.engine, "before_cursor_execute", lambda *told: heard.append(told[2]))

    assert reading.first(number=1) == ROW

    assert len(heard) == 1
    assert "FROM things" in heard[0]


def test_a_parameters_name_may_be_any_and_its_type_counts(build):
    db = build()
    things = Read(lambda: db, select(THINGS.c.id).where(THINGS.c.kind == bindparam("kind (x)", type_=Enum(Kind))))
    assert things.all(**{"kind (x)": Kind.LARGE}) == [{"id": ROW["id"]}]


def test_a_read_that_nobody_has_any_more_is_forgotten(build):
    db = build()
    for _ in range(10):
        Read(lambda: db, select(THINGS.c.id)).all()
    gc.collect()
    assert len(db.compiled_reads) <= 1
