"""What pgbench tells while it runs, in transactions."""

from benchmarks.store_floors import Second, seconds_of


def test_a_second_has_its_rate_times_its_length() -> None:
    lines = [
        "pgbench (18.1)\n",
        "progress: 1.0 s, 1000.0 tps, lat 0.9 ms stddev 0.1, 0 failed\n",
        "progress: 3.0 s, 500.5 tps, lat 0.9 ms stddev 0.1, 0 failed\n",
        "number of failed transactions: 0\n",
    ]
    assert list(seconds_of(lines)) == [Second(1.0, 1000.0), Second(3.0, 1001.0)]
