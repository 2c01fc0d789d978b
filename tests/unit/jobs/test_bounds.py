"""A job is held within its process's bounds, and the process goes on with others."""

import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from flask_scale.jobs import bounds, failure, running
from flask_scale.jobs.heartbeat import Heartbeat
from flask_scale.jobs.runner import Runner
from flask_scale.testing.jobs import history
from tests.support.memory_jobs import memory_farm

#: What ends a process here that nothing else ends.
MOST_CPU_SECONDS = 20

MEMORY = """
from flask_scale.jobs.bounds import memory_limit
MIB = 1024 * 1024
with memory_limit(64 * MIB):
    kept = bytearray(16 * MIB)
    try:
        bytearray(256 * MIB)
    except MemoryError:
        print("refused")
with memory_limit(0):
    print(len(bytearray(256 * MIB)) // MIB)
print(len(bytearray(256 * MIB)) // MIB)
"""

WATCH = """
import itertools, resource, time
resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
from flask_scale.jobs.bounds import Watchdog
def work(seconds):
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        sum(range(10_000))

watchdog = Watchdog(1)
for _ in range(4):
    watchdog.pat()
    work(0.5)
watchdog.pat()
time.sleep(2)
watchdog.rest()
work(1.5)
print("is there", flush=True)
watchdog.pat()
sum(itertools.repeat(0))
"""


def run(script):
    command = [sys.executable, "-c", f"MOST_CPU_SECONDS = {MOST_CPU_SECONDS}\n{script}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def attempt(farm, task, **told):
    """One attempt at a job of the task, in this process as if it were a pool's; the job as it is then."""
    job = task.delay()
    runner = Runner(farm.app, worker="one", **told)
    runner.confined = True
    with suppress(SystemExit):
        runner.run(job.id)
    return farm.jobs.get(job.id)


@pytest.fixture
def farm():
    farm = memory_farm(job_lease_seconds=0.5, job_heartbeat_seconds=0.1, job_max_memory_bytes=64 * 1024 * 1024)
    with farm.app.app_context():
        yield farm


def test_over_the_limit_memory_is_refused_and_after_it_given_again():
    assert run(MEMORY).stdout.split() == ["refused", "256", "256"]


def test_what_computes_and_lets_no_thread_run_is_ended_and_what_waits_is_not():
    done = run(WATCH)
    assert (done.returncode, done.stdout) == (-signal.SIGVTALRM, "is there\n")
    assert "most recent call first" in done.stderr


def test_a_job_over_its_memory_fails_with_words_and_the_next_one_has_as_much(farm):
    greedy = farm.scale.task("greedy", max_attempts=1)(lambda job: len(bytearray(256 * 1024 * 1024)))
    modest = farm.scale.task("modest")(lambda job: len(bytearray(32 * 1024 * 1024)))

    dead = attempt(farm, greedy)

    assert (dead.state, dead.error["type"]) == ("dead", "MemoryError")
    assert dead.error["message"] == "the job took more memory than it may have"
    assert attempt(farm, modest).result == 32 * 1024 * 1024


def test_a_pool_process_that_its_job_keeps_from_all_else_is_ended(farm):
    selfish = farm.scale.task("selfish")(lambda job: sum(itertools.repeat(0)))
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
        attempt(farm, selfish)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGVTALRM


def test_a_pool_process_whose_heartbeat_failed_is_ended(farm, monkeypatch):
    monkeypatch.setattr(Heartbeat, "_look", lambda *_arguments: bytearray(2**62))
    deaf = farm.scale.task("deaf")(lambda job: time.sleep(60))
    child = os.fork()
    if child == 0:
        attempt(farm, deaf)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == os.EX_SOFTWARE


def test_without_bounds_nothing_is_watched(monkeypatch):
    monkeypatch.setattr(bounds.signal, "setitimer", None)
    bounds.Watchdog(0).pat()
    bounds.Watchdog(0).bite()
    bounds.Watchdog(0).rest()


@pytest.mark.parametrize(("stopping", "event"), [(True, "released"), (False, "dead")])
def test_a_sigterm_counts_as_the_workers_only_where_that_got_it_too(farm, monkeypatch, stopping, event):
    monkeypatch.setattr("flask_scale.jobs.runner.SIGTERM_SECONDS", 0.1)

    @farm.scale.task("terminated", max_attempts=1)
    def terminated(job):
        sys.exit(failure.SIGTERM_CODE)

    job = attempt(farm, terminated, stopping=lambda: stopping)

    assert history(farm.store, job.id)[-1] == event


def test_a_result_that_is_too_long_is_dead_at_once(farm):
    long = farm.scale.task("long")(lambda job: "x" * running.LONGEST_RESULT)
    short = farm.scale.task("short")(lambda job: "x" * (running.LONGEST_RESULT - 2))

    dead = attempt(farm, long)

    assert (dead.state, dead.attempt) == ("dead", 1)
    assert "the result is 1000002 bytes of JSON" in dead.error["message"]
    assert attempt(farm, short).state == "succeeded"
