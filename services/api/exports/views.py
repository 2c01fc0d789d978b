"""/v1/exports"""

from uuid import UUID

from flask import Response, request, url_for

from flask_scale.errors import JobNotFound
from services.api.access import needs, owner, sees
from services.api.exports.schemas import ExportPath, FileHeaders, NewExport
from services.api.idempotency import idempotent
from services.api.jobs.schemas import JobBody
from services.api.problems import Problem
from services.api.resources import resource
from services.api.schemas import RequiredIdempotencyHeaders, problems
from services.domain import files
from services.domain.files import FileReader
from services.domain.models import File
from services.domain.scale import scale
from services.domain.tasks import export_users

blueprint = resource("exports", "Users to a CSV file, as a job. The file is kept for a day.")


@blueprint.post("", responses={202: JobBody, **problems(409, 413, 415)})
@needs("users:read", "jobs")
@idempotent(required=True)
def create_export(body: NewExport, header: RequiredIdempotencyHeaders) -> Response:
    """Export users to a CSV file

    Watch the job; once it succeeded, get the file.
    """
    job = export_users.enqueue(
        session=scale.session,
        owner=owner(),
        country=body.country,
        created_from=body.created_from,
        created_to=body.created_to,
    )
    location = url_for("jobs.read_job", job_id=job.id)
    return JobBody.of(job).response(202, {"Location": location})


@blueprint.get("/<job_id>/file", responses={200: None, 206: None, 304: None, **problems(404, 409, 410, 416)})
@needs("users:read")
def read_file(path: ExportPath, header: FileHeaders) -> Response:
    """Download the file of an export

    gzip CSV in UTF-8, which an import takes as it is: what a spreadsheet could run as a formula begins with an
    apostrophe, and an import takes that away again. 409 until it is ready, 410 once its time is over.
    """
    response = _answer(_finished_file(path.job_id))
    response.make_conditional(request, accept_ranges=True, complete_length=response.content_length)
    return response


def _finished_file(job_id: UUID) -> File:
    job = scale.jobs.get(str(job_id), sees())
    if job.task != export_users.name:
        raise JobNotFound(f"no export {job_id}")
    if job.state != "succeeded":
        raise Problem("job-state", f"the file is not there: the export is {job.state}")
    return files.find_finished(scale.session, job_id)


def _answer(file: File) -> Response:
    response = Response(FileReader.of(scale.database, file), content_type=file.content_type)
    response.content_length = file.size
    response.set_etag(file.sha256 or "")
    response.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return response
