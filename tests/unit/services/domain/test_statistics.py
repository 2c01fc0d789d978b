from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain import statistics
from services.domain.errors import RangeTooLong

INTERVALS = st.sampled_from(["day", "week", "month"])
DAYS = st.dates(date(1970, 1, 1), date(2999, 12, 31))


@given(DAYS, st.integers(0, 4000), INTERVALS)
def test_buckets_follow_each_other_and_cover_the_range(first, length, interval):
    last = first + timedelta(days=length)
    starts = [date.fromisoformat(start) for start in statistics._starts(first, last, interval)]

    assert starts[0] <= first
    assert starts[-1] <= last < statistics._after(starts[-1], interval)
    assert [statistics._after(start, interval) for start in starts[:-1]] == starts[1:]


def test_a_week_begins_on_monday_and_a_month_on_its_first():
    day = date(2026, 11, 22)
    assert next(statistics._starts(day, day, "week")) == "2026-11-16"
    assert next(statistics._starts(day, day, "month")) == "2026-11-01"


def test_a_range_over_5000_buckets_is_refused():
    first = date(2000, 1, 1)
    assert len(list(statistics._starts(first, first + timedelta(days=4999), "day"))) == 5000
    with pytest.raises(RangeTooLong, match="5000"):
        list(statistics._starts(first, first + timedelta(days=5000), "day"))
