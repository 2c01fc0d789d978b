"""A user directory that fits in a page and does what a test tells it, on a thread of its own."""

import asyncio
import json
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from aiohttp import web

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


async def no_trouble(request: web.Request) -> web.StreamResponse | None:
    """Go on as a directory does."""
    return None


def cut(request: web.Request) -> None:
    """Break the connection off without an answer."""
    assert request.transport
    request.transport.abort()


class StandIn:
    """Its users and jobs, in memory."""

    def __init__(self, trouble: Trouble = no_trouble) -> None:
        self.url = ""
        self.trouble = trouble
        #: What came in, by "METHOD /path".
        self.received: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.connections: set[Any] = set()
        self.headers: dict[str, str] = {}
        self._users: dict[int, dict[str, Any]] = {}
        self._answers: dict[str, tuple[int, str, str]] = {}

    def app(self) -> web.Application:
        """Its routes."""
        app = web.Application(middlewares=[self._watch])
        app.router.add_post("/v1/users", self._create)
        app.router.add_post("/v1/imports", self._import)
        app.router.add_get("/v1/users", self._find)
        app.router.add_get("/v1/users/{id}", self._read)
        app.router.add_get("/v1/statistics/sign-ups", self._statistics)
        return app

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.received[f"{request.method} {request.path}"] += 1
        self.keys.update([request.headers["Idempotency-Key"]] if request.method == "POST" else [])
        self.connections.add(request.transport)
        self.headers = dict(request.headers)
        return await self.trouble(request) or await handler(request)

    async def _create(self, request: web.Request) -> web.Response:
        sent = await request.json()

        def work() -> tuple[int, str, str]:
            number, now = len(self._users) + 1, datetime.now(UTC).isoformat()
            user = {"id": number, **sent, "created_at": now, "updated_at": now, "version": 1}
            self._users[number] = user
            return 201, json.dumps(user), f"/v1/users/{number}"

        return self._once(request, work)

    async def _import(self, request: web.Request) -> web.Response:
        job = {"id": str(uuid.uuid4()), "task": "users.import", "state": "queued", "attempt": 0, "result": None}
        return self._once(request, lambda: (202, json.dumps({**job, "error": None}), f"/v1/jobs/{job['id']}"))

    def _once(self, request: web.Request, work: Callable[[], tuple[int, str, str]]) -> web.Response:
        key = request.headers["Idempotency-Key"]
        replayed = {"Idempotency-Replayed": "true"} if key in self._answers else {}
        status, body, location = self._answers.setdefault(key, ()) or work()
        self._answers[key] = status, body, location
        return answer(body, status, {"Location": location, **replayed})

    async def _find(self, request: web.Request) -> web.Response:
        email = request.query["email"].lower()
        found = [user for user in self._users.values() if user["email"] == email]
        return answer(json.dumps({"items": found, "next": None}))

    async def _read(self, request: web.Request) -> web.Response:
        return answer(json.dumps(self._users[int(request.match_info["id"])]))

    async def _statistics(self, request: web.Request) -> web.Response:
        first, last = (date.fromisoformat(request.query[name]) for name in ("from", "to"))
        interval = request.query["interval"]
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        starts = {"day": lambda day: day, "week": lambda day: day - timedelta(day.weekday())}
        begin = starts.get(interval, lambda day: day.replace(day=1))
        buckets = [{"start": str(start), "count": 1} for start in sorted({begin(day) for day in days})]
        asked = {"from": str(first), "to": str(last), "interval": interval, "country": None}
        return answer(json.dumps({**asked, "total": len(buckets), "buckets": buckets}))


def answer(body: str, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON as the directory sends it: without a charset."""
    return web.Response(
        body=body.encode(), status=status, headers={"Content-Type": "application/json"} | (headers or {})
    )


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """It listens on a free port while in it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    runner = web.AppRunner(stand_in.app(), handler_cancellation=True, shutdown_timeout=0.1)

    async def start() -> str:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        return f"http://{host}:{port}"

    try:
        stand_in.url = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        yield stand_in
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
