"""Prepared statements on a real server: planned once a connection, again in time, and not behind a pooler."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DataError

from flask_scale import prepared
from flask_scale.database import Database
from flask_scale.prepared import PreparedStatement
from flask_scale.settings import Settings

ADD = PreparedStatement(
    text("SELECT :left + :right AS sum, :left - :right AS gap, '10%' AS share"), {"left": "int", "right": "int"}
)
VALUES = {"left": 3, "right": 1}


@pytest.fixture
def database(database_url, monkeypatch):
    monkeypatch.setattr(prepared, "_refused", False)
    database = Database(Settings(database_url=database_url, pool_size=1, max_overflow=0))
    yield database
    database.close()


def plans(database):
    """How often each prepared statement of the one connection has run by now."""
    rows, _ = database.fetch("SELECT name, generic_plans + custom_plans FROM pg_prepared_statements", {})
    return dict(rows)


def ask(database, statement=ADD, **values):
    rows, columns = database.fetch(statement, values or VALUES)
    return dict(zip([column.name for column in columns], rows[0], strict=True))


def test_a_statement_that_is_asked_again_is_planned_once_and_answers_the_same(database):
    assert [ask(database) for _ in range(3)] == [{"sum": 4, "gap": 2, "share": "10%"}] * 3
    assert list(plans(database).values()) == [2]  # the first time it was asked as it is
    assert ask(database, left=-5, right=7)["sum"] == 2
    assert list(plans(database).values()) == [3]


def test_a_plan_is_made_anew_in_time(database, monkeypatch):
    for _ in range(3):
        ask(database)
    later = prepared.monotonic() + prepared.PLAN_SECONDS / 2
    monkeypatch.setattr(prepared, "monotonic", lambda: later)
    ask(database)
    assert list(plans(database).values()) == [3]
    monkeypatch.setattr(prepared, "monotonic", lambda: later + prepared.PLAN_SECONDS - 0.1)
    ask(database)
    assert list(plans(database).values()) == [1]


def test_a_statement_that_is_seldom_asked_is_not_prepared(database, monkeypatch):
    now = prepared.monotonic()
    for number in range(3):
        monkeypatch.setattr(prepared, "monotonic", lambda number=number: now + number * (prepared.PLAN_SECONDS + 1))
        ask(database)
    assert plans(database) == {}


def test_what_has_no_parameter_is_prepared_too(database):
    one = PreparedStatement(text("SELECT 1 AS one"), {})
    assert [ask(database, one) for _ in range(3)] == [{"one": 1}] * 3
    assert len(plans(database)) == 1


@pytest.mark.parametrize("meanwhile", ["DEALLOCATE ALL", "PREPARE {name} AS SELECT 1"])
def test_behind_a_pooler_it_is_asked_as_it_is_and_prepared_no_more(database, meanwhile):
    """Each statement comes to another connection there: one without the plan, or with another client's."""
    if meanwhile.startswith("PREPARE"):
        ask(database)
        execute(database, meanwhile.format(name=ADD._name))
    else:
        ask(database)
        ask(database)
        execute(database, meanwhile)
    assert ask(database) == {"sum": 4, "gap": 2, "share": "10%"}
    execute(database, "DEALLOCATE ALL")
    assert [ask(database)["sum"] for _ in range(3)] == [4] * 3
    assert plans(database) == {}


def test_a_column_of_another_type_is_asked_anew(database):
    execute(database, "CREATE TABLE notes (body text)")
    notes = PreparedStatement(text("SELECT body FROM notes"), {})
    assert [database.fetch(notes, {})[0] for _ in range(3)] == [[]] * 3
    execute(database, "ALTER TABLE notes ALTER body TYPE varchar(9)")
    assert database.fetch(notes, {})[0] == []
    assert [database.fetch(notes, {})[0] for _ in range(2)] == [[]] * 2
    assert len(plans(database)) == 1


def test_a_plan_that_cannot_be_made_is_tried_again(database, monkeypatch):
    for _ in range(2):
        ask(database)
    later = prepared.monotonic() + prepared.PLAN_SECONDS
    monkeypatch.setattr(prepared, "monotonic", lambda: later - 1)
    ask(database)
    monkeypatch.setattr(prepared, "monotonic", lambda: later + 1)
    with monkeypatch.context() as locked:
        locked.setattr(ADD, "_prepare", "SELECT 1/0")
        with pytest.raises(DataError):
            ask(database)
    assert plans(database) == {}
    assert [ask(database)["sum"] for _ in range(2)] == [4] * 2
    assert list(plans(database).values()) == [2]


def execute(database, sql):
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(sql)


def test_who_listens_to_statements_hears_of_it(database):
    heard = []
    event.listen(database.engine, "before_cursor_execute", lambda *arguments: heard.append(arguments[2]))
    assert ask(database)["sum"] == 4
    assert heard == [ADD.plain]


def test_a_parameter_without_a_type_is_told_when_it_is_made():
    with pytest.raises(KeyError, match="right"):
        PreparedStatement(text("SELECT :left + :right"), {"left": "int"})
