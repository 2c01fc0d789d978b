"""GETs on kept-alive connections, at a small part of what the server takes for each.

No more of HTTP than the benchmarks' app answers with: every answer has a Content-Length.
"""

import asyncio
import re
from types import TracebackType
from typing import NamedTuple, Self

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after:", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back."""

    status: int
    #: Asked to come again later.
    retry: bool
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self.open = False
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            ConnectionError: the connection broke off, or what came back is no answer.
        """
        if self._transport is None or not self.open:
            raise ConnectionResetError("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Use it no more."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.open = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._received[:end])
        length = LENGTH.search(head)
        if length is None:
            self.connection_lost(ConnectionError(f"an answer without its length: {head[:200]!r}"))
            return
        whole = end + 4 + int(length[1])
        if len(self._received) < whole:
            return
        body = bytes(self._received[end + 4 : whole])
        self._received.clear()
        if CLOSE.search(head):
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(int(head[9:12]), RETRY_AFTER.search(head) is not None, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the connection ended before the answer"))


class Client:
    """Asks 127.0.0.1:`port` on at most `connections` connections; who finds none free waits, first come first served.

    Use it as an asynchronous context manager.
    """

    def __init__(self, port: int, *, connections: int, timeout_seconds: float = 10.0) -> None:
        self._port = port
        self._places = asyncio.Semaphore(connections)
        self._timeout_seconds = timeout_seconds
        self._idle: list[Connection] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._idle:
            connection.close()

    async def get(self, path: str) -> Answer:
        """The answer to GET `path`.

        Raises:
            OSError: no connection, or it broke off.
            TimeoutError: no answer in time, the wait for a free connection included.
        """
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()
        async with asyncio.timeout(self._timeout_seconds), self._places:
            connection = await self._connection()
            try:
                answer = await connection.ask(request)
            except BaseException:
                connection.close()
                raise
            if connection.open:
                self._idle.append(connection)
            return answer

    async def _connection(self) -> Connection:
        while self._idle:
            if (connection := self._idle.pop()).open:
                return connection
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(Connection, "127.0.0.1", self._port)
        return made
