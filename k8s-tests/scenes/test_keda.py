"""KEDA instead of the chart's own autoscalers, where the cluster has it (`make keda-test`): workers from none."""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException

from support.cluster import Cluster
from support.directory import Directory, make_key
from support.release import OWN_NGINX, Release, uids
from support.scene import CALM_SECONDS, FRESH, LONGEST_SECONDS, Play
from support.slow import taking_time
from support.stage import pause, with_two_of_each
from support.waiting import eventually
from tests.load.plan import DEFAULT_MIX, Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: Jobs in the queue at once, new users of each, and how many of the jobs a worker is to have before it.
JOBS = 90
ROWS = 200
DEPTH = 20

#: A job of so many steps of 10,000 users, each of so many seconds, runs longer than a worker that nothing waits for
#: is left alone.
STEPS, STEP_SECONDS = 7, 12
COOLDOWN = 30

#: Requests a second of one API pod that the autoscaler aims at; small, as in test_autoscaling.py.
TARGET = 3

#: A load whose own jobs do not call workers.
NO_JOBS = {**DEFAULT_MIX, "import_users": 0}

VALUES: dict[str, Any] = {
    "settings": {"WORKERS": 1},
    "autoscaling": {"provider": "keda"},
    "api": {
        "autoscaling": {
            "minReplicas": 2,
            "maxReplicas": 4,
            "requestsPerSecond": TARGET,
            "cpuPercent": 0,
            "scaleDownStabilizationSeconds": COOLDOWN,
        },
        "resources": {"requests": {"cpu": "50m"}},
    },
    "worker": {
        "autoscaling": {
            "minReplicas": 0,
            "maxReplicas": 3,
            "queueDepth": DEPTH,
            "scaleDownStabilizationSeconds": COOLDOWN,
        },
        "resources": {"requests": {"cpu": "50m"}},
    },
}


@pytest.fixture(scope="module", autouse=True)
def keda(cluster: Cluster) -> None:
    """Leave these out on a cluster without KEDA."""
    try:
        cluster.get("/apis/external.metrics.k8s.io/v1beta1")
    except ApiException:
        pytest.skip("no KEDA on this cluster: `make keda-test` brings it")


@pytest.fixture(scope="module")
def scaled(release: Release) -> Iterator[Release]:
    """The directory with ScaledObjects that KEDA calls ready."""
    release.upgrade({**release.values, **VALUES})
    ready = ("wait", "scaledobject", "--all", "--for=condition=Ready", "--timeout=120s")
    release.namespace.kubectl(*ready)
    yield release
    with_two_of_each(release)


@pytest.fixture
def stage(scaled: Release) -> Release:
    """That, with the fewest pods."""
    scaled.until_ready("api", 2, seconds=600)
    scaled.until_ready("worker", 0, seconds=600)
    return scaled


@pytest.fixture
def slow(stage: Release) -> Iterator[Release]:
    """Jobs that take time, and not the machine."""
    with taking_time(stage, 1):
        yield stage


def test_workers_come_from_none_for_a_queue_and_none_is_left_after_it(play: Play, slow: Release):
    plan = Plan.steady(2 * TARGET * 0.8, LONGEST_SECONDS, mix=NO_JOBS, fresh=FRESH)
    with play("queue of jobs by KEDA", plan) as scene:
        pause(CALM_SECONDS)
        assert slow.pods("worker") == []
        begun = scene.mark(f"{JOBS} jobs")
        directory = Directory(OWN_NGINX, make_key(slow))
        jobs = directory.start_imports(JOBS, ROWS)
        eventually(lambda: len(slow.ready_pods("worker")) == 3, "three workers are ready", seconds=180)
        for job in jobs:
            assert directory.until_succeeded(job, seconds=900)["inserted"] == ROWS
        done = scene.mark("done")
        slow.until_ready("worker", 0, seconds=600)
        none = scene.mark("no worker")
    scene.assert_nothing_failed()
    for count in (1, 3):
        ready = scene.watch.first("worker ready", count, begun)
        scene.tell(f"queue until {count} of no workers are ready", ready, "s")
    scene.tell("queue until it is done", done - begun, "s")
    scene.tell("done until no worker is left", none - done, "s")


def test_a_running_job_keeps_its_worker_though_nothing_waits(stage: Release):
    directory = Directory(OWN_NGINX, make_key(stage))
    with taking_time(stage, STEP_SECONDS):
        job = directory.start_import(STEPS * 10_000)["id"]
        [pod] = eventually(lambda: stage.ready_pods("worker"), "a worker comes for it")

        assert directory.until_succeeded(job, seconds=600)["inserted"] == STEPS * 10_000

    assert uids(stage.ready_pods("worker")) == uids([pod]), "it was told to end, or another came"
    assert directory.job(job)["attempt"] == 1


def test_api_pods_come_for_requests_and_go_after_them(play: Play, stage: Release):
    plan = Plan.spike(
        2 * TARGET * 0.8, times=3, before=15, spike=60, after=LONGEST_SECONDS, may_shed=True, mix=NO_JOBS, fresh=FRESH
    )
    with play("step to 3x by KEDA", plan) as scene:
        pause(15)
        step = scene.mark("3x")
        pause(60)
        scene.mark("1x")
        stage.until_ready("api", 2, seconds=600)
        scene.mark("fewest")
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()
    ready = scene.watch.first("api ready", 4, step)
    scene.tell("step until the pods for it are ready", ready, "s")
    assert ready is not None, "KEDA brought no pods"
