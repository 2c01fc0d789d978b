"""A plain request is answered with the bytes that gunicorn's own response would send."""

import re
from types import SimpleNamespace

import pytest
from gunicorn.http import wsgi

from flask_scale.server.plain import response as module
from flask_scale.server.plain.response import PlainResponse
from flask_scale.server.response import LONGEST_JOINED
from tests.support.wire import Wire

CFG = SimpleNamespace(is_ssl=False, sendfile=None)


def answer(made_by, status, headers, pieces, *, method="GET", close=False):
    """What goes out, with the date taken away; or what went wrong, and what had gone out by then."""
    request = SimpleNamespace(version=(1, 1), method=method, should_close=lambda: close)
    wire = Wire()
    response = made_by(request, wire, CFG)
    error = None
    try:
        response.start_response(status, headers)
        for piece in pieces:
            response.write(piece)
        response.close()
    except Exception as raised:
        error = (type(raised), str(raised))
    return re.sub(rb"Date: [^\r]+ GMT\r\n", b"Date\r\n", b"".join(wire.sent)), error, response.headers_sent


LENGTH = ("Content-Length", "5")

ANSWERS = {
    "a length": ("200 OK", [LENGTH, ("Content-Type", "text/plain")], [b"hello"]),
    "its name in lower case": ("200 OK", [("content-length", "5")], [b"hello"]),
    "in pieces": ("200 OK", [LENGTH], [b"he", b"llo"]),
    "too long": ("200 OK", [LENGTH], [b"hello world"]),
    "too short": ("200 OK", [LENGTH], [b"hel"]),
    "no length": ("200 OK", [("X-A", "b")], [b"he", b"", b"llo"]),
    "no body": ("200 OK", [("Content-Length", "0")], []),
    "an empty body": ("200 OK", [("Content-Length", "0")], [b""]),
    "204": ("204 No Content", [("X-A", "b"), LENGTH], []),
    "204 with a body": ("204 No Content", [], [b"hello"]),
    "304": ("304 Not Modified", [("ETag", '"a"')], []),
    "many cookies": ("200 OK", [LENGTH, ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d; Path=/")], [b"hello"]),
    "spaces around": ("200 OK", [("Content-Length", " 5 "), ("X-A", "\t a ")], [b"hello"]),
    "latin-1": ("200 Sch\xf6n", [LENGTH, ("X-A", "\xe9")], [b"hello"]),
    "of one connection": ("200 OK", [LENGTH, ("Connection", "x"), ("Keep-Alive", "y"), ("Date", "z")], [b"hello"]),
    "an upgrade": ("101 Switching", [("Connection", "Upgrade"), ("Upgrade", "websocket")], []),
    "large": ("200 OK", [("Content-Length", str(LONGEST_JOINED + 1))], [b"x" * (LONGEST_JOINED + 1)]),
    "no reason": ("200", [LENGTH], [b"hello"]),
    "not latin-1": ("200 OK", [LENGTH, ("X-A", "\u20ac")], [b"hello"]),
    "a new line in a value": ("200 OK", [LENGTH, ("X-A", "b\r\nX-B: c")], [b"hello"]),
    "a new line in a name": ("200 OK", [LENGTH, ("X-A: b\r\nX-B", "c")], [b"hello"]),
    "a number": ("200 OK", [("Content-Length", 5)], [b"hello"]),
    "a length that is none": ("200 OK", [("Content-Length", "five")], [b"hello"]),
    "bytes": ("200 OK", [LENGTH, (b"X-A", "b")], [b"hello"]),
    "a bad status": ("OK", [LENGTH], [b"hello"]),
}


@pytest.mark.parametrize("close", [False, True], ids=["kept", "closed"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ANSWERS)
def test_the_bytes_are_gunicorns(name, method, close):
    status, headers, pieces = ANSWERS[name]
    expected = answer(wsgi.Response, status, list(headers), pieces, method=method, close=close)
    for _ in range(2):  # the second time the names are known
        assert answer(PlainResponse, status, list(headers), pieces, method=method, close=close) == expected


def test_a_small_answer_is_one_call():
    request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
    wire = Wire()
    response = PlainResponse(request, wire, CFG)
    response.start_response("200 OK", [LENGTH])
    response.write(b"hello")
    response.close()
    assert len(wire.sent) == 1


def test_what_the_kernel_does_not_take_at_once_follows():
    request = SimpleNamespace(version=(1, 1), method="GET", should_close=lambda: False)
    wire = Wire()
    whole = wire.send
    wire.send = lambda data: whole(data[:10]) if not wire.sent else whole(data)
    response = PlainResponse(request, wire, CFG)
    response.start_response("200 OK", [LENGTH])
    response.write(b"hello")
    assert b"".join(wire.sent).endswith(b"\r\n\r\nhello")
    assert len(wire.sent) == 2


def test_names_that_an_app_makes_up_take_no_memory_without_end():
    for number in range(3 * module.REMEMBERED_NAMES):
        answer(PlainResponse, "200 OK", [(f"X-Made-Up-{number}", "a")], [])
    assert len(module._good) <= module.REMEMBERED_NAMES
