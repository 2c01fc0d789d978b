"""Hints: what Celery itself would send, and nearly free while the broker is down."""

import base64
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

from flask_scale.jobs.broker import build_celery
from flask_scale.jobs.job import Hint
from flask_scale.jobs.publisher import (
    FAILURES_TO_OPEN,
    RUN_JOB,
    Publisher,
    message,
)
from flask_scale.settings import Settings

HINT = Hint("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "default", 60.0)


@pytest.fixture
def silent_port():
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_hint_is_the_message_that_celery_would_send():
    celery = build_celery(Settings(broker_url="redis://127.0.0.1:1"))
    theirs = celery.amqp.as_task_v2("id", RUN_JOB, [HINT.job_id], {}, ignore_result=True)
    ours = json.loads(message(HINT))

    body = json.loads(base64.b64decode(ours["body"]))
    assert body == json.loads(json.dumps(theirs.body))
    assert ours["headers"].keys() == theirs.headers.keys()
    own = {"id", "root_id", "origin", "argsrepr"}
    assert {k: v for k, v in ours["headers"].items() if k not in own} == {
        k: v for k, v in theirs.headers.items() if k not in own
    }
    assert ours["properties"]["delivery_info"] == {"exchange": "", "routing_key": "default"}


def test_without_a_broker_nothing_is_sent():
    publisher = Publisher(None, timeout_seconds=0.1)
    assert not publisher.ready
    assert not publisher.publish([HINT])
    assert publisher.waiting("default") is None


def test_a_time_limit_is_not_celerys_since_a_hint_may_run_several_jobs():
    assert json.loads(message(HINT))["headers"]["timelimit"] == [None, None]


def test_a_silent_broker_costs_its_timeout_and_then_nothing(silent_port):
    publisher = Publisher(f"redis://127.0.0.1:{silent_port}", timeout_seconds=0.1)
    for _ in range(FAILURES_TO_OPEN):
        began = time.monotonic()
        assert not publisher.publish([HINT])
        assert time.monotonic() - began < 2
    assert not publisher.ready

    began = time.monotonic()
    for _ in range(100):
        assert not publisher.publish([HINT])
    assert time.monotonic() - began < 0.1


def test_a_broker_that_is_gone_is_no_error():
    publisher = Publisher("redis://127.0.0.1:1", timeout_seconds=0.1)
    assert not publisher.publish([HINT])
    assert publisher.waiting("default") is None


def test_many_callers_at_once_wait_for_a_silent_broker_side_by_side(silent_port):
    publisher = Publisher(f"redis://127.0.0.1:{silent_port}", timeout_seconds=0.3)
    threads = [threading.Thread(target=publisher.publish, args=([HINT],)) for _ in range(20)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 3


def test_under_gevent_a_silent_broker_holds_up_no_other_greenlet(silent_port):
    code = f"""
from gevent import monkey; monkey.patch_all()
import gevent
from flask_scale.jobs.job import Hint
from flask_scale.jobs.publisher import Publisher
publisher = Publisher("redis://127.0.0.1:{silent_port}", timeout_seconds=1.0)
ticks = 0
def tick():
    global ticks
    while True:
        gevent.sleep(0.01)
        ticks += 1
gevent.spawn(tick)
sent = gevent.spawn(publisher.publish, [Hint("id", "default", 1.0)]).get()
print(sent, ticks)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    sent, ticks = done.stdout.split()
    assert sent == "False"
    assert int(ticks) > 20
