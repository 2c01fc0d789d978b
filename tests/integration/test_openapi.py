"""The OpenAPI document tells the truth: generated requests, right and wrong, get only what it promises."""

from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.directory import Directory

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def test_it_is_openapi_3_1_and_every_operation_names_its_problems(directory: Directory):
    document = directory.client.get("/openapi.json").get_json()

    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["security"] == [{"key": []}]
        for status in ("401", "403", "422", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"]


def test_the_page_loads_nothing_from_elsewhere(directory: Directory):
    page = directory.client.get("/docs")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!doctype html>", "")
    for path in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/own/start.js"):
        assert path in page.text
        assert directory.client.get(path).status_code == 200
    assert directory.client.get("/docs/other.js").status_code == 404


def test_the_root_leads_on_and_each_problem_type_can_be_read(directory: Directory):
    links = directory.client.get("/").get_json()
    assert directory.client.get(links["openapi"]).status_code == 200
    assert directory.client.get("/problems/validation").get_json()["status"] == 422
    assert directory.client.get("/problems/nothing").status_code == 404
