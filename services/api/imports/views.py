"""/v1/imports"""

from collections.abc import Iterator
from uuid import UUID

from flask import Response, request, url_for

from flask_scale.database import Database
from flask_scale.errors import JobNotFound
from services.api.access import needs, owner, sees
from services.api.idempotency import read_key, run_once
from services.api.imports.schemas import CsvBody, ImportPath, ImportQuery, RefusedRow, Report, ReportQuery
from services.api.imports.upload import store_upload
from services.api.jobs.schemas import JobBody
from services.api.pagination import link_next, make_cursor, read_cursor
from services.api.problems import Problem
from services.api.resources import resource
from services.api.schemas import RequiredIdempotencyHeaders, problems
from services.domain import imports
from services.domain.csv_cells import write_rows
from services.domain.scale import scale
from services.domain.tasks import import_users

#: Refused rows that the CSV report reads at a time.
CSV_PAGE = 1000

REPORT_COLUMNS = ("line", "column", "value", "reason")

blueprint = resource("imports", "Users from a CSV file, as a job.")


@blueprint.post("", responses={202: JobBody, **problems(409, 413, 415)})
@needs("users:write", "jobs")
def create_import(query: ImportQuery, header: RequiredIdempotencyHeaders, raw: CsvBody) -> Response:
    """Import users from a CSV file

    UTF-8 with a header: `email`, `name`, `country`, and `created_at` (ISO 8601) if you like, in any order.
    Plain or gzip; as the body, or as the one file of a form. Watch the job; its result counts the rows.
    """
    key = read_key(required=True)
    file, sha256 = store_upload()

    def enqueue() -> Response:
        job = import_users.enqueue(session=scale.session, owner=owner(), file_id=file.id, on_conflict=query.on_conflict)
        file.job_id = UUID(job.id)
        location = url_for("jobs.read_job", job_id=job.id)
        return JobBody.of(job).response(202, {"Location": location})

    return run_once(enqueue, key=key, content=sha256)


@blueprint.get("/<job_id>/report", responses={200: Report, **problems(404)})
@needs("users:write")
def read_report(path: ImportPath, query: ReportQuery) -> Response:
    """List the rows of an import that were refused

    A page of JSON; with `Accept: text/csv` all of it. While the import runs, what it has refused so far.
    """
    job = scale.jobs.get(str(path.job_id), sees())
    if job.task != import_users.name:
        raise JobNotFound(f"no import {path.job_id}")
    response = _csv_report(path.job_id) if _wants_csv() else _json_report(path.job_id, query)
    response.vary.add("Accept")
    return response


def _wants_csv() -> bool:
    return request.accept_mimetypes.best_match(("application/json", "text/csv")) == "text/csv"


def _json_report(job_id: UUID, query: ReportQuery) -> Response:
    filters = {"import": str(job_id)}
    after = _line(read_cursor(query.cursor, **filters)) if query.cursor else 0
    found = imports.refusals(scale.session, job_id, after_line=after, limit=query.limit + 1)
    page, more = found[: query.limit], len(found) > query.limit
    cursor = make_cursor((str(page[-1].line),), **filters) if more else None
    body = Report(items=[RefusedRow.model_validate(row) for row in page], next=cursor)
    return link_next(body.response(), cursor)


def _csv_report(job_id: UUID) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="import-{str(job_id)[:8]}-report.csv"'}
    return Response(_csv_rows(scale.database, job_id), headers=headers, content_type="text/csv; charset=utf-8")


def _csv_rows(database: Database, job_id: UUID) -> Iterator[bytes]:
    yield write_rows([REPORT_COLUMNS])
    line = 0
    while True:
        with database.transaction() as session:
            rows = imports.refusals(session, job_id, after_line=line, limit=CSV_PAGE)
        if not rows:
            return
        yield write_rows((str(row.line), row.column, row.value, row.reason) for row in rows)
        line = rows[-1].line


def _line(key: tuple[str, ...]) -> int:
    try:
        (line,) = key
        return int(line)
    except ValueError as error:
        raise Problem("cursor") from error
