"""Request metrics: what is measured, and that clients cannot make series."""

import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics

from flask_scale import FlaskScale
from flask_scale.settings import Settings
from flask_scale.state import state_of


@pytest.fixture
def app():
    return build()


def build():
    app = Flask(__name__)
    FlaskScale(app, settings=Settings())
    app.add_url_rule("/users/<int:user>", view_func=lambda user: str(user), endpoint="user")
    app.add_url_rule("/broken", view_func=lambda: 1 / 0, endpoint="broken")
    return app


def counted(app, name, **labels):
    return state_of(app).registry.get_sample_value(name, {key: str(value) for key, value in labels.items()})


def test_a_request_is_counted_and_timed_by_method_rule_and_status(app):
    app.test_client().get("/users/7")

    assert counted(app, "flask_http_request_total", method="GET", status=200) == 1
    labels = {"method": "GET", "url_rule": "/users/<int:user>", "status": 200}
    assert counted(app, "flask_http_request_duration_seconds_count", **labels) == 1


def test_urls_and_methods_that_clients_make_up_make_no_series(app):
    client = app.test_client()
    for number in range(50):
        client.get(f"/users/{number}")
        client.get(f"/nowhere/{number}")
        client.open(f"/users/{number}", method=f"METHOD{number}")

    families = {family.name: family for family in state_of(app).registry.collect()}
    rules = {s.labels["url_rule"] for s in families["flask_http_request_duration_seconds"].samples}
    methods = {s.labels["method"] for s in families["flask_http_request"].samples}

    assert rules == {"/users/<int:user>", "unmatched"}
    assert methods == {"GET", "other"}
    assert counted(app, "flask_http_request_total", method="other", status=405) == 50


def test_an_exception_that_the_app_does_not_handle_is_counted_and_is_a_500(app):
    app.test_client().get("/broken")

    assert counted(app, "flask_http_request_exceptions_total", method="GET", status=500) == 1
    assert counted(app, "flask_http_request_total", method="GET", status=500) == 1


def test_a_request_that_an_earlier_hook_answers_is_measured():
    app = Flask(__name__)
    app.before_request(lambda: ("no", 403))
    FlaskScale(app, settings=Settings())

    app.test_client().get("/users/7")

    assert counted(app, "flask_http_request_total", method="GET", status=403) == 1


def test_each_app_of_a_process_counts_for_itself():
    first, second = build(), build()
    first.test_client().get("/users/7")
    assert counted(first, "flask_http_request_total", method="GET", status=200) == 1
    assert counted(second, "flask_http_request_total", method="GET", status=200) is None


def test_an_apps_own_exporter_is_kept_alone():
    app = Flask(__name__)
    own = CollectorRegistry()
    PrometheusMetrics(app, registry=own, group_by="endpoint")
    FlaskScale(app, settings=Settings())
    app.add_url_rule("/", view_func=lambda: "hello", endpoint="index")

    app.test_client().get("/")

    assert own.get_sample_value("flask_http_request_total", {"method": "GET", "status": "200"}) == 1
    assert list(state_of(app).registry.collect()) == []
    assert state_of(app).parts["metrics"] == "on: requests are measured by the app's own prometheus_flask_exporter"
