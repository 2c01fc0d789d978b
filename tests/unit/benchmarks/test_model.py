"""What a rate needs follows from the measured costs; what is missing or wrong is said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.model import Cost, Demand, Unusable, main, read, reckon

COSTS = {"r": Cost(100, 0), "i": Cost(1_000, 500), "j": Cost(2_000, 1_000), "e": Cost(4_000, 2_000)}

DEMAND = Demand(
    1_000, reports=0.5, reads=0.3, jobs=0.2, hits=0.9, memory_hits=0.8, cpu=2, use=0.5, workers=2, connections=10
)


def bench(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"rows": rows}))
    return path


def row(path: str, cpu: float, **more: Any) -> dict[str, Any]:
    return {"path": path, "name": "flask_scale", "cpu": {"median": cpu}, **more}


def test_reads_are_those_asked_for_and_reports_that_no_cache_had() -> None:
    assert reckon(DEMAND, COSTS).reads == pytest.approx(1_000 * (0.3 + 0.5 * 0.1))


def test_pods_have_room_for_the_share_that_shall_be_in_use() -> None:
    need = reckon(DEMAND, COSTS)
    assert need.api_cores == pytest.approx((500 * 100 + 350 * 1_000 + 200 * 2_000) / 1e6)
    assert (need.api_pods, need.worker_pods) == (1, 1)
    ten_times = reckon(replace(DEMAND, rate=10_000), COSTS)
    assert (ten_times.api_pods, ten_times.worker_pods) == (8, 8)


def test_redis_is_asked_for_what_memory_has_not_and_twice_for_a_load_and_a_job() -> None:
    assert reckon(DEMAND, COSTS).redis == pytest.approx(500 * 0.2 + 500 * 0.1 + 2 * 200)


def test_connections_are_those_of_all_pools() -> None:
    assert reckon(replace(DEMAND, rate=10_000), COSTS).connections == 8 * 2 * 10 + 8 * 3


def test_the_stores_carry_their_part() -> None:
    need = reckon(DEMAND, COSTS)
    assert need.writes == 3 * 200
    assert need.store_cores == pytest.approx((350 * 500 + 200 * 1_000 + 200 * 2_000) / 1e6)


def test_what_was_not_measured_is_left_open() -> None:
    need = reckon(DEMAND, {**COSTS, "i": Cost(1_500, None)})
    assert need.store_cores is None
    without_done = reckon(DEMAND, {path: cost for path, cost in COSTS.items() if path != "e"})
    assert (without_done.worker_pods, without_done.store_cores) == (None, None)


def test_a_cost_that_is_needed_and_missing_is_named() -> None:
    with pytest.raises(Unusable, match="a database read"):
        reckon(DEMAND, {"r": COSTS["r"], "j": COSTS["j"]})
    assert reckon(replace(DEMAND, reports=1, reads=0, jobs=0, hits=1), {"r": COSTS["r"]}).worker_pods == 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"jobs": 0.3}, "make 1"),
        ({"hits": 0.5}, "hit rates"),
        ({"use": 0}, "in use"),
        ({"rate": 0}, "over 0"),
    ],
)
def test_a_demand_out_of_bounds_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Unusable, match=said):
        replace(DEMAND, **wrong)


def test_costs_are_those_of_our_rows_without_the_stores_part(tmp_path: Path) -> None:
    other = {**row("r", 1), "name": "tutorial"}
    file = bench(tmp_path / "bench.json", row("r", 100, stores=10), row("i", 1_500), other)
    assert read(file) == {"r": Cost(90, 10), "i": Cost(1_500, None)}


@pytest.mark.parametrize("text", ["", "[]", '{"rows": [{"name": "flask_scale"}]}', '{"rows": 3}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(Unusable, match="bench"):
        read(file)


def test_a_cost_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="cannot be"):
        read(bench(tmp_path / "bench.json", row("r", 10, stores=11)))


def test_the_command_prints_it_or_says_what_is_missing(tmp_path: Path) -> None:
    missing = CliRunner().invoke(main, ["--bench", str(tmp_path / "bench.json")])
    assert missing.exit_code == 1
    assert "`make bench` writes it" in missing.output
    file = bench(tmp_path / "bench.json", row("r", 80), row("i", 1_500), row("j", 3_000))
    shown = CliRunner().invoke(main, ["--bench", str(file), "--rate", "600"])
    assert shown.exit_code == 0
    assert "600 requests a minute" in shown.output
