"""The autoscalers follow real load by themselves, and what they take away fails nobody."""

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import ApiException

from support.directory import Directory, make_key
from support.release import OWN_NGINX, Release, uids
from support.scale_up import TOLERANCE, metric, scale_up
from support.scene import CALM_SECONDS, FRESH, LONG, LONGEST_SECONDS, Play
from support.slow import taking_time
from support.stage import drained, nodes_for_pods, pause, until_whole, with_two_of_each
from support.waiting import eventually
from tests.chart.support import merge
from tests.load.plan import Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: Requests a second of one API pod that the autoscaler aims at. Small: nodes, stores and client share one machine,
#: which has to bear three times the load and the start of the pods for it.
TARGET = 3

#: How near the load before the step is to the target: so near that three times as much needs the most pods.
CALM_SHARE = 0.95

#: Requests a second of one pod that it aims at where no value says so, and how much more two of them get.
DEFAULT_TARGET = 100
DEFAULT_SHARE = 1.25

#: Requests that so many of a second leave room for the pods that they bring.
CHEAP = {"statistics": 0.98, "create_user": 0.02}

#: New users of each job.
ROWS = 200

#: Jobs in the queue at once, and how many of them a worker is to have before it.
JOBS = 2000 if LONG else 200
DEPTH = 20

#: Workers that the queue is to bring.
MOST_WORKERS = 4

#: Jobs for a moment: no reason for more workers but that they wait.
SOME_JOBS = 60

VALUES: dict[str, Any] = {
    "settings": {"WORKERS": 1},
    "autoscaling": {"provider": "hpa"},
    "api": {
        "autoscaling": {
            "minReplicas": 2,
            "maxReplicas": 6,
            "requestsPerSecond": TARGET,
            "cpuPercent": 0,
            "scaleDownStabilizationSeconds": 30,
        },
        "resources": {"requests": {"cpu": "50m"}},
    },
    "worker": {
        "autoscaling": {"minReplicas": 1, "maxReplicas": MOST_WORKERS, "queueDepth": DEPTH, "cpuPercent": 0},
        "resources": {"requests": {"cpu": "50m"}},
    },
}
FEWEST = {"api": 2, "worker": 1}

#: What decides where the rate of requests and the depth of the queue do not: whose pods it brings, by which values.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "in-flight use": (
        "api",
        {"settings": {"MAX_IN_FLIGHT": 10}, "api": {"autoscaling": {"requestsPerSecond": 0, "inFlightPercent": 10}}},
    ),
    "CPU": ("api", {"api": {"autoscaling": {"requestsPerSecond": 0, "inFlightPercent": 0, "cpuPercent": 60}}}),
    "oldest age": ("worker", {"worker": {"autoscaling": {"queueDepth": 0, "oldestAgeSeconds": 3}}}),
}


@pytest.fixture(scope="module")
def scaled(release: Release, without_bare: None) -> Iterator[Release]:
    """The directory with autoscalers; only one release of a cluster can bring the custom metrics API."""
    release.upgrade({**release.values, **VALUES})
    eventually(lambda: is_served(release), "the adapter serves", seconds=120)
    yield release
    with_two_of_each(release)


@pytest.fixture
def stage(scaled: Release) -> Release:
    """That, with the fewest pods."""
    eventually(lambda: wanted(scaled) == FEWEST, "the fewest pods", seconds=600)
    for component, count in FEWEST.items():
        scaled.until_ready(component, count)
    return scaled


@pytest.fixture
def slow_imports(stage: Release) -> Iterator[None]:
    """Jobs that take time, and not the machine: nor do more API pods, which the requests that bring them would call."""
    bound_api(stage, FEWEST["api"])
    with taking_time(stage, 1):
        yield
    bound_api(stage, VALUES["api"]["autoscaling"]["maxReplicas"])


@pytest.fixture
def slow_users(stage: Release) -> Iterator[None]:
    """Every new user takes time, and every import: requests stay in flight, jobs in the queue."""
    with taking_time(stage, 1, over=0):
        yield


def bound_api(release: Release, most: int) -> None:
    """Let the API's autoscaler have so many pods."""
    patch = json.dumps({"spec": {"maxReplicas": most}})
    release.namespace.kubectl("patch", "hpa", f"{release.fullname}-api", "--patch", patch)


def is_served(release: Release) -> bool:
    """Whether the API server has the metrics by now."""
    try:
        return bool(metric(release, "pods/*/http_requests_per_second"))
    except ApiException:
        return False


def wanted(release: Release) -> dict[str, int]:
    """How many pods the autoscalers want, by component."""
    found = release.namespace.cluster.autoscaling.list_namespaced_horizontal_pod_autoscaler(release.namespace.name)
    return {item.metadata.name.rpartition("-")[2]: item.status.desired_replicas or 0 for item in found.items}


def until_it_brings_one(release: Release, component: str) -> None:
    """Wait until more than the fewest pods of a component are ready."""
    brought = f"one more {component} is ready"
    eventually(lambda: len(release.ready_pods(component)) > FEWEST[component], brought, seconds=180)


def succeeded_more_than_once(release: Release) -> int:
    """How many jobs of the database have; no user of an import is there twice, which `inserted` tells."""
    again = "SELECT job_id FROM job_events WHERE event = 'succeeded' GROUP BY job_id HAVING count(*) > 1"
    return int(release.sql(f"SELECT count(*) FROM ({again}) AS again"))


def test_a_queue_of_jobs(play: Play, stage: Release, slow_imports: None):
    with play("queue of jobs", Plan.steady(5, LONGEST_SECONDS)) as scene:
        pause(CALM_SECONDS)
        begun = scene.mark(f"{JOBS} jobs")
        directory = Directory(OWN_NGINX, make_key(stage))
        jobs = directory.start_imports(JOBS, ROWS)
        stage.until_ready("worker", MOST_WORKERS)
        for job in jobs:
            assert directory.until_succeeded(job, seconds=900)["inserted"] == ROWS
        done = scene.mark("done")
        stage.until_ready("worker", FEWEST["worker"], seconds=600)
        one_left = scene.mark("1 worker")
    scene.assert_nothing_failed()
    assert succeeded_more_than_once(stage) == 0
    scene.tell(
        "queue until more workers are wanted", scene.watch.first("worker wanted", FEWEST["worker"] + 1, begun), "s"
    )
    scene.at_most("queue until four workers are ready", scene.watch.first("worker ready", MOST_WORKERS, begun), "s", 30)
    scene.tell("queue until it is done", done - begun, "s")
    scene.tell("done until one worker is left", one_left - done, "s")


def test_a_step_to_three_times_the_load(play: Play, stage: Release):
    calm, spike = (30, 120) if LONG else (15, 50)
    rate = FEWEST["api"] * TARGET * CALM_SHARE
    needed = math.ceil(3 * rate / (TARGET * TOLERANCE))
    plan = Plan.spike(rate, times=3, before=calm, spike=spike, after=LONGEST_SECONDS, may_shed=True, fresh=FRESH)
    with play("step to 3x", plan) as scene, scale_up(stage, over=TARGET) as seen:
        pause(calm)
        step = scene.mark("3x")
        pause(spike)
        stages = seen.stages(step, needed - FEWEST["api"])
        lower = scene.mark("1x")
        stage.until_ready("api", FEWEST["api"], seconds=300)
        fewest = scene.mark("fewest")
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()
    scene.tell("step until more pods are wanted", scene.watch.first("api wanted", FEWEST["api"] + 1, step), "s")
    scene.tell("step until all that are needed are wanted", scene.watch.first("api wanted", needed, step), "s")
    for name, seconds in stages.items():
        scene.tell(f"step until {name}", seconds, "s")
    ready = scene.watch.first("api ready", needed, step)
    scene.at_most("step until the pods for it are ready", ready, "s", 30)
    scene.tell("end of the step until the fewest pods are left", fewest - lower, "s")
    assert ready is not None, "the autoscaler brought no pods"


def test_what_no_value_was_given_for_brings_pods(play: Play, stage: Release):
    """At the chart's own target: more requests than two pods are meant for, of a kind that costs little."""
    stage.upgrade({**stage.values, "autoscaling": VALUES["autoscaling"]})
    stage.until_ready("api", FEWEST["api"], seconds=600)
    plan = Plan.steady(FEWEST["api"] * DEFAULT_TARGET * DEFAULT_SHARE, LONGEST_SECONDS, mix=CHEAP)
    with play("default values", plan) as scene:
        begun = scene.mark("load")
        until_it_brings_one(stage, "api")
        pause(CALM_SECONDS)
    stage.upgrade({**stage.values, **VALUES})
    scene.assert_nothing_failed()
    scene.tell("load until one more is ready", scene.watch.first("api ready", FEWEST["api"] + 1, begun), "s")


def test_an_upgrade_of_every_tier_and_a_drain_while_it_scales_itself(play: Play, stage: Release):
    rate = FEWEST["api"] * TARGET * CALM_SHARE
    plan = Plan.spike(rate, times=2, before=CALM_SECONDS, spike=LONGEST_SECONDS, after=1, fresh=FRESH)
    annotated = {component: {"podAnnotations": {"upgraded": "1"}} for component in ("api", "nginx", "worker")}
    with play("upgrade while it scales", plan) as scene:
        pause(CALM_SECONDS)
        step = scene.mark("2x")
        until_it_brings_one(stage, "api")
        before = uids(stage.pods("api"))
        upgrade = scene.mark("upgrade")
        stage.upgrade(merge(stage.values, VALUES, annotated))
        eventually(lambda: not before & uids(stage.pods("api")), "it has replaced every pod", seconds=180)
        until_whole(stage)
        drain = scene.mark("drain")
        with drained(stage, nodes_for_pods(stage)[0]):
            pause(CALM_SECONDS)
    stage.upgrade({**stage.values, **VALUES})
    scene.assert_nothing_failed()
    samples = [values for at, values in scene.watch.samples if upgrade < at < drain]
    ready = [values["api ready"] for values in samples if "api ready" in values]
    assert min(ready) > FEWEST["api"], "the upgrade took away what the autoscaler had brought"
    scene.tell("step until one more is ready", scene.watch.first("api ready", FEWEST["api"] + 1, step), "s")


@pytest.mark.parametrize("decider", OTHERS)
def test_each_other_metric_brings_pods_by_itself(play: Play, stage: Release, slow_users: None, decider: str):
    component, values = OTHERS[decider]
    stage.upgrade(merge(stage.values, VALUES, values))
    stage.until_ready(component, FEWEST[component])  # without what the rollout had beside them
    with play(f"scaled by {decider}") as scene:
        begun = scene.mark(decider)
        Directory(OWN_NGINX, make_key(stage)).start_imports(SOME_JOBS, ROWS)
        until_it_brings_one(stage, component)
        pause(CALM_SECONDS)
    stage.upgrade({**stage.values, **VALUES})
    scene.assert_nothing_failed()
    scene.tell(
        f"until {component} has one more", scene.watch.first(f"{component} ready", FEWEST[component] + 1, begun), "s"
    )
