"""What is believed of the client, and from whom."""

import pytest
from flask import Flask, jsonify, request
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_scale import proxy
from flask_scale.settings import Settings
from flask_scale.state import State

SAID = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
FORGED = SAID | {"Forwarded": "for=6.6.6.6", "X-Forwarded-Port": "666", "X-Forwarded-Prefix": "/evil", "X-Real-IP": "6"}


@pytest.fixture
def app():
    app = Flask(__name__)

    @app.get("/")
    def index():
        return jsonify(
            client=request.remote_addr,
            route=list(request.access_route),
            url=request.base_url,
            said=sorted(name for name, _ in request.headers if "Forward" in name or "Real" in name),
        )

    return app


def seen(app, peer, headers=SAID, **settings):
    """What the app sees of a request from `peer`."""
    proxy.init_app(app, State(Settings(**settings)))
    return app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": peer}).json


@pytest.mark.parametrize(
    ("allow", "peer"),
    [
        ("127.0.0.1,::1", "127.0.0.1"),
        ("127.0.0.1,::1", "::1"),
        ("10.0.0.0/8", "10.1.2.3"),
        (" 10.0.0.0/8 , 192.0.2.1 ", "192.0.2.1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("fd00::/8", "fd00::5"),
        ("*", "8.8.8.8"),
    ],
)
def test_a_trusted_peer_is_believed(app, allow, peer):
    answer = seen(app, peer, forwarded_allow_ips=allow)
    assert answer["client"] == "203.0.113.7"
    assert answer["url"] == "https://shop.example/"


@pytest.mark.parametrize(
    ("allow", "peer"),
    [("127.0.0.1,::1", "127.0.0.2"), ("10.0.0.0/8", "11.0.0.1"), ("", "127.0.0.1"), ("127.0.0.1", "unix:")],
)
def test_what_another_peer_says_is_taken_away(app, allow, peer):
    answer = seen(app, peer, FORGED, forwarded_allow_ips=allow)
    assert answer == {"client": peer, "route": [peer], "url": "http://localhost/", "said": []}


def test_the_client_is_whom_the_outermost_of_our_proxies_saw(app):
    two = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7, 10.0.0.1"}
    assert seen(app, "127.0.0.1", two, proxy_hops=2)["client"] == "203.0.113.7"


def test_a_proxy_that_names_too_few_is_not_believed(app):
    assert seen(app, "127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, proxy_hops=2)["client"] == "127.0.0.1"


def test_with_no_proxy_in_front_nothing_is_believed_and_nothing_is_touched(app):
    answer = seen(app, "127.0.0.1", proxy_hops=0)
    assert answer["client"] == "127.0.0.1"
    assert seen(app, "198.51.100.1", proxy_hops=0)["said"] == sorted(SAID)


@pytest.mark.parametrize("first", [True, False])
def test_an_app_keeps_its_own_proxy_fix_and_it_is_done_once(app, first):
    if first:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
        answer = seen(app, "198.51.100.1")
    else:
        proxy.init_app(app, State(Settings()))
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)
        answer = app.test_client().get("/", headers=SAID, environ_base={"REMOTE_ADDR": "198.51.100.1"}).json
    assert answer["client"] == "203.0.113.7"
    assert answer["said"] == sorted(SAID)


def test_a_proxy_fix_is_found_beneath_other_middleware(app):
    class Layer:
        def __init__(self, app):
            self.app = app

    app.wsgi_app = Layer(ProxyFix(app.wsgi_app))
    state = State(Settings())
    proxy.init_app(app, state)
    assert state.parts["proxy"] == "off: the app has its own ProxyFix"
