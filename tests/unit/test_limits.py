"""The bound on requests in flight: what counts, what is refused, what the client is told."""

import pytest
from flask import Flask, request
from werkzeug.test import Client

from flask_scale import board, limits
from flask_scale.board import Board
from flask_scale.limits import InFlightLimit
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings
from flask_scale.state import State


@pytest.fixture(autouse=True)
def live(monkeypatch):
    """A board of the test's own."""
    monkeypatch.setattr(board, "current", Board())
    return board.current


def answering(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"in flight: ", str(board.current.total("in_flight")).encode()]


def failing(environ, start_response):
    raise RuntimeError("the app's own")


def shed():
    return instruments().requests_shed._value.get()


def test_a_request_is_in_flight_until_its_body_ends(live):
    app = InFlightLimit(answering, limit=1)

    body = app({}, lambda *_: None)
    assert live.total("in_flight") == 1
    body.close()

    assert live.total("in_flight") == 0


def test_a_request_over_the_bound_gets_503_as_a_problem_and_the_app_never_sees_it(live):
    live.add("in_flight", 2)
    before = shed()

    answer = Client(InFlightLimit(failing, limit=2)).get("/")

    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.json["title"] == "Service Unavailable"
    assert answer.headers["Cache-Control"] == "no-store"
    assert shed() == before + 1
    assert live.total("in_flight") == 2


def test_clients_are_asked_to_come_back_at_different_times(live):
    live.add("in_flight", 1)
    client = Client(InFlightLimit(answering, limit=1))

    seconds = {int(client.get("/").headers["Retry-After"]) for _ in range(100)}

    assert seconds == {1, 2, 3, 4}


def test_the_last_free_place_is_given(live):
    live.add("in_flight", 1)
    assert Client(InFlightLimit(answering, limit=2)).get("/").text == "in flight: 2"


def test_an_exception_of_the_app_gives_its_place_back(live):
    with pytest.raises(RuntimeError):
        Client(InFlightLimit(failing, limit=1)).get("/")
    assert live.total("in_flight") == 0


def test_no_limit_counts_and_refuses_nothing(live):
    live.add("in_flight", 10_000)
    assert Client(InFlightLimit(answering, limit=0)).get("/").text == "in flight: 10001"


@pytest.mark.parametrize(("own", "expected"), [(None, 10), (99, 99)])
def test_the_largest_body_is_the_settings_unless_the_app_has_its_own(own, expected):
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = own
    limits.init_app(app, State(Settings(max_body_bytes=10)))
    assert app.config["MAX_CONTENT_LENGTH"] == expected


def test_a_body_over_the_largest_gets_413():
    app = Flask(__name__)
    app.add_url_rule("/", view_func=lambda: request.get_data(), methods=["POST"])
    limits.init_app(app, State(Settings(max_body_bytes=10)))
    client = app.test_client()
    assert client.post("/", data=b"x" * 10).status_code == 200
    assert client.post("/", data=b"x" * 11).status_code == 413
