"""What needs no server. Whole requests are in tests/integration/test_api_bad_input.py."""

import json

import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st

from services.api import problems, requests
from services.domain import settings

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def make_app() -> Flask:
    app = Flask("services.api")
    settings.init_app(app)
    problems.init_app(app)
    requests.init_app(app)
    app.add_url_rule("/", view_func=lambda: {"got": request.get_json()}, methods=["POST"])
    app.add_url_rule("/", "read", view_func=lambda: dict(request.args))
    return app


client = make_app().test_client()


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_json_object_is_read_as_it_was_written(value):
    response = client.post("/", data=json.dumps(value), content_type="application/json")
    assert response.get_json() == {"got": value}


@given(st.binary(max_size=60) | VALUES.map(lambda it: json.dumps(it).encode()))
def test_any_other_body_is_a_problem_of_the_client(body):
    response = client.post("/", data=body, content_type="application/json")
    if response.status_code != 200:
        assert response.status_code in (400, 422)
        assert response.mimetype == "application/problem+json"


@given(st.text("%abcdef0123456789&=+;\x00é", max_size=40))
def test_any_query_is_read_or_a_problem_of_the_client(query):
    response = client.get("/", query_string=query)
    assert response.status_code in (200, 400, 422)
    if response.status_code != 200:
        assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize("name", list(problems.KINDS))
def test_every_problem_has_a_stable_type_and_its_status(name):
    response = problems.Problem(name, "why", headers={"Retry-After": "1"}).response()
    body = response.get_json()
    assert (body["type"], body["detail"]) == (f"/problems/{name}", "why")
    assert body["status"] == response.status_code == problems.KINDS[name].status
    assert response.headers["Retry-After"] == "1"


def test_every_error_that_is_mapped_names_a_kind():
    assert {kind for kind, _ in problems.OF_ERROR.values()} <= set(problems.KINDS)
