"""What clients do to a connection, met by the gunicorn worker that reads plain requests itself."""

import re
import socket
import time

import pytest

from tests.support.deadline import assert_soon


@pytest.fixture(params=["fast", "gevent"])
def server(serve, request):
    """Both read alike; what holds for one holds for the other."""
    return serve("plain:app", worker_class=request.param, keepalive_seconds=2)


def connect(server):
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def head(path="/", method="GET", *fields):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: example.com", *fields, "", ""]).encode()


def read_all(connection):
    """All that comes until the server ends the connection."""
    pieces = []
    while piece := connection.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def statuses(answers):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def test_a_request_sent_byte_by_byte_is_answered(server):
    with connect(server) as connection:
        for byte in head("/", "GET", "Connection: close"):
            connection.send(bytes([byte]))
        assert statuses(read_all(connection)) == [200]


def test_a_head_that_never_ends_is_given_up_after_the_keepalive(server):
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ex")
        assert statuses(read_all(connection)) in ([], [400], [408])


def test_a_client_that_has_ended_its_half_still_gets_its_answer(server):
    with connect(server) as connection:
        connection.sendall(head())
        connection.shutdown(socket.SHUT_WR)
        assert statuses(read_all(connection)) == [200]


def test_an_idle_connection_is_ended_after_the_keepalive(server):
    with connect(server) as connection:
        connection.sendall(head())
        assert statuses(read_all(connection)) == [200]


def test_requests_sent_at_once_are_answered_in_their_order(server):
    with connect(server) as connection:
        paths = [f"/pid/{number}" for number in range(100)]
        connection.sendall(b"".join(map(head, paths)) + head("/", "GET", "Connection: close"))
        answers = read_all(connection)
    assert statuses(answers) == [200] * 101
    assert [int(number) for number in re.findall(rb'"number": ?(\d+)', answers)] == list(range(100))


def test_plain_and_other_requests_alternate_on_one_connection(server):
    chunked = head("/pid/1", "POST", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n"
    expecting = head("/pid/2", "POST", "Content-Length: 3", "Expect: 100-continue") + b"abc"
    with connect(server) as connection:
        connection.sendall(head() + chunked + head() + expecting + head("/", "GET", "Connection: close"))
        answers = read_all(connection)
    assert statuses(answers) == [200, 405, 200, 100, 405, 200]


def test_a_body_that_the_app_does_not_read_is_not_taken_for_the_next_request(server):
    smuggled = head("/broken")
    with connect(server) as connection:
        connection.sendall(head("/", "POST", f"Content-Length: {len(smuggled)}") + smuggled)
        connection.sendall(head("/", "GET", "Connection: close"))
        assert statuses(read_all(connection)) == [405, 200]


@pytest.mark.parametrize(
    "whole",
    [
        head("/", "POST", "Content-Length: 3", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("/", "POST", "Content-Length: 3", "Content-Length: 4") + b"abcd",
        head("/", "GET", "X: a", " folded"),
        head("/", "GET", "X : a"),
        b"GET / HTTP/1.1\nHost: a\n\n",
    ],
    ids=["length and chunked", "two lengths", "folded", "a space before the colon", "bare LF"],
)
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(server, whole):
    with connect(server) as connection:
        connection.sendall(whole + head())
        assert statuses(read_all(connection)) == [400]


def test_without_keepalive_each_answer_ends_its_connection(serve):
    server = serve("edge:app", keepalive_seconds=0)
    for _ in range(4):
        with connect(server) as connection:
            connection.sendall(head("/public"))
            answer = read_all(connection)
        assert statuses(answer) == [200]
        assert b"Connection: close" in answer


def test_an_answer_that_is_still_sent_is_not_taken_for_an_idle_connection(serve):
    """A reader that takes longer than the keep-alive gets the whole of a response that was given at once."""
    server = serve("edge:app", keepalive_seconds=1, cache_response_max_bytes=20_000_000)
    for _ in range(3):
        length = len(server.get("/vast", {"Host": "example.com"}).body)
    with connect(server) as connection:
        connection.sendall(head("/vast"))
        time.sleep(4)
        answer = b""
        while len(answer) < length:
            piece = connection.recv(1 << 20)
            assert piece, "cut off"
            answer += piece
    assert b"flask-scale; hit" in answer[:2000]


def test_http_1_0_is_answered_and_ends_the_connection(server):
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.0 200 OK\r\n")


def test_the_answer_to_head_has_no_body_and_the_next_one_follows(server):
    with connect(server) as connection:
        connection.sendall(head("/large", "HEAD") + head("/", "GET", "Connection: close"))
        answers = read_all(connection)
    assert statuses(answers) == [200, 200]
    assert answers.count(b"the same words again") == 0


def test_clients_that_hang_up_leave_nothing_behind(server):
    for _ in range(50):
        with connect(server) as connection:
            connection.sendall(head("/slow/50"))
    assert_soon(lambda: server.sample("flask_scale_requests_in_flight") == 0)
    assert server.get("/").status == 200


def test_an_answer_larger_than_the_kernels_buffer_arrives_whole(server):
    with connect(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head("/stream/40", "GET", "Connection: close"))
        time.sleep(0.5)
        assert read_all(connection).count(b"." * 65536) == 40
