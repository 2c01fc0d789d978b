"""The OpenAPI document tells the truth: generated requests, right and wrong, get only what it promises."""

from collections.abc import Iterator

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

from flask_scale.dev.postgres import Postgres
from tests.support import servers
from tests.support.directory import Directory, running_directory

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
def api(postgres_server: Postgres, directory_template: str) -> Iterator[schemathesis.BaseSchema]:
    """The document of an API that has users and a job."""
    with (
        servers.fresh_database(postgres_server, directory_template) as url,
        running_directory(url) as directory,
    ):
        for number in range(20):
            directory.add_user(f"user{number}@example.org")
        schema = schemathesis.openapi.from_wsgi("/openapi.json", directory.app)
        # Its client for WSGI apps asks for compression, and cannot unpack it.
        schema.config.update(headers={"Authorization": f"Bearer {directory.key}", "Accept-Encoding": "identity"})
        yield schema


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
    assert "//" not in page.text
    for path in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/own/start.js"):
        assert path in page.text
        with directory.client.get(path) as asset:
            assert asset.status_code == 200
    assert directory.client.get("/docs/other.js").status_code == 404


def test_the_root_leads_on_and_each_problem_type_can_be_read(directory: Directory):
    links = directory.client.get("/").get_json()
    assert directory.client.get(links["openapi"]).status_code == 200
    assert directory.client.get("/problems/validation").get_json()["status"] == 422
    assert directory.client.get("/problems/nothing").status_code == 404
