"""Whatever crashes: nothing that was accepted is lost or doubled, and failures stay within what the docs say."""

import random
import time

import pytest

from support.release import Release
from support.scene import CALM_SECONDS, LONG, RATE, Play
from support.stage import kill_a_pod, nodes_for_pods, pause, replace, restart_node, until_whole

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: Seconds of a store or a node that nobody bears any more, however busy the machine is.
LONGEST_OUTAGE = 120

#: Seconds after which a database that is ready is one for every request.
SOON = 5

#: What was due so many seconds before a crash may still be in the hands of what crashes.
IN_HAND = 3

#: Seconds for which a killed API program's requests fail: those in its hands, and nobody else's.
THAT_MOMENT = 2

#: Kills of PostgreSQL, and the seconds that Kubernetes waits before it starts it again: none, 10, 20, 40, 80.
KILLS, BACK_OFF = (5, 150) if LONG else (2, 10)


def test_pods_killed_at_random(play: Play, stage: Release):
    """Fails what the killed API had in hand, of nginx what comes to it until it runs again, of a worker nothing."""
    dice = random.Random(1)
    kills = ["api", "worker", "api", "nginx"] * (5 if LONG else 1)
    outages = []
    with play("killed pods") as scene:
        pause(CALM_SECONDS)
        for component in kills:
            killed = scene.mark(f"kill {component}")
            kill_a_pod(stage, component, dice)
            dead = time.time()
            pause(CALM_SECONDS)
            until_whole(stage)
            if component == "api":
                outages.append((killed - IN_HAND, dead + THAT_MOMENT))
            elif component == "nginx":
                outages.append((killed - IN_HAND, time.time() + THAT_MOMENT))
        pause(CALM_SECONDS)
    scene.assert_served_beside(outages)
    scene.assert_bounded(requests=RATE * len(kills))


def test_without_the_cache(play: Play, stage: Release):
    """Redis away costs latency, and no answer."""
    with play("cache away") as scene:
        pause(CALM_SECONDS)
        scene.mark("cache away")
        stage.scale("statefulset", "redis-cache", 0)
        stage.until_ready("redis-cache", 0)
        pause(2 * CALM_SECONDS)
        scene.mark("cache back")
        stage.scale("statefulset", "redis-cache", 1)
        stage.until_ready("redis-cache", 1)
        pause(CALM_SECONDS)
    scene.assert_nothing_failed()


def test_a_broker_that_restarts(play: Play, stage: Release):
    """Jobs are accepted all the while, and all of them run."""
    with play("broker restarted") as scene:
        pause(CALM_SECONDS)
        scene.mark("broker killed")
        replace(stage, "redis-broker", at_once=True)
        scene.mark("broker ready")
        pause(2 * CALM_SECONDS)
    scene.assert_nothing_failed()


def test_a_database_that_restarts(play: Play, stage: Release):
    """While PostgreSQL is away the answer is 503 with Retry-After; what was accepted before is there after."""
    with play("database restarted") as scene:
        pause(CALM_SECONDS)
        deleted = scene.mark("database deleted")
        replace(stage, "postgresql")
        ready = scene.mark("database ready")
        pause(2 * CALM_SECONDS)
    scene.assert_served_beside([(deleted, ready + SOON)])
    scene.assert_bounded(requests=LONGEST_OUTAGE * RATE, seconds=30, only=["shed"])


def test_a_database_that_crashes(play: Play, stage: Release):
    """SIGKILL: PostgreSQL recovers from its log, and what it had said yes to is there."""
    dice = random.Random(2)
    outages = []
    with play("database killed") as scene:
        for _kill in range(KILLS):
            pause(2 * SOON)
            killed = scene.mark("database killed")
            kill_a_pod(stage, "postgresql", dice)
            pause(CALM_SECONDS)
            until_whole(stage)
            outages.append((killed, scene.mark("ready") + SOON))
        pause(2 * CALM_SECONDS)
    scene.assert_served_beside(outages)
    scene.assert_bounded(requests=(LONGEST_OUTAGE + BACK_OFF) * RATE, only=["shed"])


@pytest.mark.parametrize("with_database", [False, True])
def test_a_node_that_restarts(play: Play, stage: Release, with_database: bool):
    """Its pods' share of requests fails until it is back, or until Kubernetes sees that it is gone."""
    database = stage.pods("postgresql")[0].spec.node_name
    node = next(name for name in nodes_for_pods(stage) if (name == database) == with_database)
    with play("node of the database restarted" if with_database else "node restarted") as scene:
        pause(CALM_SECONDS)
        off = scene.mark(f"{node} off and on")
        restart_node(stage, node)
        ready = scene.mark("ready")
        pause(2 * CALM_SECONDS)
    scene.assert_served_beside([(off - IN_HAND, ready + SOON)])
    scene.assert_bounded(requests=LONGEST_OUTAGE * RATE, seconds=60)
