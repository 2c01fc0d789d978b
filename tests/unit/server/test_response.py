"""A small answer leaves in one piece, head and body together."""

from types import SimpleNamespace

import pytest

from flask_scale.server.response import LONGEST_JOINED, WholeResponse


class Connection:
    """A socket that keeps each piece it was given."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)


@pytest.fixture
def connection() -> Connection:
    return Connection()


def respond(connection: Connection, *headers: tuple[str, str], method: str = "GET") -> WholeResponse:
    request = SimpleNamespace(version=(1, 1), method=method, should_close=lambda: False)
    response = WholeResponse(request, connection, SimpleNamespace(is_ssl=False, sendfile=None))
    response.start_response("200 OK", list(headers))
    return response


def test_head_and_first_piece_are_sent_together(connection: Connection) -> None:
    response = respond(connection, ("Content-Length", "10"))
    response.write(b"hello")
    response.write(b"world")
    assert len(connection.pieces) == 2
    assert connection.pieces[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert connection.pieces[0].endswith(b"\r\n\r\nhello")
    assert connection.pieces[1] == b"world"


def test_a_chunked_answer_keeps_its_framing(connection: Connection) -> None:
    response = respond(connection)
    response.write(b"hello")
    response.close()
    assert connection.pieces[0].endswith(b"\r\n\r\n5\r\nhello\r\n")
    assert connection.pieces[1] == b"0\r\n\r\n"


def test_an_answer_to_head_has_no_body(connection: Connection) -> None:
    response = respond(connection, ("Content-Length", "5"), method="HEAD")
    response.write(b"hello")
    response.close()
    assert b"".join(connection.pieces).endswith(b"\r\n\r\n")


def test_a_large_body_is_not_copied_to_join_the_head(connection: Connection) -> None:
    body = b"x" * (LONGEST_JOINED + 1)
    respond(connection, ("Content-Length", str(len(body)))).write(body)
    assert connection.pieces[1] is body


def test_an_app_that_gives_text_fails_as_with_gunicorn_and_sends_nothing(connection: Connection) -> None:
    with pytest.raises(TypeError):
        respond(connection).write("text")  # type: ignore[arg-type]
    assert connection.pieces == []
