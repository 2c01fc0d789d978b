"""A run as a process of its own."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.load import process
from tests.load.plan import Plan, Step
from tests.load.process import Load, LoadBroken
from tests.load.target import Target
from tests.unit.load.stand_in import StandIn, answer

Serve = Callable[..., StandIn]


def test_a_plan_is_carried_out_to_its_end(serve: Serve, tmp_path: Path) -> None:
    stand_in = serve()
    plan = Plan([Step(0.5, 40), Step(0.5, 80)], seed=3, mix={"create_user": 1, "statistics": 1})
    with Load(plan, Target(stand_in.url, "fsk_key", "directory.example.org"), tmp_path) as load:
        run = load.finish()
    run.assert_none_failed()
    assert run.totals.offered == run.client.offered == 60
    assert set(run.totals.by_kind) == {"create_user", "statistics"}
    assert (stand_in.headers["Authorization"], stand_in.headers["Host"]) == ("Bearer fsk_key", "directory.example.org")
    assert run.client.cpu_seconds > 0


def test_it_is_under_way_once_something_was_served_and_stops_when_told(serve: Serve, tmp_path: Path) -> None:
    stand_in = serve()
    with Load(Plan.steady(20, 3600), Target(stand_in.url), tmp_path) as load:
        assert stand_in.received.total() > 0
        run = load.stop()
    run.assert_none_failed()
    assert run.totals.offered == stand_in.received.total()


def test_the_files_of_an_earlier_run_are_removed(serve: Serve, tmp_path: Path) -> None:
    target = Target(serve().url)
    names = []
    for _ in range(2):
        with Load(Plan.steady(20, 0.2), target, tmp_path) as load:
            names.append(load.finish().history.run)
    assert names[0] != names[1]


def test_failures_are_told_a_line_each(serve: Serve, tmp_path: Path) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        return answer('{"oh": "no"}', 500) if request.method == "GET" else None

    with Load(
        Plan.steady(40, 0.5, mix={"create_user": 1, "statistics": 1}), Target(serve(trouble).url), tmp_path
    ) as load:
        run = load.finish()
    with pytest.raises(AssertionError, match=r'fail statistics .*500 .*{"oh": "no"}'):
        run.assert_none_failed()


@pytest.mark.parametrize("may_shed", [True, False])
def test_shedding_is_a_failure_unless_the_plan_allows_it(serve: Serve, tmp_path: Path, may_shed: bool) -> None:
    async def trouble(request: web.Request) -> web.StreamResponse | None:
        return answer("{}", 503, {"Retry-After": "1"}) if request.method == "GET" else None

    plan = Plan.steady(40, 0.5, mix={"create_user": 1, "statistics": 1}, may_shed=may_shed)
    with Load(plan, Target(serve(trouble).url), tmp_path) as load:
        run = load.finish()
    assert run.totals.shed > 0
    if may_shed:
        run.assert_none_failed()
    else:
        with pytest.raises(AssertionError, match="shed statistics"):
            run.assert_none_failed()


def test_posts_cut_off_are_forgiven_only_up_to_the_number_given(serve: Serve, tmp_path: Path) -> None:
    async def trouble(request: web.Request) -> None:
        if stand_in.keys.total() == 2:
            await asyncio.sleep(30)

    stand_in = serve(trouble)
    plan = Plan.steady(10, 0.5, mix={"create_user": 1}, timeout_seconds=5)
    with Load(plan, Target(stand_in.url), tmp_path) as load:
        run = load.finish()
    run.assert_none_failed(unknown=1)
    with pytest.raises(AssertionError, match="unknown create_user"):
        run.assert_none_failed()


def test_a_client_that_meets_nobody_is_broken_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        load = Load(Plan.steady(5, 3600), Target(f"http://127.0.0.1:{nobody.getsockname()[1]}"), tmp_path)
        monkeypatch.setattr(process, "BEGIN_SECONDS", 2)
        with pytest.raises(LoadBroken, match="no right answer within 2 s"), load:
            pass
    assert load.ended


def test_a_client_that_refuses_its_plan_tells_why(serve: Serve, tmp_path: Path) -> None:
    plan = Plan.steady(5, 5, connections=0)
    with pytest.raises(LoadBroken, match="--connections"), Load(plan, Target(serve().url), tmp_path):
        pass
