import pytest
from flask import Flask, Response

from services.api.conditional import content_tag, expected_versions, version_tag, with_tag

app = Flask(__name__)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None),
        ("*", None),
        ('"v3"', {3}),
        ('"v3", "v4"', {3, 4}),
        ('"v3:zstd"', {3}),
        ('W/"v3"', set()),
        ('"3"', set()),
        ('"v0"', set()),
        ('"v99999999999"', set()),
        ('"other"', set()),
        ("", set()),
        ("garbage", set()),
        ("\xff", set()),
    ],
)
def test_if_match_names_the_versions_that_it_allows(header, versions):
    with app.test_request_context(headers={} if header is None else {"If-Match": header}):
        assert expected_versions() == versions


@pytest.mark.parametrize("known", ['"v3"', 'W/"v3"', "*", '"v1", "v3"', '"v3:br"'])
def test_a_client_that_has_it_gets_304_without_a_body(known):
    with app.test_request_context(headers={"If-None-Match": known}):
        response = with_tag(Response("body"), version_tag(3))

    assert (response.status_code, response.get_data(), response.headers["ETag"]) == (304, b"", '"v3"')
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("known", [None, '"v2"', "garbage", ""])
def test_a_client_that_has_another_gets_the_body_and_the_tag(known):
    with app.test_request_context(headers={} if known is None else {"If-None-Match": known}):
        response = with_tag(Response("body"), version_tag(3))

    assert (response.status_code, response.get_data(), response.headers["ETag"]) == (200, b"body", '"v3"')


def test_a_write_is_never_answered_304():
    with app.test_request_context(method="POST", headers={"If-None-Match": "*"}):
        assert with_tag(Response("body", 201), version_tag(1)).status_code == 201


def test_a_content_tag_follows_the_content_and_has_no_colon():
    assert content_tag(b"a") == content_tag(b"a") != content_tag(b"b")
    assert ":" not in content_tag(b"a")
