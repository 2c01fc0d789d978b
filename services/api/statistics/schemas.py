"""What goes in and out of /v1/statistics."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from services.api.schemas import CountryCode, Schema
from services.domain.statistics import Interval

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)

#: The range that is answered where none is asked for, in days.
DEFAULT_DAYS = 30


def _refuse_other_forms(value: Any) -> Any:
    """Else pydantic would take a number for a time since 1970."""
    if isinstance(value, str) and ISO_DATE.match(value) is None:
        raise ValueError("must be a date such as 2026-01-31")
    return value


Day = Annotated[date, BeforeValidator(_refuse_other_forms), Field(ge=date(1970, 1, 1), le=date(2999, 12, 31))]


class SignUpsQuery(Schema):
    """Which days, both included, in UTC."""

    first: Day | None = Field(None, alias="from", description="First day; 30 days up to `to` where left out.")
    last: Day | None = Field(None, alias="to", description="Last day, included; today where left out.")
    interval: Interval = "day"
    country: CountryCode | None = None

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        first, last = self.days()
        if first > last:
            raise ValueError("from is after to")
        return self

    def days(self) -> tuple[date, date]:
        """The range, with what was left out filled in."""
        last = self.last or datetime.now(UTC).date()
        return self.first or last - timedelta(days=DEFAULT_DAYS - 1), last


class Bucket(Schema):
    """One interval."""

    start: date = Field(description="Its first day; of a week the Monday. May lie before `from`.")
    count: int


class SignUps(Schema):
    """How many users signed up."""

    first: date = Field(alias="from", serialization_alias="from")
    last: date = Field(alias="to", serialization_alias="to")
    interval: Interval
    country: str | None
    total: int
    buckets: list[Bucket] = Field(description="In order, empty ones too.")
