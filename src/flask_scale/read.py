"""A SELECT that is compiled once and asked often: for the reads that most requests make."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

if TYPE_CHECKING:
    from flask_scale.database import Database

Processor = Callable[[Any], Any]


class Compiled(NamedTuple):
    """A statement in the driver's form, and by name what turns values into the driver's and back where it must."""

    compiled: SQLCompiler
    binds: dict[str, Processor]
    results: dict[str, Processor]


class Read:
    """Rows as dicts of their columns, without a session, a transaction, or SQLAlchemy's way from a statement to a row.

    A call is one statement, one round trip, and has a connection for that long. What it gives is a copy: no entity to
    change, nothing that is loaded later.
    """

    def __init__(self, database_of: Callable[[], "Database"], statement: Select[Any]) -> None:
        columns = statement.column_descriptions
        self._database_of = database_of
        self._statement = statement
        self._names = tuple(str(column["name"]) for column in columns)
        self._types: tuple[TypeEngine[Any], ...] = tuple(column["type"] for column in columns)
        if not all(isinstance(one, TypeEngine) for one in self._types):
            raise TypeError("read: name the columns, not the entity: select(Item.id, Item.name)")
        if any(name == "None" or name.startswith("_no_label") for name in self._names):
            raise TypeError(f"read: one of the columns has no name ({', '.join(self._names)}): give it a label()")

    def all(self, **parameters: Any) -> list[dict[str, Any]]:
        """Every row, by the statement's `bindparam`s.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as from a session; InvalidRequestError where a parameter is missing.
        """
        database = self._database_of()
        compiled_read = database.compiled_reads.get(self)
        if compiled_read is None:
            return self._ask_first(database, parameters)
        rows, _ = database.fetch(compiled_read.compiled.string, _bound(compiled_read, parameters))
        return self._told(compiled_read, rows)

    def first(self, **parameters: Any) -> dict[str, Any] | None:
        """The first row, or None where there is none; all are fetched, so let the statement say LIMIT.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: as `all`.
        """
        rows = self.all(**parameters)
        return rows[0] if rows else None

    def _ask_first(self, database: "Database", parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """As `all`, and keep what is compiled_read: some types depend on what the server says of the columns."""
        dialect = database.engine.dialect
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        if compiled.post_compile_params:
            raise ValueError("read: IN is another statement for each list; compare with == any_(bindparam(...))")
        compiled_read = Compiled(compiled, _binds(compiled, dialect), {})
        rows, columns = database.fetch(compiled.string, _bound(compiled_read, parameters))
        for name, kind, column in zip(self._names, self._types, columns, strict=True):
            process = kind.dialect_impl(dialect).result_processor(dialect, column.type_code)
            if process is not None:
                compiled_read.results[name] = process
        database.compiled_reads[self] = compiled_read
        return self._told(compiled_read, rows)

    def _told(self, compiled_read: Compiled, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        told = [dict(zip(self._names, row, strict=True)) for row in rows]
        for name, process in compiled_read.results.items():
            for row in told:
                row[name] = process(row[name])
        return told


def _binds(compiled: SQLCompiler, dialect: Dialect) -> dict[str, Processor]:
    escaped = compiled.escaped_bind_names
    found = {
        escaped.get(name, name): parameter.type.dialect_impl(dialect).bind_processor(dialect)
        for parameter, name in compiled.bind_names.items()
    }
    return {name: process for name, process in found.items() if process is not None}


def _bound(compiled_read: Compiled, given: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = dict(compiled_read.compiled.construct_params(given))
    for name, process in compiled_read.binds.items():
        parameters[name] = process(parameters[name])
    return parameters
