"""gunicorn's response to a plain request: the same bytes, made with fewer steps."""

from functools import lru_cache
from time import time
from typing import Any

from gunicorn import SERVER
from gunicorn.http import wsgi
from gunicorn.http.wsgi import HEADER_VALUE_RE
from gunicorn.util import http_date, is_hoppish

from flask_scale.server.response import LONGEST_JOINED, WholeResponse

#: For how many names of headers it is remembered that they are good; an app may make names up.
REMEMBERED_NAMES = 1024

#: By name: whether it is Content-Length. Names that gunicorn found good, and that it passes on.
_good: dict[str, bool] = {}


class PlainResponse(WholeResponse):
    """A small body goes out with its head in one call of `send`."""

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take the app's headers as gunicorn does; it is asked where a name is new or anything is wrong."""
        values = [value for name, value in headers if name in _good and type(value) is str]
        if len(values) != len(headers) or not HEADER_VALUE_RE.fullmatch("".join(values)):
            super().process_headers(headers)
            for name, _ in headers:
                _remember(name)
            return
        for name, value in headers:
            value = value.strip(" \t")
            if _good[name]:
                self.response_length = int(value)
            self.headers.append((name, value))

    def send_early_hints(self, headers: list[tuple[str, str]]) -> None:
        """Send a 103 before the answer: `wsgi.early_hints`."""
        wsgi._make_early_hints_callback(self.req, self.sock, self)(headers)

    def default_headers(self) -> list[str]:
        """The status line, and the headers that are gunicorn's own."""
        if self.upgrade:
            return list(super().default_headers())
        lines = [first_lines(self.status, close=self.should_close())]
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def write(self, arg: bytes) -> None:
        """Send a piece of the body; one that is the whole goes with the head, in one call."""
        is_whole = not self.headers_sent and len(arg) == self.response_length and len(arg) <= LONGEST_JOINED
        if not is_whole or self._omits_body or type(arg) is not bytes:
            super().write(arg)
            return
        data = self._head() + arg
        self.headers_sent = True
        self.sent = len(arg)
        send(self.sock, data)

    def send_headers(self) -> None:
        """Send the head alone, once."""
        if not self.headers_sent:
            self.sock.sendall(self._head())
            self.headers_sent = True

    def _head(self) -> bytes:
        lines = [*self.default_headers(), *[f"{name}: {value}\r\n" for name, value in self.headers], "\r\n"]
        return "".join(lines).encode("latin-1")


def send(connection: Any, data: bytes) -> None:
    """Send it all; the kernel most often takes it at once."""
    sent = connection.send(data)
    if sent < len(data):
        connection.sendall(memoryview(data)[sent:])


def first_lines(status: str, *, close: bool) -> str:
    """The status line, and the headers that say whose answer it is and what becomes of the connection."""
    connection = "close" if close else "keep-alive"
    return f"HTTP/1.1 {status}\r\nServer: {SERVER}\r\nDate: {_date(int(time()))}\r\nConnection: {connection}\r\n"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return str(http_date(second))


def _remember(name: str) -> None:
    if len(_good) < REMEMBERED_NAMES and not is_hoppish(name):
        _good[name] = name.lower() == "content-length"
