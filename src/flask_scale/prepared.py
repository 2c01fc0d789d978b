"""Statements that PostgreSQL plans once a connection instead of each time they are asked.

`PREPARE` and `EXECUTE` as SQL, since psycopg2 has no other way. A plan is made anew every `PLAN_SECONDS`: one that was
made while a table was empty would stay after it grew, until PostgreSQL counts it again.

Failure policy: fail open. Behind a pooler that gives each statement another connection (PgBouncer), where what was
prepared is not to be found, the statement is asked as it is, and from then on in the whole process.
"""

import re
from collections.abc import Mapping, MutableMapping
from hashlib import blake2s
from time import monotonic
from typing import Any

from psycopg2.errors import DuplicatePreparedStatement, FeatureNotSupported, InvalidSqlStatementName
from sqlalchemy import TextClause
from sqlalchemy.engine import make_url

#: For how long a plan is good; a statement that was not asked twice within this time is not prepared.
PLAN_SECONDS = 10.0

_DIALECT: Any = make_url("postgresql+psycopg2://").get_dialect()()
_PARAMETER = re.compile(r"%\((\w+)\)s")

#: True once a prepared statement was not there any more.
_refused = False


class PreparedStatement:
    """One statement; every connection prepares it for itself."""

    def __init__(self, statement: TextClause, types: Mapping[str, str]) -> None:
        """`types` has PostgreSQL's type of every parameter, by name; others may stand there too."""
        self.plain = str(statement.compile(dialect=_DIALECT))
        names = list(dict.fromkeys(_PARAMETER.findall(self.plain)))
        numbered = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", self.plain).replace("%%", "%")
        self._name = f"fs_{blake2s(self.plain.encode(), digest_size=8).hexdigest()}"
        declared, given = ", ".join(types[name] for name in names), ", ".join(f"%({name})s" for name in names)
        self._prepare = f"PREPARE {self._name}{f' ({declared})' if names else ''} AS {numbered}"
        self._execute = f"EXECUTE {self._name}{f' ({given})' if names else ''}"

    def execute(self, cursor: Any, info: MutableMapping[Any, Any], parameters: Mapping[str, Any]) -> None:
        """Ask it, outside of any transaction; `info` is the connection's own, for as long as that lives."""
        global _refused
        now = monotonic()
        asked_at, planned_at = info.get(self._name, (-PLAN_SECONDS, None))
        if _refused or now - asked_at > PLAN_SECONDS:
            info[self._name] = (now, planned_at)
            cursor.execute(self.plain, parameters)
            return
        try:
            if planned_at is None or now - planned_at > PLAN_SECONDS:
                if planned_at is not None:
                    self._forget(cursor, info, now)
                cursor.execute(self._prepare)
                planned_at = now
            info[self._name] = (now, planned_at)
            cursor.execute(self._execute, parameters)
        except (InvalidSqlStatementName, DuplicatePreparedStatement):
            _refused = True
            cursor.execute(self.plain, parameters)
        except FeatureNotSupported:  # A column has another type since it was planned.
            self._forget(cursor, info, now)
            cursor.execute(self.plain, parameters)

    def _forget(self, cursor: Any, info: MutableMapping[Any, Any], now: float) -> None:
        cursor.execute(f"DEALLOCATE {self._name}")
        info[self._name] = (now, None)
