"""Request ids and the access log; one format for all that a process of ours says."""

import json
import logging
import subprocess
import sys

import pytest
import structlog
from flask import Flask, Response

from flask_scale import FlaskScale
from flask_scale.settings import Settings


@pytest.fixture
def app():
    app = Flask(__name__)

    @app.get("/hello/<name>")
    def hello(name):
        logging.getLogger("shop").warning("seen")
        return Response(f"hello {name}")

    @app.get("/id")
    def request_id():
        return structlog.contextvars.get_contextvars()["request_id"]

    @app.get("/own-id")
    def own_id():
        return Response("", headers={"X-Request-ID": "the app's"})

    @app.get("/stream")
    def stream():
        return Response(iter(["ab", "cde"]))

    return app


@pytest.fixture
def lines(caplog):
    """The access log's lines so far."""
    caplog.set_level(logging.INFO, logger="flask_scale.access")
    return lambda: [json.loads(r.getMessage()) for r in caplog.records if r.name == "flask_scale.access"]


def client(app, **settings):
    FlaskScale(app, settings=Settings(**settings))
    return app.test_client()


def test_a_request_has_one_line_with_what_an_operator_asks_first(app, lines):
    agent = "curl/8 " + "x" * 500
    client(app).get("/hello/zo%C3%AB?token=secret", headers={"User-Agent": agent, "X-Request-ID": "r-1"}).get_data()

    [line] = lines()
    assert (
        line
        | {
            "event": "request",
            "method": "GET",
            "path": "/hello/zoë",
            "status": 200,
            "bytes": 10,
            "request_id": "r-1",
            "client": "127.0.0.1",
            "user_agent": agent[:120],
        }
        == line
    )
    assert 0 <= line["duration_ms"] < 10_000


def test_a_line_holds_no_header_and_no_query(app, lines):
    client(app).get(
        "/hello/x?token=secret-1", headers={"Authorization": "Bearer secret-2", "Cookie": "secret-3"}
    ).close()
    assert "secret" not in json.dumps(lines())


def test_a_line_stays_one_line_whatever_the_path_holds(app, caplog, lines):
    client(app).get("/hello/a%0Ab%22").close()
    assert lines()[0]["path"] == '/hello/a\nb"'
    assert "\n" not in caplog.records[-1].getMessage()


@pytest.mark.parametrize("given", ["abc-123", "4bf92f3577b34da6a3ce929d0e0e4736"])
def test_a_sane_request_id_of_the_client_is_used(app, given):
    answer = client(app).get("/id", headers={"X-Request-ID": given})
    assert answer.text == answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "with space", 'quote"', "x" * 129, "ü"])
def test_another_is_replaced_by_a_new_one(app, given):
    made = client(app).get("/id", headers={"X-Request-ID": given.encode().decode("latin-1")}).headers["X-Request-ID"]
    assert len(made) == 32
    assert made != given


def test_ids_of_two_requests_differ(app):
    scale = client(app)
    assert scale.get("/id").text != scale.get("/id").text


def test_an_id_that_the_app_sets_is_kept(app):
    assert client(app).get("/own-id").headers.get_all("X-Request-ID") == ["the app's"]


def test_the_bytes_of_a_stream_are_counted_when_it_ends(app, lines):
    answer = client(app).get("/stream")
    assert lines() == []
    assert answer.get_data() == b"abcde"
    assert lines()[0]["bytes"] == 5


def test_an_error_of_the_app_is_a_line_with_500(app, lines):
    app.add_url_rule("/broken", view_func=lambda: 1 / 0)
    client(app).get("/broken").close()
    assert lines()[0]["status"] == 500


def test_a_switched_off_access_log_writes_nothing_and_ids_go_on(app, lines):
    answer = client(app, access_log=False).get("/id")
    answer.close()
    assert answer.headers["X-Request-ID"]
    assert lines() == []


def test_the_access_log_writes_the_proxys_client(app, lines):
    client(app).get("/id", headers={"X-Forwarded-For": "203.0.113.7"}).close()
    assert lines()[0]["client"] == "203.0.113.7"


def test_flask_scale_alone_touches_no_handler(app):
    names = (None, "flask_scale", "flask_scale.access")
    before = [(list(logging.getLogger(name).handlers), logging.getLogger(name).level) for name in names]
    client(app).get("/id").close()
    assert [(list(logging.getLogger(name).handlers), logging.getLogger(name).level) for name in names] == before


SCRIPT = """
import logging, warnings, structlog
from flask_scale import logging as ours
from flask_scale.settings import Settings
ours.configure(Settings(log_format={format!r}, log_level="INFO"))
structlog.contextvars.bind_contextvars(request_id="r-1")
logging.getLogger("shop").info("sold %s", "tea", extra={{"count": 3}})
logging.getLogger("shop").debug("not shown")
structlog.get_logger("shop").warning("few left", item="tea")
warnings.warn("old", DeprecationWarning)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("shop").exception("failed")
"""


def said(log_format):
    command = [sys.executable, "-W", "always", "-c", SCRIPT.format(format=log_format)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_all_that_a_process_of_ours_says_is_one_json_object_a_line():
    lines = [json.loads(line) for line in said("json").splitlines()]

    assert [line["level"] for line in lines] == ["info", "warning", "warning", "error"]
    assert {line["request_id"] for line in lines} == {"r-1"}
    assert lines[0] | {"event": "sold tea", "logger": "shop", "count": 3} == lines[0]
    assert lines[1] | {"event": "few left", "item": "tea"} == lines[1]
    assert "DeprecationWarning: old" in lines[2]["event"]
    assert "ZeroDivisionError" in lines[3]["exception"]


def test_the_console_format_is_for_eyes():
    text = said("console")
    assert "sold tea" in text
    assert "item=tea" in text
    assert not text.startswith("{")
