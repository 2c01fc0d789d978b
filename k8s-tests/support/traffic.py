"""Steady reads on kept-alive connections, each answer checked."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import requests

#: Between two requests of a client: a machine that is full serves faster on the emptier node, and nginx sees that.
PAUSE_SECONDS = 0.1


class Traffic:
    """Clients that ask for a URL again and again, each on a connection of its own.

    Args:
        is_right: Whether an answer is what it must be.
    """

    def __init__(
        self, url: str, is_right: Callable[[requests.Response], bool], headers: Mapping[str, str], clients: int
    ) -> None:
        self.clients = clients
        self.answered = 0
        self.failures: list[str] = []
        #: TCP connections that were opened in all; complete after `stop`.
        self.connections = 0
        self._url = url
        self._is_right = is_right
        self._headers = headers
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End once every request under way is answered."""
        self._ending.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a request has no end"

    def assert_none_failed(self) -> None:
        """Pass where every answer was right, and there were some."""
        assert self.answered > 0
        assert not self.failures, f"{len(self.failures)} of {self.answered} failed: {self.failures[:10]}"

    def _ask(self) -> None:
        with requests.Session() as session:
            session.headers.update(self._headers)
            while not self._ending.is_set():
                failure = self._ask_once(session)
                with self._lock:
                    self.answered += 1
                    if failure:
                        self.failures.append(f"{time.strftime('%H:%M:%S')} {failure}")
                time.sleep(PAUSE_SECONDS)
            pools = session.get_adapter(self._url).poolmanager.pools
            with self._lock:
                self.connections += sum(pools[key].num_connections for key in list(pools.keys()))

    def _ask_once(self, session: requests.Session) -> str:
        try:
            response = session.get(self._url, timeout=30)
            return "" if self._is_right(response) else f"{response.status_code} {response.text[:200]}"
        except (requests.RequestException, ValueError) as error:
            return repr(error)


@contextmanager
def traffic(
    url: str,
    is_right: Callable[[requests.Response], bool],
    *,
    headers: Mapping[str, str] | None = None,
    clients: int = 12,
) -> Iterator[Traffic]:
    """Traffic to `url` while in it; what it saw is complete after its `stop`, or the end."""
    seen = Traffic(url, is_right, headers or {}, clients)
    seen.start()
    try:
        yield seen
    finally:
        seen.stop()
