"""The report of an import: as JSON by page, as CSV whole, for its owner only."""

import csv
import io
import uuid
from collections.abc import Iterator

import pytest

from services.api.imports import views
from tests.support.directory import Directory, assert_problem
from tests.support.imports import HEADER, accept_import, fresh_key, report
from tests.support.work import Workplace
from tests.support.work import workplace as running_workplace

REFUSED = b"nobody,No Address,DE,\nada@example.com,,GB,\nada@example.com,=1+1,XX,\n=cmd,Ada,GB,\n+,Ada,GB,\n"


@pytest.fixture
def workplace(directory: Directory, directory_database_url: str) -> Iterator[Workplace]:
    with running_workplace(directory_database_url) as found:
        yield found


@pytest.fixture
def job_id(directory: Directory, workplace: Workplace) -> str:
    found = accept_import(directory, HEADER + REFUSED)
    workplace.run(found)
    return found


def test_the_report_tells_line_column_value_and_reason_of_each_refused_row(directory: Directory, job_id: str):
    items = report(directory, job_id)
    assert [item["line"] for item in items] == [2, 3, 4, 5, 6]
    assert items[1] == {"line": 3, "column": "name", "value": "", "reason": "is empty"}
    assert items[0]["reason"].startswith("An email address must have an @-sign")


def test_the_report_as_csv_is_whole_and_runs_no_formula(
    directory: Directory, job_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(views, "CSV_PAGE", 2)
    response = directory.get(f"/v1/imports/{job_id}/report", headers={"Accept": "text/csv"})

    assert (response.status_code, response.content_type) == (200, "text/csv; charset=utf-8")
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "Accept" in response.vary
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0] == ["line", "column", "value", "reason"]
    assert [row[0] for row in rows[1:]] == ["2", "3", "4", "5", "6"]
    assert [row[2] for row in rows[1:]] == ["nobody", "", "XX", "'=cmd", "'+"]


def test_a_waiting_import_has_an_empty_report(directory: Directory):
    assert report(directory, accept_import(directory, HEADER + REFUSED)) == []


def test_a_report_is_shown_to_its_owner_and_to_admin_only(directory: Directory, job_id: str):
    path = f"/v1/imports/{job_id}/report"
    assert_problem(directory.with_scopes("users:write").get(path), 404, "not-found")
    assert directory.with_scopes("admin").get(path).status_code == 200
    assert_problem(directory.with_scopes("users:read").get(path), 403, "forbidden")


def test_there_is_no_report_of_what_is_no_import(directory: Directory):
    assert_problem(directory.get(f"/v1/imports/{uuid.uuid4()}/report"), 404, "not-found")
    export = directory.post("/v1/exports", json={}, headers=fresh_key()).get_json()["id"]
    assert_problem(directory.get(f"/v1/imports/{export}/report"), 404, "not-found")


@pytest.mark.parametrize("id_", ["x", "1", "%00"])
def test_an_id_of_another_form_is_422(directory: Directory, id_: str):
    assert_problem(directory.get(f"/v1/imports/{id_}/report"), 422, "validation")


def test_a_cursor_of_another_report_is_400(directory: Directory, workplace: Workplace, job_id: str):
    cursor = directory.get(f"/v1/imports/{job_id}/report?limit=1").get_json()["next"]
    other = accept_import(directory, HEADER + REFUSED)
    assert_problem(directory.get(f"/v1/imports/{other}/report?cursor={cursor}"), 400, "cursor")
