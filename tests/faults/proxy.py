"""A TCP proxy on loopback that can be slow: what stands between the app and a server whose network is bad."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNK = 64 * 1024


class Proxy:
    """Leads 127.0.0.1:`port` to 127.0.0.1:`target` while its context is open, in a thread of this process."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        #: Added to each way of what passes from now on, in seconds.
        self.delay_seconds = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {target}", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def slow(self, delay_seconds: float) -> Iterator[None]:
        """Add so much to each way while the block lasts."""
        self.delay_seconds = delay_seconds
        try:
            yield
        finally:
            self.delay_seconds = 0.0

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            await self._connect(client, to_client)
        except (OSError, asyncio.CancelledError):
            pass  # The server is away, or the proxy ends.
        finally:
            self._connections.discard(task)
            to_client.transport.abort()

    async def _connect(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._pass(client, to_server))
                ways.create_task(self._pass(server, to_client))
        except* OSError:
            pass  # Whoever broke off, the other hears of it.
        finally:
            to_server.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while chunk := await source.read(CHUNK):
            if self.delay_seconds:
                await asyncio.sleep(self.delay_seconds)
            target.write(chunk)
            await target.drain()
        with contextlib.suppress(OSError):
            target.write_eof()
