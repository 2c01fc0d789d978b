"""What the internal port answers."""

import pytest
from flask import Flask
from werkzeug.test import Client

from flask_scale import FlaskScale, board
from flask_scale.board import Board
from flask_scale.errors import NotConfigured
from flask_scale.health import internal_app
from flask_scale.settings import Settings
from flask_scale.state import state_of


@pytest.fixture
def internal(monkeypatch):
    monkeypatch.setattr(board, "current", Board())
    app = Flask(__name__)
    FlaskScale(app, settings=Settings(cache_url="redis://127.0.0.1:1/0"))
    return Client(internal_app(app))


def test_a_process_that_answers_is_alive_and_ready_whatever_its_dependencies_do(internal):
    assert internal.get("/livez").json == {"status": "ok"}
    assert internal.get("/readyz").json == {"status": "ok"}


def test_a_drain_fails_readiness_and_leaves_liveness(internal):
    board.current.drain()

    ready = internal.get("/readyz")

    assert (ready.status_code, ready.json) == (503, {"status": "draining"})
    assert internal.get("/livez").status_code == 200


def test_metrics_are_given_in_the_format_that_is_asked_for(internal):
    plain = internal.get("/metrics")
    openmetrics = internal.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert plain.content_type.startswith("text/plain; version=0.0.4")
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")
    assert "flask_scale_requests_in_flight 0.0" in plain.text


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/livez", 405), ("GET", "/", 404), ("GET", "/x", 404)])
def test_nothing_else_is_there(internal, method, path, status):
    assert internal.open(path, method=method).status_code == status


def test_a_head_request_has_no_body(internal):
    answer = internal.head("/livez")
    assert (answer.status_code, answer.data) == (200, b"")


def test_an_app_without_flask_scale_has_no_internal_app():
    with pytest.raises(NotConfigured, match=r"call FlaskScale\(app\)"):
        internal_app(Flask(__name__))


def test_an_app_that_another_server_runs_is_told_what_to_mount():
    app = Flask(__name__)
    FlaskScale(app)
    assert "flask_scale.health.internal_app(app)" in state_of(app).parts["health"]
