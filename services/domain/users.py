"""Users: one at a time, guarded by their version; many by email, in pages that are index ranges.

Every function takes the caller's session and leaves the commit to it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, delete, func, literal, select, tuple_
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.domain import emails
from services.domain.errors import EmailTaken, UserNotFound, VersionMismatch
from services.domain.models import User

#: A search answers with those whose email begins with the text, then those whose name does.
Section = Literal["email", "name"]

NAME_KEY = func.lower(User.name).collate("C")


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last user's key in the order of its section."""

    section: Section
    key: tuple[str, ...]


@dataclass(frozen=True)
class Page:
    """Some users in order, and where to go on; None at the end."""

    users: Sequence[User]
    next: Position | None


def get(session: Session, user_id: int) -> User:
    """Read one user.

    Raises:
        UserNotFound
    """
    user: User | None = session.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


def find_by_email(session: Session, email: str) -> User | None:
    """Look up by a normal form (`emails.normalise`): one probe of idx_user_email."""
    return session.scalar(select(User).where(User.email == email))


def create(session: Session, values: Mapping[str, Any]) -> User:
    """Add a user: normalised `email`, `name` and `country`.

    Raises:
        EmailTaken: the session can go on.
    """
    user: User | None = session.scalar(
        insert(User).values(**values).on_conflict_do_nothing(index_elements=["email"]).returning(User)
    )
    if user is None:
        raise EmailTaken
    return user


def update(session: Session, user_id: int, changes: Mapping[str, Any], versions: Collection[int] | None = None) -> User:
    """Change a user, only while its version is one of `versions` where they are given.

    Raises:
        UserNotFound, VersionMismatch
        EmailTaken: the session has to be rolled back.
    """
    statement = (
        sql_update(User)
        .where(*_guard(user_id, versions))
        .values(**changes, version=User.version + 1, updated_at=func.now())
        .returning(User)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    try:
        user: User | None = session.scalar(statement)
    except IntegrityError as error:
        raise EmailTaken from error
    if user is None:
        raise _why_missed(session, user_id)
    return user


def remove(session: Session, user_id: int, versions: Collection[int] | None = None) -> None:
    """Delete a user, only while its version is one of `versions` where they are given.

    Raises:
        UserNotFound, VersionMismatch
    """
    statement = delete(User).where(*_guard(user_id, versions)).returning(User.id)
    if session.scalar(statement.execution_options(synchronize_session=False)) is None:
        raise _why_missed(session, user_id)


def search(
    session: Session, *, prefix: str = "", country: str | None = None, after: Position | None = None, limit: int = 50
) -> Page:
    """Users whose email begins with `prefix`, in email order, then those whose name does, in name order.

    Each section is a range of one index, read from `after` on: no page reads those before it. Nobody
    is in both sections: the second reads past names whose email matched already, which for a
    prefix of one letter among a million users is some hundred thousand rows. No prefix: all, by email.
    """
    rows: list[tuple[User, Position]] = []
    if after is None or after.section == "email":
        statement = by_email(prefix, country, after).limit(limit + 1)
        rows = [(user, Position("email", (user.email,))) for user in session.scalars(statement)]
        after = None
    if prefix and len(rows) <= limit:
        found = session.execute(by_name(prefix, country, after).limit(limit + 1 - len(rows)))
        rows += [(user, Position("name", (key, user.email))) for user, key in found]
    users = [user for user, _ in rows[:limit]]
    return Page(users, rows[limit - 1][1] if len(rows) > limit else None)


def by_email(prefix: str, country: str | None, after: Position | None) -> Select[User]:
    """The first section: a range of idx_user_email, or of idx_user_country_email."""
    statement = select(User).where(*_in_country(country)).order_by(User.email)
    if prefix:
        statement = statement.where(_begins(User.email, emails.fold(prefix)))
    if after is not None:
        statement = statement.where(User.email > after.key[0])
    return statement


def by_name(prefix: str, country: str | None, after: Position | None) -> Select[User, str]:
    """The second section: a range of idx_user_name, or of idx_user_country_name."""
    statement = (
        select(User, NAME_KEY.label("name_key"))
        .where(
            *_in_country(country),
            _begins(NAME_KEY, func.lower(prefix)),
            ~_begins(User.email, emails.fold(prefix)),
        )
        .order_by(NAME_KEY, User.email)
    )
    if after is not None:
        statement = statement.where(tuple_(NAME_KEY, User.email) > tuple_(*map(literal, after.key)))
    return statement


def _begins(column: ColumnElement[str] | InstrumentedAttribute[str], prefix: Any) -> ColumnElement[bool]:
    """PostgreSQL reads an index in collation "C" for this; nothing in `prefix` means anything but itself."""
    return column.op("^@", is_comparison=True)(prefix)


def _in_country(country: str | None) -> list[ColumnElement[bool]]:
    return [] if country is None else [User.country == country]


def _guard(user_id: int, versions: Collection[int] | None) -> list[ColumnElement[bool]]:
    found = [User.id == user_id]
    if versions is not None:
        found.append(User.version.in_(versions))
    return found


def _why_missed(session: Session, user_id: int) -> UserNotFound | VersionMismatch:
    exists = session.scalar(select(User.id).where(User.id == user_id))
    return UserNotFound() if exists is None else VersionMismatch()
