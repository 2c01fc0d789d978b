"""An export is one whole file of the users asked for, for its owner, while it is kept."""

import csv
import gzip
import hashlib
import io
import itertools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from services.domain import exports as domain_exports
from services.domain import files
from services.domain.files import FileWriter
from tests.support.directory import Directory, assert_problem
from tests.support.imports import HEADER, accept_import, fresh_key, people, users
from tests.support.work import Killed, Workplace
from tests.support.work import workplace as running_workplace

PEOPLE = (
    HEADER
    + b"ada@example.com,Ada Lovelace,GB,2024-01-01T10:00:00Z\n"
    + b"grace@example.com,=cmd|' /C calc'!A0,US,2024-02-01T23:59:59.123456Z\n"
    + b"+emmy@example.com,'@Emmy,DE,2024-02-02\n"
    + 'zoë@example.com,"Zoë, Ó",GB,2024-03-01\n'.encode()
)


@pytest.fixture
def workplace(directory: Directory, directory_database_url: str) -> Iterator[Workplace]:
    with running_workplace(directory_database_url) as found:
        yield found


@pytest.fixture
def export_id(directory: Directory, workplace: Workplace) -> str:
    """An export of `PEOPLE` that is ready."""
    workplace.run(accept_import(directory, PEOPLE))
    job_id = accept_export(directory)
    assert workplace.run(job_id).state == "succeeded"
    return job_id


def accept_export(directory: Directory, **filters: str) -> str:
    response = directory.post("/v1/exports", json=filters, headers=fresh_key())
    assert response.status_code == 202, response.text
    job_id: str = response.get_json()["id"]
    assert response.headers["Location"] == f"/v1/jobs/{job_id}"
    return job_id


def download(directory: Directory, job_id: str) -> bytes:
    response = directory.get(f"/v1/exports/{job_id}/file")
    assert response.status_code == 200, response.text
    return response.data


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(gzip.decompress(data).decode(), newline="")))


def test_an_export_has_every_user_in_columns_that_an_import_knows(directory: Directory, export_id: str):
    found = rows(download(directory, export_id))
    assert found[0] == ["email", "name", "country", "created_at"]
    assert ["ada@example.com", "Ada Lovelace", "GB", "2024-01-01T10:00:00Z"] in found
    assert len(found) == 5


def test_no_cell_of_an_export_can_run_as_a_formula(directory: Directory, export_id: str):
    found = {row[0]: row[1] for row in rows(download(directory, export_id))}
    assert found["grace@example.com"] == "'=cmd|' /C calc'!A0"
    assert found["'+emmy@example.com"] == "'@Emmy"


def test_importing_an_export_gives_the_same_users(directory: Directory, workplace: Workplace, export_id: str):
    before = users(directory)
    exported = download(directory, export_id)
    directory.execute("TRUNCATE users")

    job = workplace.run(accept_import(directory, exported, content_type="application/gzip"))

    assert job.result["inserted"] == 4
    assert users(directory) == before


@pytest.mark.parametrize(
    ("filters", "emails"),
    [
        ({"country": "gb"}, ["ada@example.com", "zoë@example.com"]),
        ({"from": "2024-02-01", "to": "2024-02-01"}, ["grace@example.com"]),
        ({"from": "2024-02-02"}, ["'+emmy@example.com", "zoë@example.com"]),
        ({"to": "2024-01-01", "country": "GB"}, ["ada@example.com"]),
        ({"country": "FR"}, []),
    ],
)
def test_filters_choose_who_is_exported(directory: Directory, workplace: Workplace, filters, emails):
    workplace.run(accept_import(directory, PEOPLE))
    job_id = accept_export(directory, **filters)
    assert workplace.run(job_id).result["rows"] == len(emails)
    assert [row[0] for row in rows(download(directory, job_id))[1:]] == emails


def test_many_pages_and_chunks_are_one_file(
    directory: Directory, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(domain_exports, "PAGE_ROWS", 1000)
    monkeypatch.setattr(files, "FILE_CHUNK_BYTES", 10_000)
    workplace.run(accept_import(directory, people(5000)))
    job_id = accept_export(directory)
    job = workplace.run(job_id)

    data = download(directory, job_id)
    assert job.result == {"rows": 5000, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert job.progress == {"done": 5000, "total": 5000}
    assert len(directory.execute("SELECT FROM file_chunks")) > 3
    assert len({row[0] for row in rows(data)}) == 5001
    for first, last in ((0, 9_999), (9_999, 10_000), (25_000, 29_999), (len(data) - 1, len(data) - 1)):
        part = directory.get(f"/v1/exports/{job_id}/file", headers={"Range": f"bytes={first}-{last}"})
        assert (part.status_code, part.data) == (206, data[first : last + 1])


def test_an_export_killed_on_its_way_leaves_one_whole_file(
    directory: Directory, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(domain_exports, "PAGE_ROWS", 5000)
    monkeypatch.setattr(files, "FILE_CHUNK_BYTES", 5_000)
    workplace.run(accept_import(directory, people(20_000)))
    job_id = accept_export(directory)
    write = FileWriter.write
    writes = itertools.count(1)

    def write_or_die(writer: FileWriter, *args: Any) -> None:
        write(writer, *args)
        if next(writes) == 3:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FileWriter, "write", write_or_die)
        assert workplace.run_until_killed(job_id)
    left = directory.execute("SELECT FROM file_chunks")

    assert workplace.run(job_id).state == "succeeded"
    assert left
    assert len(directory.execute("SELECT FROM files")) == 1
    assert len(rows(download(directory, job_id))) == 20_001


# The download.


def test_a_download_says_what_it_is(directory: Directory, export_id: str):
    response = directory.get(f"/v1/exports/{export_id}/file")
    assert response.content_type == "application/gzip"
    assert response.headers["Content-Disposition"] == f'attachment; filename="users-{export_id[:8]}.csv.gz"'
    assert response.headers["Content-Length"] == str(len(response.data))
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["ETag"] == f'"{hashlib.sha256(response.data).hexdigest()}"'
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(("asked", "part"), [("0-9", slice(0, 10)), ("5-", slice(5, None)), ("-7", slice(-7, None))])
def test_one_range_is_206(directory: Directory, export_id: str, asked: str, part: slice):
    data = download(directory, export_id)
    response = directory.get(f"/v1/exports/{export_id}/file", headers={"Range": f"bytes={asked}"})
    start, stop, _ = part.indices(len(data))
    assert (response.status_code, response.data) == (206, data[part])
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(data)}"
    assert response.headers["Content-Length"] == str(len(data[part]))


def test_a_range_behind_the_end_is_416(directory: Directory, export_id: str):
    size = len(download(directory, export_id))
    response = directory.get(f"/v1/exports/{export_id}/file", headers={"Range": f"bytes={size}-"})
    assert_problem(response, 416, "range")
    assert response.headers["Content-Range"] == f"bytes */{size}"


def test_a_range_of_a_file_that_changed_is_the_whole_file(directory: Directory, export_id: str):
    path = f"/v1/exports/{export_id}/file"
    tag = directory.get(path).headers["ETag"]
    same = directory.get(path, headers={"Range": "bytes=0-9", "If-Range": tag})
    other = directory.get(path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_who_has_the_file_is_answered_304(directory: Directory, export_id: str):
    path = f"/v1/exports/{export_id}/file"
    tag = directory.get(path).headers["ETag"]
    response = directory.get(path, headers={"If-None-Match": tag})
    assert (response.status_code, response.data) == (304, b"")


def test_a_file_that_is_not_ready_is_409(directory: Directory):
    problem = assert_problem(directory.get(f"/v1/exports/{accept_export(directory)}/file"), 409, "job-state")
    assert "queued" in problem["detail"]


def test_a_file_whose_time_is_over_is_410_and_goes_with_the_next_export(
    directory: Directory, workplace: Workplace, export_id: str
):
    directory.execute("UPDATE files SET expires_at = now() - interval '1 s'")
    assert_problem(directory.get(f"/v1/exports/{export_id}/file"), 410, "gone")
    workplace.run(accept_export(directory))
    assert len(directory.execute("SELECT FROM files")) == 1


def test_a_file_is_kept_for_a_day(directory: Directory, export_id: str):
    (kept,) = directory.execute("SELECT expires_at - created_at AS time FROM files")
    assert 23.9 < kept.time.total_seconds() / 3600 < 24.1


def test_a_leftover_goes_after_a_week_unless_its_job_may_still_run(directory: Directory, workplace: Workplace):
    waiting, over = accept_import(directory, PEOPLE), accept_import(directory, PEOPLE)
    workplace.jobs.cancel(over)
    directory.execute("UPDATE files SET created_at = now() - interval '8 days'")

    workplace.run(accept_export(directory))

    left = [str(row.job_id) for row in directory.execute("SELECT job_id FROM files WHERE name = 'import.csv'")]
    assert left == [waiting]


def test_a_file_is_for_its_owner_and_for_admin_only(directory: Directory, export_id: str):
    path = f"/v1/exports/{export_id}/file"
    assert_problem(directory.with_scopes("users:read").get(path), 404, "not-found")
    assert directory.with_scopes("admin").get(path).status_code == 200
    assert_problem(directory.with_scopes("users:write").get(path), 403, "forbidden")


def test_there_is_no_file_of_what_is_no_export(directory: Directory):
    assert_problem(directory.get(f"/v1/exports/{uuid.uuid4()}/file"), 404, "not-found")
    assert_problem(directory.get(f"/v1/exports/{accept_import(directory, PEOPLE)}/file"), 404, "not-found")


# The request.


def test_without_a_key_of_idempotency_the_answer_is_400(directory: Directory):
    assert_problem(directory.post("/v1/exports", json={}), 400, "idempotency-key-missing")


def test_the_same_request_again_is_the_same_job(directory: Directory):
    key = fresh_key()
    first = directory.post("/v1/exports", json={"country": "DE"}, headers=key)
    again = directory.post("/v1/exports", json={"country": "DE"}, headers=key)
    assert again.get_json() == first.get_json()
    assert len(directory.execute("SELECT FROM jobs")) == 1


@pytest.mark.parametrize(
    "body",
    [{"country": "XX"}, {"from": "2024-02-30"}, {"from": "2024-02-02", "to": "2024-02-01"}, {"first": "2024-01-01"}],
)
def test_filters_that_make_no_sense_are_422(directory: Directory, body: dict[str, str]):
    assert_problem(directory.post("/v1/exports", json=body, headers=fresh_key()), 422, "validation")
