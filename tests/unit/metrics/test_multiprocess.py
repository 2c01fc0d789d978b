"""Files by slot: the next process of a slot goes on counting where the one before stopped."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from pathlib import Path
from flask_scale.metrics import multiprocess

folder = multiprocess.enable()
from prometheus_client import CollectorRegistry, Counter, Gauge

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
    multiprocess.SharedCollector(registry)
    return registry.get_sample_value(name)

for generation in range(20):
    process(0, 1)
    process(1, 2)
    print(total("sold_total"), total("busy"), len(list(Path(folder).iterdir())))

Path(folder, "counter_2.db").touch()
print(total("sold_total"))

print(Path(folder).parent)
multiprocess.remove(folder)
print(Path(folder).exists(), multiprocess.directory())
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


def test_a_scrape_passes_over_the_file_that_a_process_has_just_made(said):
    assert float(said[20]) == 60.0


def test_the_folder_is_a_fresh_one_where_the_person_wants_it_and_goes_at_the_end(said, tmp_path):
    assert said[21] == str(tmp_path)
    assert said[22] == f"False {tmp_path}", "where a program that takes this one's place makes its own"
    assert list(tmp_path.iterdir()) == []


def enable_and_die(parent):
    """A master that is killed; what it printed."""
    script = "from flask_scale.metrics import multiprocess as m; print(m.enable(), flush=True); import os; os._exit(9)"
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(parent)}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    ).stdout.strip()


def test_a_start_removes_what_killed_masters_left_and_nothing_that_a_living_one_holds(tmp_path):
    left, fresh = Path(enable_and_die(tmp_path)), Path(enable_and_die(tmp_path))
    held = tmp_path / "flask-scale-metrics-held"
    held.mkdir()
    for old in (left, held):
        os.utime(old, (0, 0))
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    enable_and_die(tmp_path)

    os.close(descriptor)
    assert [left.exists(), fresh.exists(), held.exists()] == [False, True, True]


def test_a_folder_is_held_as_long_as_a_fork_of_its_master_lives(tmp_path):
    script = (
        "import os, sys; from flask_scale.metrics import multiprocess as m; folder = m.enable()\n"
        "if os.fork() == 0: os.utime(folder, (0, 0)); print(folder, flush=True); sys.stdin.read()\n"
    )
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, text=True, **pipes) as master:
        folder = Path(master.stdout.readline().strip())
        master.wait()
        enable_and_die(tmp_path)
        assert folder.exists()
    assert any(enable_and_die(tmp_path) and not folder.exists() for _ in range(20))
