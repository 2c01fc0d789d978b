"""What an export reads: users by page, in the order in which they came."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from services.domain.csv_header import COLUMNS
from services.domain.models import User
from services.domain.tasks import ExportArgs

#: Users read at a time.
PAGE_ROWS = 10_000

HEADER: Sequence[str] = COLUMNS


class Page(NamedTuple):
    """Some users as CSV cells, and the id of the last."""

    rows: list[tuple[str, str, str, str]]
    last_id: int


def count(session: Session, args: ExportArgs) -> int:
    """How many users there are to export."""
    return session.scalar(select(func.count()).select_from(User).where(*_where(args))) or 0


def read_page(session: Session, args: ExportArgs, after_id: int) -> Page | None:
    """The next users behind `after_id`; None at the end."""
    statement = select(User.id, User.email, User.name, User.country, User.created_at)
    found = session.execute(statement.where(*_where(args), User.id > after_id).order_by(User.id).limit(PAGE_ROWS)).all()
    if not found:
        return None
    return Page([(row.email, row.name, row.country, _moment(row.created_at)) for row in found], found[-1].id)


def _where(args: ExportArgs) -> Iterator[ColumnElement[bool]]:
    if args.country is not None:
        yield User.country == args.country
    if args.created_from is not None:
        yield User.created_at >= args.created_from
    if args.created_to is not None:
        yield User.created_at < args.created_to


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
