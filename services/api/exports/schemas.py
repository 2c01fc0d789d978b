"""What goes in and out of /v1/exports."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from uuid import UUID

from pydantic import Field, model_validator

from services.api.schemas import CountryCode, Headers, Schema
from services.api.statistics.schemas import Day


class NewExport(Schema):
    """Which users to export: all, or those of a country, or who came in a range of days, in UTC."""

    country: CountryCode | None = None
    first: Day | None = Field(None, alias="from", description="First day.")
    last: Day | None = Field(None, alias="to", description="Last day, included.")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.first and self.last and self.first > self.last:
            raise ValueError("from is after to")
        return self

    @property
    def created_from(self) -> datetime | None:
        """The first moment."""
        return _midnight(self.first) if self.first else None

    @property
    def created_to(self) -> datetime | None:
        """The first moment that is out of the range again."""
        return _midnight(self.last + timedelta(days=1)) if self.last else None


class ExportPath(Schema):
    """Which export: the id of its job."""

    job_id: UUID


class FileHeaders(Headers):
    """Of a download, or of a part of one."""

    range: str | None = Field(None, alias="Range", description="One range of bytes, such as `bytes=0-1023`.")
    if_range: str | None = Field(None, alias="If-Range", description="The ETag that the range belongs to.")
    if_none_match: str | None = Field(None, alias="If-None-Match", description="The ETag that you have.")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
