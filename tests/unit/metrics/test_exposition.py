"""A scrape holds every part's figures once."""

from collections import Counter

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from prometheus_flask_exporter import PrometheusMetrics

from flask_scale import FlaskScale, board
from flask_scale.board import Board
from flask_scale.metrics import scrape
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings
from flask_scale.state import state_of

DATABASE = "postgresql://127.0.0.1:1/nowhere?connect_timeout=1"


@pytest.fixture(autouse=True)
def live(monkeypatch):
    monkeypatch.setattr(board, "current", Board())
    return board.current


def families(app):
    _type, body = scrape(state_of(app), None)
    return list(text_string_to_metric_families(body.decode()))


def values(app):
    return {sample.name: sample.value for family in families(app) for sample in family.samples if not sample.labels}


def build(**settings):
    app = Flask(__name__)
    FlaskScale(app, settings=Settings(**settings))
    return app


def test_live_gauges_are_read_from_the_board_at_the_scrape(live):
    app = build(database_url=DATABASE, pool_size=3, max_overflow=2, max_in_flight=9)
    live.add("in_flight", 4)
    live.add("pool_in_use", 2)
    live.add("pool_waiting", 1)

    seen = values(app)

    assert seen["flask_scale_requests_in_flight"] == 4
    assert seen["flask_scale_requests_limit"] == 9
    assert seen["flask_scale_pool_in_use"] == 2
    assert seen["flask_scale_pool_waiting"] == 1
    assert seen["flask_scale_pool_capacity"] == 5


def test_without_a_database_there_is_no_pool_to_show():
    assert not [name for name in values(build()) if "pool" in name]


def test_instruments_of_every_part_are_in_it():
    before = values(build()).get("flask_scale_requests_shed_total", 0)
    instruments().requests_shed.inc()
    assert values(build())["flask_scale_requests_shed_total"] == before + 1


def test_a_database_that_is_down_leaves_its_queues_out_and_the_rest_in():
    seen = values(build(database_url=DATABASE))
    assert "flask_scale_requests_in_flight" in seen


def test_no_family_comes_twice_however_many_apps_a_process_makes():
    build().test_client().get("/")
    PrometheusMetrics(Flask("other"))
    app = build()
    app.test_client().get("/")

    names = Counter(family.name for family in families(app))

    assert names["flask_http_request"] == 1
    assert set(names.values()) == {1}
