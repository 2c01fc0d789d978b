"""A cached response given at once has the bytes that the long way gives, and is given to nobody else."""

import json
import logging
import re

import pytest
from flask import Flask, Response, abort, jsonify, request
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader

from flask_scale import FlaskScale
from flask_scale.server.express import LONGEST_URL, MOST_KNOWN, express_for
from flask_scale.server.plain import PlainRequest, environ
from flask_scale.server.plain.parser import PlainParser
from flask_scale.settings import Settings
from flask_scale.state import state_of
from tests.support.wire import LISTENER, PEER, Wire, config


class Service:
    """An app with the short way into it, for a client that is connected to its listener."""

    def __init__(self, wrap=lambda app: app, peer=PEER, cfg=None, **settings):
        self.flask = Flask(__name__)
        self.scale = FlaskScale(self.flask, settings=Settings(**settings))
        self.peer = peer
        self.calls = 0

        @self.flask.get("/<name>")
        @self.scale.cached_response(60, public=True, tags=["all"])
        def view(name):
            self.calls += 1
            response = jsonify(name=name, scheme=request.scheme, host=request.host, words="the same " * 200)
            if name == "varied":
                response.vary.add("Accept-Language")
            return response

        self.flask.wsgi_app = wrap(self.flask.wsgi_app)
        self.cfg = cfg or config()
        self.express = express_for(self.flask, self.cfg)

    def parse(self, *fields, line="GET /a HTTP/1.1"):
        whole = "\r\n".join([line, "Host: example.com", *fields, "", ""]).encode("latin-1")
        self.wire = Wire(whole)
        found = next(PlainParser(self.cfg, self.wire, self.peer))
        assert type(found) is PlainRequest
        return found

    def at_once(self, *fields, **options):
        """The answer of the short way, None where it does not go."""
        request = self.parse(*fields, **options)
        found = self.express.answer(request.head, request.scheme, self.peer[0], close=request.must_close)
        return None if found is None else stripped(found)

    def long_way(self, *fields, **options):
        """The answer of the app itself, through gunicorn's response."""
        found = self.parse(*fields, **options)
        response, made = environ.create(found, self.wire, self.peer, LISTENER, self.cfg)
        body = self.flask.wsgi_app(made, response.start_response)
        for piece in body:
            response.write(piece)
        response.close()
        body.close()
        return stripped(b"".join(self.wire.sent))


def stripped(answer):
    """Without what differs from answer to answer."""
    for name in (b"Date", b"X-Request-ID", b"Age"):
        answer = re.sub(rb"\r\n" + name + rb": [^\r]*", b"\r\n" + name, answer)
    return re.sub(rb"ttl=\d+", b"ttl", answer)


@pytest.fixture
def service():
    return Service()


def test_nothing_is_known_before_the_long_way_was_gone(service):
    assert service.at_once() is None
    service.long_way()  # loads
    assert service.at_once() is None
    service.long_way()  # the first hit
    assert service.at_once() is not None


REQUESTS = {
    "plain": (),
    "gzip": ("Accept-Encoding: gzip",),
    "any": ("Accept-Encoding: gzip, deflate, br, zstd",),
    "nothing suits": ("Accept-Encoding: identity;q=0",),
    "another tag": ('If-None-Match: "other"',),
    "any tag": ("If-None-Match: *",),
    "a cookie": ("Cookie: a=b",),
    "credentials": ("Authorization: Basic YTpi",),
    "closed": ("Connection: close",),
    "a request id": ("X-Request-ID: mine",),
    "a proxy": ("X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: other.example"),
}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", REQUESTS)
def test_the_bytes_are_those_of_the_long_way(service, name, method):
    options = {"line": f"{method} /a?b=c HTTP/1.1"}
    fields = REQUESTS[name]
    for _ in range(2):
        service.long_way(*fields, **options)
    expected = service.long_way(*fields, **options)
    assert service.at_once(*fields, **options) == expected
    assert service.calls == 1


def test_a_matching_tag_is_answered_304(service):
    for _ in range(2):
        answer = service.long_way()
    tag = re.search(rb'ETag: ("[^"]*")', answer).group(1).decode()
    assert service.at_once(f"If-None-Match: {tag}").startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert service.at_once(f"If-None-Match: {tag}") == service.long_way(f"If-None-Match: {tag}")


def test_what_is_kept_for_a_tag_is_for_that_tag_and_encoding(service):
    for _ in range(2):
        plain = service.long_way("Accept-Encoding: identity")
    tag = re.search(rb'ETag: ("[^"]*")', plain).group(1).decode()
    for fields in ((), ("Accept-Encoding: gzip",), ("Cookie: a=b",)):
        for tags in (f"If-None-Match: {tag}", 'If-None-Match: "other"', "If-None-Match: *", f"If-None-Match: x, {tag}"):
            for _ in range(2):
                assert service.at_once(tags, *fields) == service.long_way(tags, *fields)
    kept = {tags for held in service.express._held.values() for _method, _encoding, tags in held.answers}
    assert kept == {tag}


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (("Range: bytes=0-3",), "GET /a HTTP/1.1"),
        (("Cache-Control: no-store",), "GET /a HTTP/1.1"),
        (("Content-Length: 3",), "GET /a HTTP/1.1"),
        ((), "POST /a HTTP/1.1"),
        ((), "GET /b HTTP/1.1"),
        ((), "GET /a?b HTTP/1.1"),
        (("X-Forwarded-Host: other.example",), "GET /a HTTP/1.1"),
        (("X-Forwarded-Proto: https",), "GET /a HTTP/1.1"),
    ],
)
def test_another_request_goes_the_long_way(service, fields, line):
    for _ in range(2):
        service.long_way()
    assert service.at_once() is not None
    assert service.at_once(*fields, line=line) is None


def test_what_was_invalidated_goes_the_long_way(service):
    for _ in range(2):
        service.long_way()
    with service.flask.app_context():
        service.scale.invalidate("all")
    assert service.at_once() is None


def test_a_response_that_varies_goes_the_long_way_which_knows_by_what(service):
    line = "GET /varied HTTP/1.1"
    for language in ("de", "en", "de", "en", "de", "en"):
        service.long_way(f"Accept-Language: {language}", line=line)
    assert service.at_once("Accept-Language: de", line=line) is None


def test_what_is_held_ready_copies_no_body(service):
    for _ in range(2):
        service.long_way()
    for encoding in ("gzip", "br", "identity", "gzip;q=0.9", "x"):
        service.at_once(f"Accept-Encoding: {encoding}")
    [held] = service.express._held.values()
    assert len(held.answers) == 3
    assert all(type(ready.body) is memoryview and ready.body.obj is held.stored for ready in held.answers.values())
    with service.flask.app_context():
        service.scale.cache.set("another", 1)
    service.at_once()
    assert [one.answers.keys() for one in service.express._held.values()] == [{("GET", "identity", "")}]


def test_a_view_that_hands_the_environ_on_to_another_url_is_still_asked(service):
    """By the idiom of werkzeug's `Response.from_app`."""

    @service.flask.get("/guarded")
    def guarded():
        if "X-Key" not in request.headers:
            abort(403)
        return Response.from_app(service.flask.wsgi_app, {**request.environ, "PATH_INFO": "/a"})

    line = "GET /guarded HTTP/1.1"
    for _ in range(4):
        service.long_way("X-Key: mine", line=line)
    assert service.at_once(line=line) is None


@pytest.mark.parametrize("name", ["Connection", "Server", "Upgrade", "Keep-Alive"])
def test_headers_of_one_connection_stay_out_as_with_gunicorn(name):
    service = Service(cache_responses="/own ttl=60")

    @service.flask.get("/own")
    def own():
        response = jsonify(words="the same " * 200)
        response.headers[name] = "x"
        return response

    line = "GET /own HTTP/1.1"
    for _ in range(2):
        service.long_way(line=line)
    assert service.at_once(line=line) == service.long_way(line=line)


def test_a_header_that_gunicorn_refuses_is_refused_here_too():
    service = Service(cache_responses="/own ttl=60")

    @service.flask.get("/own")
    def own():
        response = jsonify(words="the same " * 200)
        response.headers["X-Bad"] = "a\x00b"
        return response

    line = "GET /own HTTP/1.1"
    for _ in range(3):
        with pytest.raises(InvalidResponseHeader):
            service.long_way(line=line)
    assert service.at_once(line=line) is None


def test_a_layer_that_comes_later_is_asked(service):
    for _ in range(2):
        service.long_way()
    assert service.at_once() is not None
    service.flask.wsgi_app = lambda *args, app=service.flask.wsgi_app: app(*args)
    assert service.at_once() is None


def test_a_flask_that_a_tool_has_patched_is_always_asked(service, monkeypatch):
    called = Flask.__call__
    monkeypatch.setattr(Flask, "__call__", lambda self, *args: called(self, *args))
    assert express_for(service.flask, service.cfg) is None


def test_a_response_of_a_rule_is_not_for_who_comes_with_credentials():
    service = Service(cache_responses="/ruled ttl=60")

    @service.flask.get("/ruled")
    def ruled():
        return jsonify(words="the same " * 200)

    line = "GET /ruled HTTP/1.1"
    for _ in range(2):
        service.long_way(line=line)
    assert service.at_once(line=line) is not None
    assert service.at_once("Cookie: a=b", line=line) is None
    assert service.at_once("Authorization: Basic YTpi", line=line) is None


def test_a_scheme_that_a_stranger_claims_is_not_believed():
    """The same fields from a trusted proxy and from a client mean different URLs."""
    service = Service()
    fields = ("X-Forwarded-Proto: https", "X-Forwarded-Host: other.example")
    for _ in range(2):
        service.long_way(*fields)
    assert b"other.example" in service.at_once(*fields)
    service.peer = ("192.0.2.1", 5)
    assert service.at_once(*fields) is None


def test_an_app_with_middleware_of_its_own_is_always_asked():
    assert Service(wrap=lambda app: lambda *args: app(*args)).express is None


def test_an_app_that_is_called_in_its_own_way_is_always_asked(service):
    class Own(Flask):
        def __call__(self, *args):
            return super().__call__(*args)

    app = Own(__name__)
    FlaskScale(app)
    assert express_for(app, service.cfg) is None


@pytest.mark.parametrize("hook", ["pre_request", "post_request"])
def test_an_operators_hooks_are_always_called(hook):
    cfg = config()
    cfg.set(hook, lambda worker, request: None if hook == "pre_request" else lambda *_: None)
    assert Service(cfg=cfg).express is None


def test_a_request_leaves_its_line_in_the_log_and_counts(service, caplog):
    fields = ("X-Forwarded-For: 203.0.113.9", "User-Agent: tests", "X-Request-ID: mine")
    line = "GET /%C3%BC HTTP/1.1"
    with caplog.at_level(logging.INFO, "flask_scale.access"):
        for _ in range(2):
            service.long_way(*fields, line=line)
        caplog.clear()
        service.long_way(*fields, line=line)
        service.at_once(*fields, line=line)
    long, short = (json.loads(record.message) for record in caplog.records)
    for volatile in ("duration_ms", "timestamp"):
        assert long.pop(volatile) is not None
        assert short.pop(volatile) is not None
    assert short == long
    assert short["client"] == "203.0.113.9"


def test_the_metrics_have_it_once_they_are_told(service):
    def counted():
        registry = state_of(service.flask).registry
        named = {"method": "GET", "url_rule": "/<name>", "status": "200"}
        return registry.get_sample_value("flask_http_request_duration_seconds_count", named)

    for _ in range(2):
        service.long_way()
    before = counted()
    for _ in range(5):
        assert service.at_once() is not None
    service.express.tell()
    assert counted() == before + 5
    service.express.tell()
    assert counted() == before + 5


def test_urls_that_clients_make_up_take_no_memory_without_end(service):
    for _ in range(2):
        service.long_way()
    for number in range(MOST_KNOWN - 1):
        service.express._keys[(number,)] = None
    service.long_way(line="GET /b HTTP/1.1")
    service.long_way(line="GET /b HTTP/1.1")
    service.at_once(line="GET /b HTTP/1.1")
    assert len(service.express._keys) < 10
    long = f"GET /{'x' * LONGEST_URL} HTTP/1.1"
    for _ in range(3):
        service.long_way(line=long)
    assert service.at_once(line=long) is None
    assert service.at_once(line="GET /b HTTP/1.1") is not None


def test_an_answer_is_made_anew_once_anything_changed(service):
    for _ in range(3):
        service.long_way()
        service.at_once()
    first = service.at_once()
    with service.flask.app_context():
        service.scale.cache.set("another", 1)
    assert service.at_once() == first
    with service.flask.app_context():
        service.scale.invalidate("all")
    assert service.at_once() is None


def test_gunicorns_own_module_is_left_as_it_was():
    assert wsgi.create.__module__ == "gunicorn.http.wsgi"
