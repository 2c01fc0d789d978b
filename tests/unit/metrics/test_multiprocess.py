"""Files by slot: the next process of a slot goes on counting where the one before stopped."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
from flask_scale.metrics import multiprocess

folder = multiprocess.enable()
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.multiprocess import MultiProcessCollector

counter = Counter("sold", "Sold.")
busy = Gauge("busy", "Busy.", multiprocess_mode="livesum")

def process(slot, amount):
    pid = os.fork()
    if pid == 0:
        multiprocess.attach(slot)
        counter.inc(amount)
        busy.set(1)
        os._exit(0)
    os.waitpid(pid, 0)
    multiprocess.release(slot)

def total(name):
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry.get_sample_value(name)

for generation in range(20):
    process(0, 1)
    process(1, 2)
    print(total("sold_total"), total("busy"), len(list(Path(folder).iterdir())))

print(Path(folder).parent)
multiprocess.remove(folder)
print(Path(folder).exists(), multiprocess.directory() == folder)
"""


@pytest.fixture
def said(tmp_path):
    """What the script printed, with the metrics' parent folder set."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        check=True,
    )
    return done.stdout.splitlines()


def test_counters_of_ended_processes_are_kept_and_files_and_live_gauges_do_not_pile_up(said):
    rows = [row.split() for row in said[:20]]
    assert [float(total) for total, _, _ in rows] == [3.0 * n for n in range(1, 21)]
    assert {float(busy) for _, busy, _ in rows} == {0.0}
    assert len({files for _, _, files in rows}) == 1


def test_the_folder_is_a_fresh_one_where_the_person_wants_it_and_goes_at_the_end(said, tmp_path):
    assert said[20] == str(tmp_path)
    assert said[21] == "False True"
    assert list(tmp_path.iterdir()) == []
