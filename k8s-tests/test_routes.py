"""Every route of the service answers through nginx, and the main ones through the Ingress."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from support.directory import Directory
from support.release import HOST, OWN_INGRESS, Release


class Recorder(Directory):
    """A client that keeps which routes answered."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__(url, key)
        self.answered: set[tuple[str, str]] = set()

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = super().call(method, path, **options)
        self.answered.add((method.lower(), path.partition("?")[0]))
        return response


@pytest.fixture
def recorder(release: Release, key: str) -> Iterator[Recorder]:
    with release.at_nginx() as url:
        yield Recorder(url, key)


def test_every_route_of_the_document_answers_through_nginx(recorder: Recorder):
    document = recorder.get("/openapi.json").json()

    users_come_and_go(recorder)
    statistics_are_cached(recorder)
    job = imports_report_their_rows(recorder)
    jobs_are_listed_and_cancelled(recorder, job)
    exports_are_downloaded(recorder)

    routes = {(method, path) for path, operations in document["paths"].items() for method in operations}
    assert {route for route in routes if not any(is_of(request, route) for request in recorder.answered)} == set()


def is_of(request: tuple[str, str], route: tuple[str, str]) -> bool:
    """Whether a method and path are of a route such as ("get", "/v1/jobs/{job_id}")."""
    return request[0] == route[0] and re.fullmatch(re.sub(r"{\w+}", "[^/]+", route[1]), request[1]) is not None


def users_come_and_go(directory: Directory) -> None:
    user = directory.add_user("Route.User@example.org")
    path = f"/v1/users/{user['id']}"
    found = directory.get("/v1/users?email=ROUTE.USER@EXAMPLE.ORG").json()["items"]
    assert [item["id"] for item in found] == [user["id"]]
    read = directory.get(path)
    assert read.json() == user
    assert directory.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
    change = {"If-Match": read.headers["ETag"]}
    assert directory.call("PATCH", path, json={"name": "Ada King"}, headers=change).json()["name"] == "Ada King"
    assert directory.call("PATCH", path, json={"name": "Late"}, headers=change).status_code == 412
    etag = {"If-Match": directory.get(path).headers["ETag"]}
    assert directory.call("DELETE", path, headers=etag).status_code == 204
    gone = directory.get(path)
    assert (gone.status_code, gone.headers["Content-Type"]) == (404, "application/problem+json")


def statistics_are_cached(directory: Directory) -> None:
    path = "/v1/statistics/sign-ups?from=2024-01-01&to=2024-12-31&interval=day"
    first, second = (directory.get(path, headers={"Accept-Encoding": "gzip"}) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert second.headers["Content-Encoding"] == "gzip"


def imports_report_their_rows(directory: Directory) -> dict[str, Any]:
    rows = b"email,name,country,created_at\nroute-row@example.org,Row,DE,2024-05-01\nnobody,No Address,DE,2024-05-01\n"
    answer = directory.post("/v1/imports?on_conflict=skip", data=rows, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    result = directory.until_succeeded(job["id"])
    assert (result["read"], result["refused"]) == (2, 1)
    assert len(directory.get(f"/v1/imports/{job['id']}/report").json()["items"]) == 1
    return job


def jobs_are_listed_and_cancelled(directory: Directory, job: dict[str, Any]) -> None:
    assert job["id"] in [item["id"] for item in directory.get("/v1/jobs?limit=200").json()["items"]]
    done = directory.post(f"/v1/jobs/{job['id']}/cancel")
    assert (done.status_code, done.headers["Content-Type"]) == (409, "application/problem+json")


def exports_are_downloaded(directory: Directory) -> None:
    answer = directory.post("/v1/exports", json={})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    directory.until_succeeded(job["id"])
    file = directory.get(f"/v1/exports/{job['id']}/file", headers={"Accept-Encoding": "identity"})
    assert file.status_code == 200
    part = directory.get(f"/v1/exports/{job['id']}/file", headers={"Accept-Encoding": "identity", "Range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, file.content[:5])


def test_the_page_of_the_documentation_comes_with_its_assets(directory: Directory):
    page = directory.get("/docs")
    assets = re.findall(r'(?:src|href)="(/docs/[^"]+)"', page.text)
    assert assets
    for path in assets:
        assert directory.get(path).status_code == 200, path


@pytest.mark.parametrize("path", ["/metrics", "/livez", "/readyz", "/stub_status", "/.problem/502"])
def test_what_is_for_operators_is_not_for_clients(directory: Directory, path: str):
    assert directory.get(path).status_code in (401, 404)


def test_what_nginx_answers_itself_is_a_problem_too(directory: Directory):
    answer = directory.get("/" + "x" * 9000)
    assert (answer.status_code, answer.headers["Content-Type"]) == (414, "application/problem+json")
    assert answer.json()["status"] == 414


@pytest.mark.own_cluster
def test_the_main_routes_answer_through_the_ingress(release: Release, key: str):
    directory = Directory(OWN_INGRESS, key, host=HOST)
    user = directory.add_user()
    assert directory.get(f"/v1/users/{user['id']}").json() == user
    statistics_are_cached(directory)
    job = directory.start_import(2000)
    assert directory.until_succeeded(job["id"])["inserted"] == 2000
    exports_are_downloaded(directory)


@pytest.mark.own_cluster
def test_an_import_over_nginx_own_megabyte_passes_the_ingress(release: Release, key: str):
    directory = Directory(OWN_INGRESS, key, host=HOST)
    job = directory.start_import(60_000)
    assert directory.until_succeeded(job["id"])["inserted"] == 60_000
