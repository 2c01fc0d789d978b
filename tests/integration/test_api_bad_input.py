"""Whatever comes in, a problem goes out."""

import gzip
import json

import pytest

from tests.support.directory import Directory, assert_problem

ADA = {"email": "ada@example.org", "name": "Ada Lovelace", "country": "GB"}
JSON = "application/json"
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"{'a': 1}", 400, "malformed"),
        (b'{"a": NaN}', 400, "malformed"),
        (b'{"a": Infinity}', 400, "malformed"),
        (b'{"email": "\xff"}', 400, "malformed"),
        (b'{"email": "\\ud800@example.org", "name": "a", "country": "DE"}', 400, "malformed"),
        (b'{"\\udfff": 1}', 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "malformed"),
        (b"1" * 4000, 422, "validation"),
        (b"[]", 422, "validation"),
        (b"null", 422, "validation"),
        (b"7", 422, "validation"),
        (b'"{}"', 422, "validation"),
        (b"{}", 422, "validation"),
        (b'{"email": 1, "name": [], "country": {}}', 422, "validation"),
        (b'{"email": null, "name": true, "country": 1e400}', 422, "validation"),
        (json.dumps({**ADA, "name": "a\0b"}).encode(), 422, "validation"),
        (json.dumps({**ADA, "email": "a\0@example.org"}).encode(), 422, "validation"),
        (json.dumps({**ADA, "a\0b": 1}).encode(), 422, "validation"),
        (json.dumps({**ADA, "x" * 10_000: 1}).encode(), 422, "validation"),
        (json.dumps({**ADA, "name": "x" * 100_000}).encode(), 422, "validation"),
        (json.dumps({**ADA, "id": 1, "version": 9}).encode(), 422, "validation"),
        (b'{"a": ' + b"9" * 5000 + b"}", 400, "malformed"),
    ],
    ids=range(25),
)
def test_a_body_that_is_no_user_is_a_problem(standing_directory: Directory, body, status, kind):
    response = standing_directory.post("/v1/users", data=body, content_type=JSON)
    assert_problem(response, status, kind)
    assert len(response.data) < 2000


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "text/csv", "application/x-www-form-urlencoded", "nonsense"]
)
def test_another_content_type_is_415(standing_directory: Directory, content_type):
    response = standing_directory.post("/v1/users", data=json.dumps(ADA), content_type=content_type)
    assert_problem(response, 415, "media-type")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "nonsense"])
def test_another_content_encoding_is_415(standing_directory: Directory, encoding):
    options = {"data": json.dumps(ADA), "content_type": JSON, "headers": {"Content-Encoding": encoding}}
    response = standing_directory.post("/v1/users", **options)
    assert_problem(response, 415, "media-type")
    assert response.headers["Accept-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("packed", "status", "kind"),
    [
        (b"plain", 400, "malformed"),
        (gzip.compress(b"{}")[:-4], 400, "malformed"),
        (gzip.compress(b" " * (MIB + 1)), 413, "too-large"),
        (gzip.compress(b" " * 900 * MIB)[:MIB], 413, "too-large"),
    ],
    ids=["no gzip", "cut short", "too large", "bomb"],
)
def test_a_bad_gzip_body_is_a_problem(standing_directory: Directory, packed, status, kind):
    options = {"data": packed, "content_type": JSON, "headers": {"Content-Encoding": "gzip"}}
    assert_problem(standing_directory.post("/v1/users", **options), status, kind)


def test_a_body_over_the_limit_is_413(standing_directory: Directory):
    response = standing_directory.post("/v1/users", data=b" " * (MIB + 1), content_type=JSON)
    assert_problem(response, 413, "too-large")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/v1/users/0", 422, "validation"),
        ("/v1/users/-1", 422, "validation"),
        ("/v1/users/nobody", 422, "validation"),
        ("/v1/users/1.5", 422, "validation"),
        ("/v1/users/%00", 422, "validation"),
        ("/v1/users/%ff", 422, "validation"),
        ("/v1/users/9223372036854775808", 422, "validation"),
        ("/v1/users/" + "9" * 5000, 422, "validation"),
        ("/v1/users/9223372036854775807", 404, "not-found"),
        ("/v1/users/1/more", 404, "not-found"),
        ("/v1/nothing", 404, "not-found"),
        ("/nothing%00", 404, "not-found"),
        ("/v1/jobs/nothing", 422, "validation"),
        ("/v1/jobs/%00", 422, "validation"),
        ("/v1/users?q=%ff", 400, "malformed"),
        ("/v1/users?%ff=1", 400, "malformed"),
        ("/v1/users?q=a%00b", 422, "validation"),
        ("/v1/users?%00=1", 422, "validation"),
        ("/v1/users?limit=1&limit=2", 422, "validation"),
        ("/v1/users?q=%ED%A0%80", 400, "malformed"),
        ("/v1/users?cursor=" + "A" * 5000, 422, "validation"),
        ("/v1/jobs?state=lost", 422, "validation"),
        ("/v1/jobs?task=%00", 422, "validation"),
        ("/v1/jobs?cursor=e30", 400, "cursor"),
        ("/v1/jobs/00000000-0000-0000-0000-000000000000?wait=21", 422, "validation"),
        ("/v1/jobs/00000000-0000-0000-0000-000000000000?wait=nan", 422, "validation"),
        ("/v1/jobs/00000000-0000-0000-0000-000000000000?wait=-1", 422, "validation"),
        ("/v1/jobs/00000000-0000-0000-0000-000000000000", 404, "not-found"),
        ("/v1/statistics/sign-ups?from=2026-02-30", 422, "validation"),
        ("/v1/statistics/sign-ups?from=yesterday", 422, "validation"),
        ("/v1/statistics/sign-ups?from=1700000000", 422, "validation"),
        ("/v1/statistics/sign-ups?from=2026-02-02&to=2026-02-01", 422, "validation"),
        ("/v1/statistics/sign-ups?from=1990-01-01&to=2026-01-01", 422, "validation"),
        ("/v1/statistics/sign-ups?from=0001-01-01&to=9999-12-31", 422, "validation"),
        ("/v1/statistics/sign-ups?interval=year", 422, "validation"),
    ],
)
def test_an_address_that_names_nothing_is_a_problem(standing_directory: Directory, path, status, kind):
    assert_problem(standing_directory.get(path), status, kind)


def test_another_method_is_405_and_told_which_are_allowed(standing_directory: Directory):
    response = standing_directory.open("PUT", "/v1/users/1", json=ADA)
    assert_problem(response, 405, "method-not-allowed")
    assert {"GET", "PATCH", "DELETE"} <= set(response.headers["Allow"].split(", "))


def test_an_error_of_ours_is_a_problem_that_tells_nothing(directory: Directory):
    directory.app.testing = False
    directory.app.config["PROPAGATE_EXCEPTIONS"] = False
    directory.execute("DROP TABLE users CASCADE")

    problem = assert_problem(directory.get("/v1/users"), 500, "internal")

    assert "detail" not in problem
