"""The load is kept whatever the answers are, and each answer counts as what it is."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.load import figures, generator, sender
from tests.load.figures import Totals
from tests.load.generator import Generator, Tally
from tests.load.history import FILE, Event, History, HistoryWriter
from tests.load.plan import Plan, Step
from tests.load.target import Target
from tests.unit.load.stand_in import StandIn, answer, cut

Serve = Callable[..., StandIn]

CREATES = {"create_user": 1.0}
#: One user is created, and all else is read.
READS = {"read_user": 1.0}


class Runner:
    """Carries plans out against a stand-in, here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tally = Tally()
        self.history = History("", [])

    @property
    def totals(self) -> Totals:
        return figures.totals(self.history)

    @property
    def events(self) -> list[Event]:
        return self.history.events

    def __call__(self, url: str, plan: Plan, target: Target | None = None) -> "Runner":
        writer = HistoryWriter(self._folder / FILE, "run")
        made = Generator(plan, target or Target(url, "key"), writer, "run")
        self.tally = asyncio.run(made.run())
        writer.close()
        self.history = History.read(self._folder / FILE)
        return self


def one_user_then_reads(**options: Any) -> Plan:
    """The first request creates the user, long before the next is due."""
    return Plan([Step(0.5, 2), Step(0.5, 20)], mix=READS, **options)


def assert_only_reads_failed(totals: Totals) -> None:
    """Each of them, and there were some."""
    assert totals.failed == totals.by_kind["read_user"] > 0
    assert totals.ok == totals.by_kind["create_user"]
    assert totals.unknown == 0


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setattr(generator, "PAUSES", (0.02,))
    return Runner(tmp_path)


def test_all_kinds_are_served_by_a_directory_that_answers_right(serve: Serve, run: Runner) -> None:
    stand_in = serve()
    totals = run(stand_in.url, Plan.steady(400, 1)).totals
    assert (totals.offered, totals.ok) == (400, 400)
    assert set(totals.by_kind) == {"create_user", "import_users", "repeat", "read_user", "find_user", "statistics"}
    assert sum(stand_in.received.values()) == 400


def test_the_rate_is_kept_while_nothing_is_answered(serve: Serve, run: Runner) -> None:
    """A client that waits for answers would wait for ever: the first comes when the last request is there."""
    all_there = asyncio.Event()

    async def stall(request: web.Request) -> None:
        if stand_in.received["POST /v1/users"] == 100:
            all_there.set()
        await all_there.wait()

    stand_in = serve(stall)
    assert run(stand_in.url, Plan.steady(200, 0.5, mix=CREATES, timeout_seconds=60)).totals.ok == 100


def test_time_spent_waiting_to_be_sent_is_latency(serve: Serve, run: Runner) -> None:
    """Ten requests are due within a tenth of a second, on one connection, and each takes as long."""

    async def slow(request: web.Request) -> None:
        await asyncio.sleep(0.1)

    plan = Plan.steady(100, 0.1, mix=CREATES, connections=1)
    run(serve(slow).url, plan)
    last = max((event for event in run.events if event.event == "ok"), key=lambda event: event.clock)
    assert last.latency > 10 * 0.1 - 0.1
    assert run.totals.latency[-1] == pytest.approx(1000 * last.latency)


def test_intended_moments_are_those_of_the_plan(serve: Serve, run: Runner) -> None:
    plan = Plan.steady(100, 0.2, mix=CREATES)
    run(serve().url, plan)
    invoked = [event.intended for event in run.events if event.event == "invoke"]
    assert [moment - invoked[0] for moment in invoked] == pytest.approx(list(plan.moments()), abs=1e-6)
    assert all(event.clock >= event.intended for event in run.events)


def test_connections_are_kept(serve: Serve, run: Runner) -> None:
    stand_in = serve()
    run(stand_in.url, Plan.steady(200, 0.5, connections=3))
    assert len(stand_in.connections) <= 3


def test_a_share_of_requests_ends_its_connection(serve: Serve, run: Runner) -> None:
    stand_in = serve()
    assert run(stand_in.url, Plan.steady(200, 0.5, connections=3, fresh=0.25)).totals.ok == 100
    assert 25 <= len(stand_in.connections) <= 25 + 3


def test_key_and_host_go_with_every_request(serve: Serve, run: Runner) -> None:
    stand_in = serve()
    run(stand_in.url, Plan.steady(10, 0.1), Target(stand_in.url, "fsk_key", "directory.example.org"))
    assert stand_in.headers["Authorization"] == "Bearer fsk_key"
    assert stand_in.headers["Host"] == "directory.example.org"


def test_a_get_without_an_answer_has_failed(serve: Serve, run: Runner) -> None:
    async def hang(request: web.Request) -> None:
        if request.method == "GET":
            await asyncio.sleep(30)

    assert_only_reads_failed(run(serve(hang).url, one_user_then_reads(timeout_seconds=5)).totals)


def test_a_get_that_is_cut_off_has_failed_and_is_not_sent_again(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> None:
        if request.method == "GET":
            cut(request)

    stand_in = serve(trouble)
    totals = run(stand_in.url, one_user_then_reads()).totals
    assert_only_reads_failed(totals)
    assert stand_in.received["GET /v1/users/1"] == totals.failed


@pytest.mark.parametrize("how", ["cut off", "too late"])
def test_a_post_without_an_answer_is_unknown_until_its_key_brings_one(serve: Serve, run: Runner, how: str) -> None:
    """It is done before the answer is lost."""

    async def trouble(request: web.Request) -> web.StreamResponse | None:
        if stand_in.keys[request.headers["Idempotency-Key"]] > 1:
            return None
        await stand_in._create(request)
        if how == "cut off":
            cut(request)
        else:
            await asyncio.sleep(30)
        return None

    stand_in = serve(trouble)
    totals = run(stand_in.url, Plan.steady(20, 0.5, mix=CREATES, timeout_seconds=5)).totals
    assert (totals.unknown, totals.resolved, totals.unresolved, totals.ok, totals.failed) == (10, 10, 0, 0, 0)
    assert set(stand_in.keys.values()) == {2}
    assert [event.attempt for event in run.events if event.event == "ok"] == [2] * 10
    assert run.tally.resolved == 10


def test_a_post_that_stays_without_an_answer_is_unresolved_in_the_end(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> None:
        cut(request)

    totals = run(serve(trouble).url, Plan.steady(10, 0.3, mix=CREATES, resolve_seconds=0.1)).totals
    assert (totals.unknown, totals.resolved, totals.unresolved) == (3, 0, 3)


def test_a_post_that_is_answered_5xx_has_failed_and_is_resolved_by_its_key(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        first = stand_in.keys[request.headers["Idempotency-Key"]] == 1
        return answer("{}", 502, {"Retry-After": "1"}) if first else None

    stand_in = serve(trouble)
    totals = run(stand_in.url, Plan.steady(10, 0.3, mix=CREATES)).totals
    assert (totals.failed, totals.resolved, totals.unresolved, totals.shed) == (3, 3, 0, 0)


def test_a_key_that_is_in_progress_is_tried_again_once_it_was_sent(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        times = stand_in.keys[request.headers["Idempotency-Key"]]
        if times == 1:
            cut(request)
        return answer('{"type": "/problems/in-progress"}', 409) if times == 2 else None

    stand_in = serve(trouble)
    totals = run(stand_in.url, Plan.steady(10, 0.1, mix=CREATES)).totals
    assert (totals.unknown, totals.resolved) == (1, 1)
    assert [event.event for event in run.events] == ["invoke", "unknown", "unknown", "ok"]


def test_503_with_retry_after_is_shed_and_without_it_a_failure(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse:
        asked = stand_in.received["POST /v1/users"]
        return answer("{}", 503, {"Retry-After": "1"} if asked % 2 else {})

    stand_in = serve(trouble)
    totals = run(stand_in.url, Plan.steady(10, 1, mix=CREATES, resolve_seconds=0)).totals
    assert (totals.shed, totals.failed) == (5, 5)


@pytest.mark.parametrize(("problem", "attempts"), [("/problems/unavailable", 2), ("about:blank", 1)])
def test_a_post_that_was_begun_and_answered_503_may_be_done_and_is_tried_again(
    serve: Serve, run: Runner, problem: str, attempts: int
) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        first = stand_in.keys[request.headers["Idempotency-Key"]] == 1
        return answer(f'{{"type": "{problem}"}}', 503, {"Retry-After": "1"}) if first else None

    stand_in = serve(trouble)
    totals = run(stand_in.url, Plan.steady(10, 0.3, mix=CREATES)).totals
    assert (totals.shed, totals.resolved) == (3, 3 if attempts == 2 else 0)
    assert set(stand_in.keys.values()) == {attempts}


def test_a_refused_connection_is_a_failure_of_which_nothing_is_unknown(run: Runner) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        totals = run(f"http://127.0.0.1:{port}", Plan.steady(10, 0.5, mix=CREATES)).totals
    assert (totals.failed, totals.unknown, totals.unresolved) == (5, 0, 0)


def test_a_post_that_finds_no_free_connection_was_not_sent(
    serve: Serve, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "CONNECT_SECONDS", 0.2)

    async def slow(request: web.Request) -> None:
        await asyncio.sleep(1)

    stand_in = serve(slow)
    totals = run(stand_in.url, Plan.steady(20, 0.5, mix=CREATES, connections=1)).totals
    assert totals.failed > 0
    assert totals.unresolved == 0
    assert stand_in.keys.total() == 10 - totals.failed


def test_a_wrong_body_is_a_failure(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        return answer('{"id": 1, "email": "other@example.org"}') if request.method == "GET" else None

    assert_only_reads_failed(run(serve(trouble).url, one_user_then_reads()).totals)
    assert "other@example.org" in str(run.events[-1].error)


def test_a_redirect_is_a_failure_and_is_not_followed(serve: Serve, run: Runner) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        return answer("{}", 307, {"Location": elsewhere.url}) if request.method == "GET" else None

    elsewhere = serve()
    assert_only_reads_failed(run(serve(trouble).url, one_user_then_reads()).totals)
    assert not elsewhere.received


def test_a_client_that_falls_behind_says_so(serve: Serve, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "LATE_SECONDS", -1)
    assert run(serve().url, Plan.steady(10, 0.5)).tally.late_starts == 5


def test_an_end_lets_requests_under_way_come_to_theirs(serve: Serve, tmp_path: Path) -> None:
    async def slow(request: web.Request) -> None:
        made.end()
        await asyncio.sleep(0.2)

    writer = HistoryWriter(tmp_path / FILE, "run")
    made = Generator(Plan.steady(5, 1000), Target(serve(slow).url), writer, "run")
    tally = asyncio.run(made.run())
    writer.close()
    assert tally.offered == tally.ok < 100
