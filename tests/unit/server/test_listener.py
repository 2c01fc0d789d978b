"""Which app answers is decided by the listener's own socket."""

import socket

import pytest
from werkzeug.test import Client

from flask_scale.server.listener import ByListener, InternalListener, find_internal


@pytest.fixture
def listeners():
    made = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    yield made
    for one in made:
        one.close()


def accepted(listener):
    """The server's end of a new connection."""
    with socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
    return connection


def app(text):
    def serve(environ, start_response):
        start_response("200 OK", [])
        return [text.encode()]

    return serve


def bind(listener):
    host, port = listener.getsockname()
    return f"{host}:{port}"


def test_a_request_is_answered_by_its_listeners_app_whatever_its_headers_say(listeners):
    public, internal = listeners
    names = [one.getsockname() for one in listeners]
    by_listener = ByListener(app("public"), app("internal"), find_internal(bind(internal), names, listeners))
    host, port = internal.getsockname()

    for listener, expected in ((public, "public"), (internal, "internal")):
        forged = {"Host": f"{host}:{port}", "X-Forwarded-Port": str(port)}
        with accepted(listener) as connection:
            environ = {"gunicorn.socket": connection, "SERVER_PORT": str(port)}
            assert Client(by_listener).get("/", headers=forged, environ_overrides=environ).text == expected


def test_a_listener_on_all_addresses_is_known_by_its_port():
    listener = InternalListener(("0.0.0.0", 8001))
    assert listener.is_named(("10.1.2.3", 8001))
    assert not listener.is_named(("10.1.2.3", 8000))


def test_two_listeners_of_one_port_are_told_apart_by_address():
    listener = InternalListener(("127.0.0.1", 8000))
    assert listener.is_named(("127.0.0.1", 8000))
    assert not listener.is_named(("10.1.2.3", 8000))


def test_a_unix_socket_is_never_the_internal_listener():
    listener = InternalListener(("127.0.0.1", 8000))
    assert not listener.is_named("/run/app.sock")
    assert not listener.is_named("")


def test_other_addresses_than_the_settings_mean_no_internal_listener(listeners):
    assert find_internal("127.0.0.1:1", [one.getsockname() for one in listeners], listeners) is None
