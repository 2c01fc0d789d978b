"""Scenes in which one safeguard of the chart alone stands between what an operator does and the clients."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from kubernetes.client import V1Pod

from support.cluster import CommandFailed
from support.flaw import DIES_WHEN_READY, SLOW_TO_START, flawed
from support.release import Release, uids
from support.scene import CALM_SECONDS, FRESH, LONG, LONGEST_SECONDS, RATE, Play
from support.stage import drained, nodes_for_pods, pause, roll_out, standing_still
from tests.chart.support import merge
from tests.load.history import POSTS
from tests.load.outage import Outage
from tests.load.plan import Plan

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]


#: What an API pod that is told to end serves on by while proxies learn of it, without the other.
ALONE: dict[str, dict[str, Any]] = {
    "drain": {"api": {"preStopSeconds": 0}},
    "preStop": {"settings": {"DRAIN_SECONDS": 0}},
}


#: Of a request that is cut off, nobody but whoever sent a POST hears: nginx asks another pod where it was a GET.
POSTS_ALONE = Plan.steady(RATE, LONGEST_SECONDS, mix={"create_user": 1}, fresh=FRESH)

#: What a third pod beside two can have in hand, as a share.
ONE_OF_THREE = 1 / 3

#: So many that a safeguard that is missed shows more than once.
TIMES = 8 if LONG else 4

#: Long enough for an API that ends at once to have done so, and shorter than its drain.
LEAVING_SECONDS = 1.5


#: Longer than an API that is set up wrongly keeps a connection, with its next look at them a second later.
STILL_SECONDS = 3


@pytest.fixture(params=ALONE)
def leaving_by(stage: Release, request: pytest.FixtureRequest) -> Iterator[str]:
    """Which of the two is left."""
    stage.upgrade(merge(stage.values, ALONE[request.param]))
    yield request.param
    stage.upgrade()


def test_pods_that_leave_by_one_of_their_two_ways(play: Play, stage: Release, leaving_by: str):
    """By preStop, or by the API's own drain: where a SIGTERM comes without the hook, it stands alone.

    The first moment of their end is nginx's as well: it goes on before it hears who left, as in the last scene.
    """
    with play(f"leaving by {leaving_by}", POSTS_ALONE) as scene:
        for number in range(1, TIMES + 1):
            pause(CALM_SECONDS)
            scene.mark(f"delete {number}")
            with standing_still(stage, "nginx"):
                stage.delete_pod(stage.ready_pods("api")[0])
                pause(LEAVING_SECONDS)
            stage.until_ready("api", 2)
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


def test_nginx_pods_that_leave_under_new_connections(play: Play, stage: Release):
    """By preStop: until each node knows that it leaves, connections are made to it."""
    with play("nginx leaves", replace(POSTS_ALONE, fresh=1.0)) as scene:
        for number in range(1, TIMES + 1):
            pause(CALM_SECONDS)
            scene.mark(f"rollout {number}")
            roll_out(stage, "nginx")
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


@pytest.fixture
def slow(stage: Release) -> Iterator[Release]:
    """The directory as an app that takes long to start."""
    stage.upgrade(flawed(stage, "slow", SLOW_TO_START))
    yield stage
    stage.upgrade()


def test_a_lone_pod_that_is_slow_to_start_is_replaced(play: Play, slow: Release):
    """By maxUnavailable 0: the old one serves until the new one does."""
    slow.scale("deployment", "api", 1)
    slow.until_ready("api", 1)
    with play("slow rollout") as scene:
        pause(CALM_SECONDS)
        scene.mark("rollout")
        roll_out(slow, "api")
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


def test_a_node_with_every_pod_is_drained_though_they_are_slow_to_start(play: Play, slow: Release):
    """By the PodDisruptionBudget: one after the other leaves."""
    first, second = nodes_for_pods(slow)
    with play("slow drain") as scene:
        scene.mark(f"drain {first}")
        with drained(slow, first):
            slow.until_ready("api", 2)
        pause(CALM_SECONDS)
        scene.mark(f"drain {second}")
        with drained(slow, second):
            slow.until_ready("api", 2)
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


@pytest.fixture
def dying(stage: Release) -> Iterator[Mapping[str, Any]]:
    """Values of a version that dies soon after it is ready."""
    yield flawed(stage, "dies", DIES_WHEN_READY)
    stage.upgrade()


def test_a_version_that_dies_soon_after_it_is_ready_replaces_nobody(
    play: Play, stage: Release, dying: Mapping[str, Any]
):
    """By minReadySeconds."""
    serving = uids(stage.until_ready("api", 2))
    with play("early death") as scene:
        pause(CALM_SECONDS)
        begun = scene.mark("upgrade")
        with suppress(CommandFailed):  # what is there then tells whether it was held up
            stage.upgrade(dying, timeout="60s")
        stays = uids(stage.ready_pods("api")) >= serving
        died = [pod for pod in stage.pods("api") if pod.metadata.uid not in serving and restarts(pod)]
        scene.mark("rollback")
        stage.rollback()
        ended = time.time()
        pause(CALM_SECONDS)
    # What such a pod has in hand when it dies is cut off.
    assert stays, "pods that served were given up for it"
    assert died, "the new version was to die"
    taken = Outage(begun, ended, events=("fail", "unknown"), kinds=POSTS, share=ONE_OF_THREE)
    scene.assert_served_but(taken, seconds=ended - begun)


def restarts(pod: V1Pod) -> int:
    """How often its containers were started again."""
    return sum(status.restart_count for status in pod.status.container_statuses or [])


def test_requests_that_come_while_nginx_stands_still(play: Play, stage: Release):
    """By nginx, which closes idle connections before the API does.

    What comes meanwhile is there when it goes on, before it hears which connections the API gave up: a POST that it
    sends on one of these has no second try.
    """
    with play("nginx stands still", POSTS_ALONE) as scene:
        for number in range(1, 11 if LONG else 4):
            pause(CALM_SECONDS)
            scene.mark(f"stands still {number}")
            with standing_still(stage, "nginx"):
                pause(STILL_SECONDS)
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()
