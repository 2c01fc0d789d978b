"""One attempt of a request, and what it came to."""

import json
from typing import NamedTuple

import aiohttp
from yarl import URL

from tests.load.answers import Answer, Found, WrongAnswer
from tests.load.history import Name
from tests.load.operations import Request
from tests.load.target import Target

#: Seconds to find a connection, or to make one.
CONNECT_SECONDS = 5.0

#: It was sent, or a part of it, and no whole answer came.
CUT = (aiohttp.ClientError, TimeoutError, OSError)


class Outcome(NamedTuple):
    """What an attempt came to."""

    event: Name
    status: int | None = None
    found: Found = Found()
    error: str | None = None
    #: False of a POST of which nobody knows whether it was done: attempt it again, under its key.
    settled: bool = True
    #: Of `ok`.
    answer: Answer | None = None

    @property
    def final(self) -> bool:
        """True where this attempt also tells what became of those before it."""
        return self.settled and self.status is not None and self.status < 500


class Sender:
    """Sends on kept-alive connections. Use it as an asynchronous context manager.

    Args:
        fresh: The share of requests that say `Connection: close`.
    """

    def __init__(self, target: Target, *, connections: int, timeout_seconds: float, fresh: float = 0.0) -> None:
        self._target = target
        self._fresh = fresh
        self._sent = 0
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
            headers=target.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        # Else aiohttp sends a GET again by itself where a connection breaks off, and nobody would know.
        self._session._retry_connection = False

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._session.close()

    async def send(self, request: Request, attempt: int = 1) -> Outcome:
        """Attempt it; every error of the service or the network is an outcome."""
        url = URL(self._target.url_of(request.path), encoded=True)
        headers = request.headers | ({"Connection": "close"} if self._is_last_of_its_connection() else {})
        sent = self._session.request(request.method, url, data=request.body, headers=headers, allow_redirects=False)
        try:
            async with sent as response:
                return judge(request, Answer(response.status, response.headers, await response.read()), attempt)
        except aiohttp.ConnectionTimeoutError:
            return Outcome("fail", error=f"not sent: no connection was free or made within {CONNECT_SECONDS:g} s")
        except aiohttp.ClientConnectorError as error:
            return Outcome("fail", error=f"not sent: {_describe(error)}")
        except CUT as error:
            event: Name = "unknown" if request.key else "fail"
            return Outcome(event, error=_describe(error), settled=not request.key)

    def _is_last_of_its_connection(self) -> bool:
        self._sent += 1
        return int(self._sent * self._fresh) > int((self._sent - 1) * self._fresh)


def judge(request: Request, answer: Answer, attempt: int) -> Outcome:
    """What an answer means."""
    if answer.status == 503 and "Retry-After" in answer.headers:
        # Refused before the app began, or in the middle of it: then a POST may be done.
        settled = not (request.key and _problem(answer) == "/problems/unavailable")
        return Outcome("shed", 503, error=answer.text, settled=settled)
    if answer.status == 409 and attempt > 1 and _problem(answer) == "/problems/in-progress":
        return Outcome("unknown", 409, error=answer.text, settled=False)
    try:
        return Outcome("ok", answer.status, request.check(answer), answer=answer)
    except WrongAnswer as error:
        wrong = str(error)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        wrong = f"{_describe(error)}: {answer.text}"
    return Outcome("fail", answer.status, error=wrong, settled=not (request.key and answer.status >= 500))


def _problem(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["type"])
    except (ValueError, LookupError, TypeError):
        return ""


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
