"""Redis and PostgreSQL pods go, and come back with all that was theirs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.directory import Directory
from support.release import Release
from support.stage import replace
from support.waiting import eventually


@pytest.mark.parametrize("at_once", [False, True], ids=["stopped", "killed"])
def test_postgresql_comes_back_with_every_row(release: Release, directory: Directory, at_once: bool):
    users = [directory.add_user() for _ in range(50)]

    replace(release, "postgresql", at_once=at_once)

    eventually(lambda: directory.get(f"/v1/users/{users[0]['id']}").status_code == 200, "the API has its database")
    for user in users:
        assert directory.get(f"/v1/users/{user['id']}").json() == user
    assert directory.until_succeeded(directory.start_import(100)["id"])["inserted"] == 100


@pytest.mark.parametrize("at_once", [False, True], ids=["stopped", "killed"])
def test_the_broker_comes_back_with_its_messages(release: Release, directory: Directory, at_once: bool):
    with without(release, "deployment", "worker", 2):
        waiting = queued(release)
        jobs = [directory.start_import(10)["id"] for _ in range(5)]
        eventually(lambda: queued(release) == waiting + 5, "five messages wait")
        time.sleep(2)  # appendfsync everysec: what is older than a second is on the disk

        replace(release, "redis-broker", at_once=at_once)

        assert queued(release) >= waiting + 5
        jobs.append(directory.start_import(10)["id"])
    for job in jobs:
        assert directory.until_succeeded(job)["inserted"] == 10
    release.until_ready("worker", 2)


def test_without_its_cache_the_api_goes_on_and_uses_the_next_one(release: Release, directory: Directory):
    path = "/v1/statistics/sign-ups?from=2024-01-01&to=2024-12-31&interval=month"
    right = directory.get(path).json()
    with without(release, "statefulset", "redis-cache", 1):
        assert directory.get(path).json() == right
        assert directory.get("/v1/statistics/sign-ups?from=2023-01-01&to=2024-12-31&interval=day").status_code == 200

    release.until_ready("redis-cache", 1)
    eventually(lambda: fills(release, directory), "what is computed is kept in the new cache")


@contextmanager
def without(release: Release, workload: str, component: str, count: int) -> Iterator[None]:
    """No pod of a component while in it, `count` of them after."""
    try:
        release.scale(workload, component, 0)
        release.until_ready(component, 0)
        yield
    finally:
        release.scale(workload, component, count)


def queued(release: Release) -> int:
    """How many messages wait at the broker."""
    return int(release.redis("redis-broker", "LLEN", "default"))


def fills(release: Release, directory: Directory) -> bool:
    """Whether an answer that nobody asked for yet leaves a key in Redis."""
    days = int(release.redis("redis-cache", "DBSIZE")) + 1
    directory.get(f"/v1/statistics/sign-ups?from=2022-01-01&to=2022-03-{days:02}&interval=day")
    return int(release.redis("redis-cache", "DBSIZE")) > 0
