"""Blocks go there and back again; whoever fails becomes a row without figures, and costs no other its own."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.blocks import Block, Load, Measured, Spent, measure, order
from benchmarks.figures import Failure, gates, rows
from benchmarks.generator import Told
from benchmarks.report import write
from flask_scale.errors import DevStackError


def block(cpu: float, p99: float = 2.0) -> Block:
    return Block(Told(1_000, 2.0, 1.0, p99, 0), cpu, cpu / 4)


def costing(cpu: float) -> Load:
    return lambda _seconds: block(cpu)


def failing(after: int) -> Load:
    blocks = iter([block(1.0)] * after)

    def load(_seconds: int) -> Block:
        try:
            return next(blocks)
        except StopIteration:
            raise DevStackError("the worker hung") from None

    return load


def quiet(_what: str) -> None:
    pass


def run(loads: dict[str, Load], tell: Callable[[str], None] = quiet) -> Measured:
    measured = Measured("e", "base")
    measure(measured, loads, rounds=3, seconds=1, warm_up=0, tell=tell)
    return measured


def test_blocks_go_there_and_back_again() -> None:
    assert "".join(order("abc", 3)) == "abccbaabc"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_whoever_fails_is_left_out_and_the_others_go_on(after: int) -> None:
    measured = run({"base": costing(8), "hangs": failing(after), "ours": costing(2)})
    assert measured.failed == {"hangs": "the worker hung"}
    assert [(row.name, row.ratio and row.ratio.median) for row in rows(measured)] == [("ours", 4.0), ("base", 1.0)]


def test_whoever_failed_is_not_tried_again() -> None:
    asked: list[str] = []

    def load(_seconds: int) -> Block:
        asked.append("again")
        raise DevStackError("no")

    run({"base": costing(1), "fails": load})
    assert asked == ["again"]


def test_every_block_is_told_of_whoever_fails() -> None:
    told: list[str] = []
    run({"base": costing(1), "fails": failing(0)}, told.append)
    assert len(told) == 2 * 3


def test_without_the_base_the_others_keep_their_figures() -> None:
    measured = run({"base": failing(0), "flask_scale": costing(2)})
    (row,) = rows(measured)
    assert (row.name, row.cpu.median, row.stores, row.ratio) == ("flask_scale", 2, 0.5, None)
    assert gates(measured) == []


def test_a_block_in_which_nothing_was_answered_fails() -> None:
    told = Told(0, 2.0, 0.0, 0.0, 0)
    with pytest.raises(DevStackError, match="no request was answered"):
        Spent(2.0, 1.0).block(Spent(1.0, 0.5), told)


def test_cpu_is_that_of_servers_and_stores_for_each_request() -> None:
    found = Spent(3.0, 1.5).block(Spent(1.0, 0.5), Told(1_000_000, 2.0, 0.0, 0.0, 0))
    assert (found.cpu, found.stores) == (3.0, 1.0)


def test_the_file_is_plain_json_with_failures_and_without_latencies_that_nobody_counted(tmp_path: Path) -> None:
    measured = Measured("e", "base")
    measured.blocks["base"] = [block(1.0, p99=math.nan)]
    file = tmp_path / "bench.json"
    write(file, rows(measured), [Failure("e", "hangs", "why")], [], {})
    found = json.loads(file.read_text(), parse_constant=pytest.fail)
    assert found["rows"][0]["p99"] is None
    assert found["failed"] == [{"path": "e", "name": "hangs", "reason": "why"}]
