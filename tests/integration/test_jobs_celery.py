"""A stock Celery client sees our Celery workers, and probes and metrics see the rest."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest
import requests
from celery import Celery

from tests.support.apps import jobs as tasks
from tests.support.jobs import Farm, wait_for


@pytest.fixture
def farm(migrated_database_url, broker_url, tmp_path):
    with Farm(migrated_database_url, broker_url, tmp_path) as farm:
        yield farm


def inspect(broker_url, name, what):
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-b", broker_url, "inspect", what, "--json", "-t", "30", "-d", name],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def test_celery_inspect_sees_worker_task_and_running_job(farm, broker_url):
    worker = farm.worker()
    job = tasks.polite.enqueue()
    wait_for(lambda: farm.jobs.get(job.id).state == "running")

    name = f"flask-scale-{worker.pid}@{socket.gethostname()}"
    assert inspect(broker_url, name, "ping") == {name: {"ok": "pong"}}
    assert inspect(broker_url, name, "registered") == {name: ["flask_scale.run_job"]}
    [active] = inspect(broker_url, name, "active")[name]
    assert (active["name"], active["args"]) == ("flask_scale.run_job", [job.id])

    farm.jobs.cancel(job.id)
    farm.ended(job)


def test_sighup_starts_the_worker_afresh_in_its_place(farm):
    worker = farm.worker()
    os.kill(worker.pid, signal.SIGHUP)
    wait_for(lambda: "Restarting celery worker" in worker.log.read_text())
    wait_for(lambda: "ready." in worker.log.read_text().partition("Restarting celery worker")[2])

    assert farm.ended(tasks.add.enqueue(1, 2)).result == 3
    assert "flask_scale_" in requests.get(f"{worker.internal_url}/metrics", timeout=10).text


def test_celery_events_tell_of_each_attempt(farm, broker_url):
    farm.worker()
    seen = []
    celery = Celery(broker=broker_url, set_as_current=False)

    def note(event):
        if not seen:
            tasks.add.enqueue(1, 2)
        seen.append(event["type"])
        receiver.should_stop = event["type"] == "task-succeeded"

    with celery.connection() as connection:
        receiver = celery.events.Receiver(connection, handlers={"*": note})
        receiver.capture(timeout=60, wakeup=False)
    assert {"task-received", "task-started", "task-succeeded"} <= set(seen)


def test_the_internal_port_tells_liveness_readiness_durations_and_queues(farm, broker_server):
    worker = farm.worker()
    farm.ended(tasks.add.enqueue(1, 2))
    done = 'flask_scale_job_duration_seconds_count{outcome="succeeded",task="add"} 1.0'
    wait_for(lambda: done in requests.get(f"{worker.internal_url}/metrics", timeout=10).text)
    assert requests.get(f"{worker.internal_url}/livez", timeout=10).status_code == 200
    assert requests.get(f"{worker.internal_url}/nothing", timeout=10).status_code == 404

    broker_server.stop()

    wait_for(lambda: requests.get(f"{worker.internal_url}/readyz", timeout=10).status_code == 503)
    assert requests.get(f"{worker.internal_url}/livez", timeout=10).status_code == 200


def test_a_port_in_use_ends_the_start_with_one_line_that_names_the_setting(farm):
    port = farm.worker().internal_url.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "flask_scale", "worker", "tests.support.apps.jobs:create_app()"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**farm.environment, "FLASK_SCALE_WORKER_INTERNAL_BIND": f"127.0.0.1:{port}"},
    )
    assert done.returncode == 2
    assert f"FLASK_SCALE_WORKER_INTERNAL_BIND=127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
