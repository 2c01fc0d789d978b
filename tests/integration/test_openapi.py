"""The OpenAPI document tells the truth: generated requests, right and wrong, get only what it promises."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.directory import Directory

#: Requests for each operation, right ones and wrong ones each.
EXAMPLES = 25

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(standing_directory: Directory) -> schemathesis.BaseSchema:
    """The document of an API that has users."""
    for number in range(20):
        standing_directory.add_user(f"user{number}@example.org")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", standing_directory.app)
    # Its client for WSGI apps asks for compression, and cannot unpack it.
    schema.config.update(headers={"Authorization": f"Bearer {standing_directory.key}", "Accept-Encoding": "identity"})
    return schema


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_generated_requests_get_only_what_the_document_promises(api: schemathesis.BaseSchema, mode, subtests):
    for operation in (found.ok() for found in api.get_all_operations()):
        with subtests.test(operation.label):
            exercise(operation, mode)


def exercise(operation: schemathesis.schemas.APIOperation, mode: GenerationMode) -> None:
    @hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=HealthCheck)
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_it_is_openapi_3_1_and_every_operation_names_its_problems(standing_directory: Directory):
    document = standing_directory.client.get("/openapi.json").get_json()

    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["security"] == [{"key": []}]
        for status in ("401", "403", "422", "503"):
            assert "application/problem+json" in operation["responses"][status]["content"]


def test_the_page_loads_nothing_from_elsewhere(standing_directory: Directory):
    page = standing_directory.client.get("/docs")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text
    for path in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/own/start.js"):
        assert path in page.text
        with standing_directory.client.get(path) as asset:
            assert asset.status_code == 200
    assert standing_directory.client.get("/docs/other.js").status_code == 404


def test_the_root_leads_on_and_each_problem_type_can_be_read(standing_directory: Directory):
    links = standing_directory.client.get("/").get_json()
    assert standing_directory.client.get(links["openapi"]).status_code == 200
    assert standing_directory.client.get("/problems/validation").get_json()["status"] == 422
    assert standing_directory.client.get("/problems/nothing").status_code == 404
