"""No bytes that a client can send are read in two ways: the short way and gunicorn's own agree, or fail alike."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_scale.server.plain.head import read_head
from tests.support.wire import config, seen_by_gunicorn, seen_here

CFG = config()

#: Mostly what is sent all day; the rest is what smugglers send.
METHODS = ["GET"] * 30 + ["POST"] * 20 + ["HEAD", "DELETE", "OPTIONS", "CONNECT", "get", "G(T", "PURGE", ""]
TARGETS = ["/", "/users?limit=5&q=a%20b", "/%C3%BC/x;y", "/a//b?x?y"] * 20 + [
    "//a/b",
    "/a#b",
    "/a?b#c",
    "*",
    "http://h/p?q",
    "h:80",
    "/\x80",
    "/a\tb",
    "/a b",
    "",
    "/%",
    "/%zz?%",
    "/[",
    "//[",
    "///",
    "/?",
    "/a:b",
]
VERSIONS = ["HTTP/1.1"] * 60 + ["HTTP/1.0", "HTTP/2.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ", "HTTP/11"]
GOOD = [
    "Host: example.com",
    "Host: example.com:8000",
    "Accept: */*",
    "accept-encoding: gzip, br",
    "User-Agent: curl/8",
    "Cookie: a=b; c=d",
    "X-Real-IP:10.0.0.1",
    "X-Forwarded-For: 10.0.0.1, 10.0.0.2",
    "X-Forwarded-Proto: https",
    "Content-Type: application/json",
    "Connection: keep-alive",
    "X-Empty:",
    "X-Spaces: \t a \t ",
    "X-High: \xe9\xff",
    "X-Colons: a:b:c",
]
LENGTHS = ["Content-Length: 0", "Content-Length: 3", "content-length: 5", "Content-Length: 12"]
EVIL = [
    "Transfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip, chunked",
    "Content-Length: +3",
    "Content-Length: 3, 3",
    "Content-Length: -1",
    "Content-Length: 0x3",
    "Content-Length: \xb2",
    "Content-Length:",
    "Content-Length: 99999999999999999999999",
    "Content_Length: 3",
    "Host : a",
    " Host: a",
    "\tfold",
    " fold: ed",
    "NoColon",
    ": nothing",
    "X\x00: a",
    "X: a\x00b",
    "X: a\x0bb",
    "X: a\x7fb",
    "X-\xe9: a",
    "X\xdf: a",
    "X_Forwarded_For: 1.1.1.1",
    "Script-Name: /x",
    "SCRIPT_NAME: /x",
    "Expect: 100-continue",
    "Expect: more",
    "Upgrade: h2c",
    "Connection: close",
    "Connection: Keep-Alive, x",
    "Connection: upgrade",
    "X-Forwarded-Protocol: ssl",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-Proto: http",
    "TE: trailers",
    "Trailer: X",
    "Proxy: http://evil",
    "Path-Info: /y",
]
ENDS = ["\r\n"] * 40 + ["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\r\n", "\r\n ", "\0\r\n"]
BODIES = [
    b"",
    b"abc",
    b"hello",
    b"hello world!",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
]


def make_request(chance: random.Random) -> bytes:
    """A request, likely a good one."""
    lines = [" ".join((chance.choice(METHODS), chance.choice(TARGETS), chance.choice(VERSIONS)))]
    lines += chance.sample(GOOD, chance.randint(0, 5))
    if chance.random() < 0.9 and not any(line.startswith("Host") for line in lines):
        lines.insert(1, GOOD[0])
    if chance.random() < 0.4:
        lines.insert(chance.randint(1, len(lines)), chance.choice(LENGTHS))
    if chance.random() < 0.2:
        lines.insert(chance.randint(1, len(lines)), chance.choice(EVIL))
    if chance.random() < 0.05:
        lines.insert(chance.randint(1, len(lines)), chance.choice(lines[1:] or lines))
    head = "".join(line + (chance.choice(ENDS) if chance.random() < 0.03 else "\r\n") for line in lines) + "\r\n"
    made = bytearray(head.encode("latin-1") + chance.choice(BODIES))
    if chance.random() < 0.15:
        place = chance.randrange(len(made))
        made[place : place + chance.randint(0, 1)] = bytes([chance.choice([0, 9, 10, 13, 32, 58, 128, 255])])
    return bytes(made)


def make_pieces(chance: random.Random) -> list[bytes]:
    """One to three requests, in as many pieces as the network likes."""
    whole = b"".join(make_request(chance) for _ in range(chance.randint(1, 3)))
    cuts = sorted(chance.randrange(len(whole) + 1) for _ in range(chance.choice([0, 0, 1, 2])))
    return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@settings(max_examples=1500, deadline=None, derandomize=False)
@given(st.randoms(use_true_random=False), st.sampled_from([("127.0.0.1", 5), ("192.0.2.1", 5)]))
def test_a_connection_is_read_as_gunicorn_reads_it(chance, peer):
    pieces = make_pieces(chance)
    assert seen_here(CFG, *pieces, peer=peer) == seen_by_gunicorn(CFG, *pieces, peer=peer)


def test_many_of_those_requests_go_the_short_way():
    """Otherwise the test above would compare gunicorn with itself."""
    chance = random.Random(1)
    assert sum(read_head(make_request(chance)) is not None for _ in range(1000)) > 400


@pytest.mark.parametrize("evil", EVIL)
def test_what_smugglers_send_is_never_read_here_alone(evil):
    for body in BODIES:
        whole = f"POST / HTTP/1.1\r\nHost: a\r\n{evil}\r\nContent-Length: 3\r\n\r\n".encode("latin-1") + body
        assert seen_here(CFG, whole) == seen_by_gunicorn(CFG, whole)
