"""A plain request in the shape of gunicorn's own, for the hooks and responses that ask it."""

from typing import Any

from gunicorn.http.body import Body, LengthReader

from flask_scale.server.plain.head import Head


class PlainRequest:
    """What gunicorn's `Request` offers, made from a plain head."""

    __slots__ = (
        "body",
        "connection",
        "head",
        "must_close",
        "peer_addr",
        "proxy_protocol_info",
        "req_number",
        "scheme",
        "unreader",
    )

    version = (1, 1)
    fragment = ""
    trailers: tuple[()] = ()
    _expected_100_continue = False

    def __init__(
        self, head: Head, scheme: str, unreader: Any, peer_addr: Any, number: int, connection: dict[str, Any]
    ) -> None:
        self.head = head
        self.scheme = scheme
        self.unreader = unreader
        self.peer_addr = peer_addr
        self.req_number = number
        #: What is the same in the environ of all requests of this connection; empty until the first has one.
        self.connection = connection
        self.body = Body(LengthReader(unreader, head.length))
        self.must_close = not head.keep_alive
        self.proxy_protocol_info: Any = None

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return self.head.method

    @property
    def uri(self) -> str:
        """The target as it was sent."""
        return self.head.target

    @property
    def path(self) -> str:
        """The path as it was sent."""
        return self.head.path

    @property
    def query(self) -> str:
        """What stands behind the `?`."""
        return self.head.query

    @property
    def remote_addr(self) -> Any:
        """Who connected."""
        return self.peer_addr

    @property
    def headers(self) -> list[tuple[str, str]]:
        """(name in capitals, value), in the order in which they came."""
        return [(key.removeprefix("HTTP_").replace("_", "-"), value) for key, value in self.head.fields.items()]

    def force_close(self) -> None:
        """Let the answer end the connection."""
        self.must_close = True

    def should_close(self) -> bool:
        """Whether the connection ends with the answer."""
        return self.must_close
