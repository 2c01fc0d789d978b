"""What goes in and out of /v1/imports."""

from uuid import UUID

from flask_openapi3.models import RawModel
from pydantic import ConfigDict, Field

from services.api.schemas import Cursor, Limit, Schema
from services.domain.tasks import OnConflict


class ImportQuery(Schema):
    """How to import."""

    on_conflict: OnConflict = Field(
        "skip",
        description="Of a row whose user is there: `skip` it, `update` the user, or let the whole import `fail`.",
    )


class CsvBody(RawModel):
    """A CSV file, plain or gzip, raw or as the one file of a form."""

    mimetypes = ["text/csv", "application/gzip", "application/octet-stream", "multipart/form-data"]


class ImportPath(Schema):
    """Which import: the id of its job."""

    job_id: UUID


class ReportQuery(Schema):
    """Which part of the report."""

    cursor: Cursor | None = None
    limit: Limit = 50


class RefusedRow(Schema):
    """A row that was not imported."""

    line: int = Field(description="Where the row begins in the file, from 1.")
    column: str = Field(description="The first wrong one; `(row)` where it is the row as a whole.")
    value: str = Field(description="What was there, cut short.")
    reason: str


class Report(Schema):
    """Refused rows, in the file's order."""

    model_config = ConfigDict(title="ImportReport")

    items: list[RefusedRow]
    next: str | None = Field(None, description="The cursor of the next page; null at the end.")
