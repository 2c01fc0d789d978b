"""Three ways to be served, and the apps that are: what they get, what they keep, how a wrong start ends."""

import gzip
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gunicorn import Gunicorn, PlainGunicorn
from tests.support.servers import running
from tests.support.sleepers import Sleepers

APPS = "tests.support.apps"


def parts(server):
    """What the server said of each part at its start."""
    lines = [e["event"] for e in server.events() if e.get("logger") == "flask_scale.server"]
    return dict(line.split(": ", 1) for line in lines)


def end(server):
    """Run a server that is expected to end by itself; give its exit code and stderr."""
    done = subprocess.run(server.command(), env=server.environment(), capture_output=True, timeout=30, text=True)
    return done.returncode, done.stderr


@pytest.mark.parametrize("worker_class", ["fast", "gevent", "gthread", "sync"])
def test_garbage_is_collected_while_it_serves_and_what_was_imported_is_left_alone(serve, worker_class):
    found = serve("plain:app", worker_class=worker_class).get("/collector").json
    assert found["on"]
    assert found["kept"] > 100_000


def test_an_app_that_knows_nothing_gets_compression_request_ids_metrics_health_and_an_access_log(serve):
    server = serve("plain:app")

    answer = server.get("/large", {"Accept-Encoding": "gzip", "X-Request-ID": "abc-1"})

    assert len(json.loads(gzip.decompress(answer.body))) == 200
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Request-ID"] == "abc-1"
    assert server.sample("flask_http_request_total", method="GET", status="200") == 1
    assert server.probe("/livez").json == {"status": "ok"}
    [line] = [e for e in server.events() if e["event"] == "request"]
    assert line | {"path": "/large", "status": 200, "request_id": "abc-1", "bytes": len(answer.body)} == line
    assert any(e["event"].startswith("Listening at") for e in server.events() if e.get("logger") == "gunicorn.error")
    assert parts(server) | {"compression": "on", "metrics": "on", "limits": "on", "health": "on"} == parts(server)


def test_the_public_port_serves_neither_probes_nor_metrics_and_no_header_changes_that(serve):
    server = serve("plain:app")
    forged = {"Host": f"127.0.0.1:{server.internal_port}", "X-Forwarded-Port": str(server.internal_port)}

    for path in ("/livez", "/readyz", "/metrics"):
        assert server.get(path).status == 404
        assert server.get(path, forged).status == 404
    assert server.probe("/").status == 404


def test_an_app_keeps_its_own_parts_and_nothing_is_done_twice(serve):
    server = serve("own:app")

    large = server.get("/large", {"Accept-Encoding": "gzip"})
    client = server.get("/", {"X-Forwarded-For": "9.9.9.9, 8.8.8.8"}).json["client"]

    assert large.headers.get_all("Content-Encoding") == ["gzip"]
    assert len(json.loads(gzip.decompress(large.body))) == 200
    assert large.headers["X-Calls"] == "1"
    assert client == "9.9.9.9"
    assert server.get("/healthz").body == b"the app's own"
    assert b"flask_http_request_total" in server.get("/metrics").body
    assert server.sample("flask_http_request_total") == 3
    assert parts(server)["compression"] == "off: the app has its own Flask-Compress"
    assert parts(server)["proxy"] == "off: the app has its own ProxyFix"
    assert parts(server)["metrics"] == "on: requests are measured by the app's own prometheus_flask_exporter"


def test_an_app_factory_that_has_flask_scale_is_set_up_once_and_its_hooks_see_plain_bodies(serve):
    server = serve("factory:create_app()")

    answer = server.get("/large", {"Accept-Encoding": "gzip"})

    assert answer.headers.get_all("X-Request-ID") == [answer.headers["X-Request-ID"]]
    assert answer.headers["X-Words"] == "200"
    assert len(json.loads(gzip.decompress(answer.body))) == 200
    assert server.sample("flask_http_request_total") == 1


def test_gunicorn_with_our_configuration_serves_the_same(tmp_path):
    server = PlainGunicorn(f"{APPS}.plain:app", tmp_path, {}, "-c", "python:flask_scale.server.gunicorn_conf")
    with running(server):
        assert server.get("/").headers["X-Request-ID"]
        assert server.get("/livez").status == 404
        assert server.sample("flask_http_request_total") == 2
    assert server.exit_code == 0


def test_the_tutorials_gunicorn_command_serves_an_app_with_flask_scale(tmp_path):
    server = PlainGunicorn(f"{APPS}.factory:create_app()", tmp_path, {})
    server.arguments = ("-w", "4", "-k", "gevent", "-b", server.settings["BIND"])
    server.is_ready = lambda: is_serving(server)
    with running(server):
        answer = server.get("/large", {"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["X-Request-ID"]


def test_queries_overlap_under_the_tutorials_command_too(tmp_path, database_url):
    patient = {"pool_timeout_seconds": 30, "connect_timeout_seconds": 30}
    settings = {"database_url": database_url, "pool_size": 10, **patient}
    server = PlainGunicorn(f"{APPS}.factory:create_app()", tmp_path, settings)
    server.arguments = ("-k", "gevent", "-b", server.settings["BIND"])
    server.is_ready = lambda: is_serving(server)
    with running(server), Sleepers(database_url) as sleepers, ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: server.get("/sleep").status, range(8))) == {200}
    assert sleepers.most > 4


def is_serving(server):
    try:
        return server.get("/").status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("app", "settings", "line"),
    [
        ("plain:app", {"workers": "0"}, "FLASK_SCALE_WORKERS='0'"),
        ("plain:nothing", {"workers": "3"}, "plain:nothing'"),
        ("factory:create_app_with_wrong_setting()", {}, "did you mean FLASK_SCALE_MAX_IN_FLIGHT?"),
    ],
)
def test_gunicorn_with_our_configuration_ends_a_wrong_start_as_serve_does(tmp_path, app, settings, line):
    server = PlainGunicorn(f"{APPS}.{app}", tmp_path, settings, "-c", "python:flask_scale.server.gunicorn_conf")

    code, stderr = end(server)

    assert (code, len(stderr.splitlines())) == (2, 1)
    assert stderr.startswith("flask-scale: ")
    assert line in stderr


def test_an_exception_of_the_app_stays_the_apps(serve):
    server = serve("plain:app")

    answer = server.get("/broken")

    assert answer.status == 500
    assert b"Internal Server Error" in answer.body
    assert server.sample("flask_http_request_exceptions_total") == 1
    assert any("the app's own mistake" in json.dumps(event) for event in server.events())


@pytest.mark.parametrize(
    ("app", "settings", "line"),
    [
        ("plain:app", {"workers": "0"}, "FLASK_SCALE_WORKERS='0'"),
        ("plain:app", {"worker": "2"}, "FLASK_SCALE_WORKER is not a setting: did you mean FLASK_SCALE_WORKERS?"),
        ("plain:app", {"forwarded_allow_ips": "10.0.0.300"}, "FLASK_SCALE_FORWARDED_ALLOW_IPS='10.0.0.300'"),
        ("plain:nothing", {"workers": "3"}, "cannot load 'tests.support.apps.plain:nothing'"),
        ("nothing:app", {}, "cannot load 'tests.support.apps.nothing:app'"),
        ("factory:create_app", {}, "is a function, not a Flask app"),
        ("factory:create_broken_app()", {"workers": "3"}, "AttributeError: 'Flask' object has no attribute"),
        ("factory:create_app_with_wrong_setting()", {}, "did you mean FLASK_SCALE_MAX_IN_FLIGHT?"),
    ],
)
def test_a_wrong_setting_or_app_ends_the_start_with_one_line_and_exit_code_2(tmp_path, app, settings, line):
    code, stderr = end(Gunicorn(f"{APPS}.{app}", tmp_path, settings))

    assert code == 2
    assert len(stderr.splitlines()) == 1
    assert stderr.startswith("flask-scale: ")
    assert line in stderr


def test_an_address_in_use_ends_the_start_with_the_setting_to_change(serve, tmp_path):
    running_server = serve("plain:app")
    second = Gunicorn(f"{APPS}.plain:app", tmp_path, {"bind": running_server.settings["BIND"]})

    code, stderr = end(second)

    assert code == 2
    assert stderr.splitlines() == [
        f"flask-scale: FLASK_SCALE_BIND='127.0.0.1:{running_server.port}': "
        "Address already in use; free it or choose another host:port"
    ]
