"""The open loop: requests begin when they are due, and what each came to is told apart."""

import asyncio
import math
from collections.abc import Callable

import pytest

from benchmarks.growth.client import Answer, Client
from benchmarks.growth.schedule import Outcome, moments, offer, window
from tests.load.plan import Step

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\ncontent-length: 0\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
WITHOUT_LENGTH = b"HTTP/1.1 200 OK\r\n\r\nok"


class StandIn:
    """A server that answers each path with given bytes, some at a time; an empty answer ends the connection."""

    def __init__(self, answers: dict[str, bytes], *, piece: int = 1_000) -> None:
        self.connections = 0
        self.asked: list[str] = []
        self._answers = answers
        self._piece = piece

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                path = line.split()[1].decode()
                while await reader.readline() != b"\r\n":
                    pass
                self.asked.append(path)
                answer = self._answers[path]
                for begin in range(0, len(answer), self._piece):
                    writer.write(answer[begin : begin + self._piece])
                    await asyncio.sleep(0)
                if not answer:
                    return
        except ConnectionError:
            pass  # the client ended it
        finally:
            writer.close()


async def with_client(stand_in: StandIn, use: Callable[[Client], object], **options: float) -> object:
    server = await asyncio.start_server(stand_in, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Client(port, connections=int(options.pop("connections", 4)), **options) as client:
        return await use(client)  # type: ignore[misc]


def test_requests_are_spread_evenly_over_their_step() -> None:
    assert list(moments([Step(1, 2), Step(2, 0), Step(1, 4)])) == [0.0, 0.5, 3.0, 3.25, 3.5, 3.75]


def test_each_request_comes_to_what_it_was_answered() -> None:
    answers = {"/0": OK, "/1": REFUSED, "/2": UNAVAILABLE, "/3": b"", "/4": WITHOUT_LENGTH}
    stand_in = StandIn(answers)
    steps = [Step(0.1, 50)]
    found = asyncio.run(with_client(stand_in, lambda client: offer(client, steps, lambda number: f"/{number}")))
    kinds = [one.kind for one in sorted(found.outcomes)]  # type: ignore[attr-defined]
    assert kinds == ["served", "refused", "failed", "failed", "failed"]


def test_latency_counts_from_the_moment_when_a_request_was_due() -> None:
    assert Outcome(due=1.0, seen=3.5, kind="served").latency == 2.5


def test_an_answer_in_pieces_is_put_together_and_its_connection_used_again() -> None:
    stand_in = StandIn({"/": OK}, piece=1)

    async def ask_twice(client: Client) -> list[Answer]:
        return [await client.get("/"), await client.get("/")]

    assert asyncio.run(with_client(stand_in, ask_twice)) == [Answer(200, False, b"ok")] * 2
    assert stand_in.connections == 1


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    stand_in = StandIn({"/": REFUSED})

    async def ask_twice(client: Client) -> None:
        assert (await client.get("/")).retry
        assert (await client.get("/")).retry

    asyncio.run(with_client(stand_in, ask_twice))
    assert stand_in.connections == 2


def test_who_finds_no_connection_free_waits_within_the_timeout() -> None:
    silent = StandIn({"/": b" "})  # never a whole answer

    async def ask_two_at_once(client: Client) -> list[object]:
        both = [asyncio.create_task(client.get("/")) for _ in range(2)]
        while not silent.asked:
            await asyncio.sleep(0.01)
        assert silent.connections == 1
        return list(await asyncio.gather(*both, return_exceptions=True))

    found = asyncio.run(with_client(silent, ask_two_at_once, connections=1, timeout_seconds=1.0))
    assert [type(one) for one in found] == [TimeoutError, TimeoutError]  # type: ignore[attr-defined]


def test_goodput_counts_by_when_an_answer_was_seen_and_shares_by_when_it_was_due() -> None:
    outcomes = [
        Outcome(0.5, 1.5, "served"),  # due before the window, seen in it
        Outcome(0.9, 1.0, "served"),
        Outcome(1.0, 1.1, "served"),
        Outcome(1.2, 1.25, "refused"),
        Outcome(2.0, 2.5, "failed"),
        Outcome(2.9, 3.5, "served"),  # due in it, seen after
    ]
    seen = window(outcomes, 1.0, 3.0)
    assert (seen.offered, seen.goodput, seen.refused_share, seen.failed_share) == (2.0, 1.5, 0.25, 0.25)
    assert (seen.p50, seen.p99) == pytest.approx((100.0, 600.0))
    assert (seen.refused_p50, seen.refused_p99) == pytest.approx((50.0, 50.0))


def test_a_window_without_requests_has_no_shares() -> None:
    seen = window([], 0.0, 1.0)
    assert (seen.offered, seen.goodput) == (0.0, 0.0)
    assert math.isnan(seen.refused_share)
