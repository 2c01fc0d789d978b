"""The user directory's API on real servers, as tests call it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from flask_scale.state import state_of
from services.domain import api_keys
from services.domain.api_keys import SCOPES, Scope

MIGRATIONS = "services/domain/migrations"


class Directory:
    """The API with a key of every scope; `as_key` gives the same API with another."""

    def __init__(self, app: Flask, key: str | None = None) -> None:
        self.app = app
        self.client: FlaskClient = app.test_client()
        self.key = self.make_key(*SCOPES) if key is None else key

    def make_key(self, *scopes: Scope, name: str = "test", expires_at: Any = None) -> str:
        with self.app.app_context(), self.transaction() as session:
            return api_keys.create(session, name, scopes, expires_at)

    def as_key(self, key: str) -> "Directory":
        return Directory(self.app, key)

    def with_scopes(self, *scopes: Scope) -> "Directory":
        return self.as_key(self.make_key(*scopes))

    def transaction(self) -> Any:
        return state_of(self.app).database.transaction()

    def execute(self, sql: str, **values: Any) -> Any:
        """Run SQL in a transaction of its own; the rows, where there are any."""
        with self.transaction() as session:
            result = session.execute(text(sql), values)
            return result.all() if result.returns_rows else None

    def open(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.open("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        return self.open("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        return self.open("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.open("DELETE", path, **options)

    def add_user(self, email: str, name: str = "Ada Lovelace", country: str = "GB") -> dict[str, Any]:
        response = self.post("/v1/users", json={"email": email, "name": name, "country": country})
        assert response.status_code == 201, response.text
        return response.get_json()


@contextmanager
def running_directory(
    database_url: str, cache_url: str | None = None, broker_url: str | None = None
) -> Iterator[Directory]:
    """The API over these servers, closed at the end."""
    from services.api.app import create_app  # Here, so that other tests do not load it.

    urls = {"DATABASE_URL": database_url, "CACHE_URL": cache_url, "BROKER_URL": broker_url}
    patient = {"CACHE_TIMEOUT_SECONDS": "5", "JOB_PUBLISH_TIMEOUT_SECONDS": "5"}
    app = create_app({f"FLASK_SCALE_{name}": value for name, value in {**patient, **urls}.items() if value})
    app.testing = True
    state = state_of(app)
    try:
        yield Directory(app)
    finally:
        for part in (state.jobs, state.cache, state.database):
            if part is not None and hasattr(part, "close"):
                part.close()


def assert_problem(response: TestResponse, status: int, kind: str) -> dict[str, Any]:
    """The response is this problem; gives its body."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = response.get_json()
    assert (body["type"], body["status"]) == (f"/problems/{kind}", status)
    return body
