"""Whatever crashes: nothing that was accepted is lost or doubled, and failures stay within what the docs say."""

import random
import time

import pytest

from support.release import Release
from support.scene import CALM_SECONDS, LONG, Play
from support.stage import (
    kill_a_pod,
    nodes_for_pods,
    nodes_of,
    pause,
    replace,
    restart_node,
    roll_out,
    until_runs_again,
    until_whole,
)
from tests.load.history import POSTS
from tests.load.outage import Outage

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(2400)]

#: Seconds after which what is ready is there for every request.
SOON = 5

#: What was due so many seconds before a crash may still be in the hands of what crashes.
IN_HAND = 3

#: Seconds for which a program that is killed takes requests with it.
THAT_MOMENT = 2

#: Of two pods that share the connections, one takes at most its own with it.
ONE_OF_TWO = 0.5

#: Kills of PostgreSQL; before it starts it again, Kubernetes waits 0, 10, 20, 40, 80 seconds.
KILLS = 5 if LONG else 2


def test_pods_killed_at_random(play: Play, stage: Release):
    """Fails what a killed API had in hand but GETs, what comes to an nginx until it runs again, of a worker nothing."""
    dice = random.Random(1)
    outages = []
    with play("killed pods") as scene:
        pause(CALM_SECONDS)
        for component in ["api", "worker", "api", "nginx"] * (5 if LONG else 1):
            begun = scene.mark(f"kill {component}") - IN_HAND
            killed = kill_a_pod(stage, component, dice)
            dead = time.time()
            runs = until_runs_again(stage, killed, component)
            if component == "api":
                ended = dead + THAT_MOMENT
                outages.append(Outage(begun, ended, events=("fail", "unknown"), kinds=POSTS, share=ONE_OF_TWO))
            elif component == "nginx":
                ended = runs + THAT_MOMENT
                outages.append(Outage(begun, ended, share=ONE_OF_TWO))
            pause(CALM_SECONDS)
            until_whole(stage)
        pause(CALM_SECONDS)
    scene.assert_served_but(*outages, seconds=5)


def test_without_the_cache(play: Play, stage: Release):
    """Redis away costs latency, and no answer."""
    with play("cache away") as scene:
        pause(CALM_SECONDS)
        scene.mark("cache away")
        stage.scale("statefulset", "redis-cache", 0)
        try:
            stage.until_ready("redis-cache", 0)
            pause(2 * CALM_SECONDS)
        finally:
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
    outage = Outage(deleted - IN_HAND, ready + SOON, events=("shed",))
    scene.assert_served_but(outage, seconds=10)
    scene.assert_each_was_felt(outage)


def test_a_database_that_crashes(play: Play, stage: Release):
    """SIGKILL: PostgreSQL recovers from its log, and what it had said yes to is there."""
    dice = random.Random(2)
    outages = []
    with play("database killed") as scene:
        for _kill in range(KILLS):
            pause(2 * SOON)
            killed = scene.mark("database killed")
            until_runs_again(stage, kill_a_pod(stage, "postgresql", dice), "postgresql")
            pause(CALM_SECONDS)
            until_whole(stage)
            outages.append(Outage(killed - IN_HAND, scene.mark("ready") + SOON, events=("shed",)))
        pause(2 * CALM_SECONDS)
    scene.assert_served_but(*outages, seconds=110 if LONG else 25)
    scene.assert_each_was_felt(*outages)


def spread(release: Release) -> None:
    """Let the pods of API and nginx stand on two nodes, as after a rollout; those left of more may share one."""
    for component in ("api", "nginx"):
        if len(nodes_of(release, component)) == 1:
            roll_out(release, component)
        assert len(nodes_of(release, component)) == 2, f"both pods of {component} share a node"


@pytest.mark.parametrize("with_database", [False, True])
def test_a_node_that_restarts(play: Play, stage: Release, with_database: bool):
    """Its pods' share of requests fails until it is back, or until Kubernetes sees that it is gone."""
    spread(stage)
    database = stage.pods("postgresql")[0].spec.node_name
    node = next(name for name in nodes_for_pods(stage) if (name == database) == with_database)
    with play("node of the database restarted" if with_database else "node restarted") as scene:
        pause(CALM_SECONDS)
        off = scene.mark(f"{node} off and on")
        restart_node(stage, node)
        ready = scene.mark("ready")
        pause(2 * CALM_SECONDS)
    begun, ended = off - IN_HAND, ready + SOON
    cut_off = Outage(begun, ended, events=("fail", "unknown"), share=ONE_OF_TWO)
    outages = [cut_off, Outage(begun, ended, events=("shed",))] if with_database else [cut_off]
    scene.assert_served_but(*outages, seconds=45)
    scene.assert_each_was_felt(*outages)
