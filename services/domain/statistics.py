"""Sign-ups over time: the expensive query, and its place in the cache.

Cached under the tag "statistics". A single write drops nothing: under steady writes the cache would be
useless, and a statistic that is some minutes old is still right. An import that finished calls
`invalidate()`, since it can change them at a stroke.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Date, cast, func, literal_column, select

from services.domain.errors import RangeTooLong
from services.domain.models import User
from services.domain.scale import scale

Interval = Literal["day", "week", "month"]
Freshness = Literal["hit", "stale", "miss"]

TAG = "statistics"

#: Most buckets of one answer.
MAX_BUCKETS = 5000


def sign_ups(
    first: date, last: date, interval: Interval, country: str | None = None
) -> tuple[list[dict[str, Any]], Freshness]:
    """How many signed up in each interval from `first` to `last`, both included, in UTC; and what the cache had.

    One `{"start", "count"}` a bucket, empty ones too; `start` is the bucket's first day, a Monday for a week,
    and may lie before `first`: only users who signed up in the range count.

    Raises:
        RangeTooLong: over `MAX_BUCKETS`.
    """
    starts = list(_starts(first, last, interval))
    counts, freshness = count_sign_ups.lookup(first.isoformat(), last.isoformat(), interval, country)
    return [{"start": start, "count": counts.get(start, 0)} for start in starts], freshness


@scale.cached(ttl=300, stale=300, tags=[TAG])
def count_sign_ups(first: str, last: str, interval: Interval, country: str | None) -> dict[str, int]:
    """Ask the database: count by the bucket's first day, buckets without a user left out. Days are ISO 8601."""
    bucket = cast(func.date_trunc(interval, func.timezone("UTC", User.created_at)), Date)
    end = date.fromisoformat(last) + timedelta(days=1)
    statement = (
        select(bucket, func.count())
        .where(User.created_at >= _midnight(date.fromisoformat(first)), User.created_at < _midnight(end))
        .group_by(literal_column("1"))
    )
    if country is not None:
        statement = statement.where(User.country == country)
    with scale.database.transaction() as session:
        return {start.isoformat(): count for start, count in session.execute(statement)}


def invalidate() -> None:
    """Forget every statistic, in every process."""
    scale.invalidate(TAG)


def _starts(first: date, last: date, interval: Interval) -> Iterator[str]:
    start = _start_of(first, interval)
    buckets = 0
    while start <= last:
        buckets += 1
        if buckets > MAX_BUCKETS:
            raise RangeTooLong(f"the range has more than {MAX_BUCKETS} buckets")
        yield start.isoformat()
        start = _after(start, interval)


def _start_of(day: date, interval: Interval) -> date:
    if interval == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if interval == "month" else day


def _after(start: date, interval: Interval) -> date:
    if interval == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=7 if interval == "week" else 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
