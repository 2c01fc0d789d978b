"""A cached and an uncached run of the same requests differ in nothing but Age, Date and Cache-Status."""

import pytest
from flask import Response, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.response_cache.conftest import TEXT, Site

#: What may differ: the age and what the cache says of itself, and the id of the request.
MAY_DIFFER = {"Age", "Date", "Cache-Status", "X-Request-ID"}

RESPONSES = {
    "/page/text": lambda: Response(TEXT),
    "/page/short": lambda: Response("short", headers={"Cache-Control": "max-age=60"}),
    "/page/language": lambda: Response(request.headers.get("Accept-Language", ""), headers={"Vary": "Accept-Language"}),
    "/page/tagged": lambda: Response(TEXT, headers={"ETag": '"tag"', "Last-Modified": "Sat, 01 Jan 2022 00:00:00 GMT"}),
    "/page/missing": lambda: Response("missing", 404),
    "/page/moved": lambda: Response("", 308, {"Location": "/page/text"}),
    "/page/cookie": lambda: Response("cookie", headers={"Set-Cookie": "a=b"}),
    "/page/private": lambda: Response(request.headers.get("Cookie", ""), headers={"Cache-Control": "private"}),
    "/page/credentials": lambda: Response(str(request.authorization)),
    "/page/broken": lambda: Response("broken", 503, {"Retry-After": "1"}),
    "/page/empty": lambda: Response(status=204),
    "/page/image": lambda: Response(b"\x89PNG" * 500, mimetype="image/png"),
}

HEADERS = {
    "Accept-Encoding": ["gzip", "br, gzip;q=0.5", "zstd", "identity", "*"],
    "Accept-Language": ["de", "fr"],
    "If-None-Match": ['"tag"', 'W/"tag"', "*", '"tag:gzip"'],
    "If-Modified-Since": ["Sun, 02 Jan 2022 00:00:00 GMT"],
    "Authorization": ["Bearer x"],
    "Cookie": ["session=x"],
    "Range": ["bytes=0-3"],
    "Cache-Control": ["no-cache", "no-store"],
}

REQUESTS = st.tuples(
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from(sorted(RESPONSES)),
    st.dictionaries(st.sampled_from(sorted(HEADERS)), st.integers(0, 4), max_size=3),
)


def run(site, history):
    """What each request was answered."""
    site.respond = lambda: RESPONSES[request.path]()
    client = site.app.test_client(use_cookies=False)
    for method, path, chosen in history:
        headers = {name: HEADERS[name][number % len(HEADERS[name])] for name, number in chosen.items()}
        answer = client.open(path, method=method, headers=headers)
        kept = sorted(header for header in answer.headers if header[0] not in MAY_DIFFER)
        yield method, path, headers, answer.status, kept, answer.data


@pytest.mark.usefixtures("clock")
@given(st.lists(REQUESTS, max_size=25))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_cached_run_answers_as_an_uncached_one(history):
    assert list(run(Site(), history)) == list(run(Site(cache_memory_bytes=0), history))


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("path", sorted(RESPONSES))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_is_what_the_app_answers_without_a_cache_and_what_lets_clients_ask_again(path, method):
    """Beside that only ETag, Cache-Control and Accept-Encoding in Vary are added."""
    added = {"ETag", "Cache-Control", "Vary"}
    plain, cached = Site(cache_responses=""), Site()
    for site in (plain, cached):
        site.respond = lambda: RESPONSES[request.path]()
    for _ in range(3):
        own, ours = (site.get(path, method, Accept_Language="de") for site in (plain, cached))
        assert (ours.status, ours.data) == (own.status, own.data)
        left, right = (
            {name: value for name, value in answer.headers if name not in MAY_DIFFER | added} for answer in (own, ours)
        )
        assert left == right
        for name in {"ETag", "Cache-Control"} & {*own.headers.keys()}:
            assert ours.headers[name] == own.headers[name]
        assert {"Accept-Language"} & set(own.vary) == {"Accept-Language"} & set(ours.vary)
