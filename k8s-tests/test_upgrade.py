"""`helm upgrade`, `rollback`, `uninstall`: what stands stays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from support.cluster import CommandFailed
from support.directory import Directory, make_key
from support.namespace import Namespace
from support.release import NO_AUTOSCALER, Release, uids
from support.waiting import eventually


@pytest.fixture(scope="module")
def steady(make_namespace: Callable[[str], Namespace]) -> Release:
    """The directory with numbers of pods that nobody else changes."""
    release = Release(make_namespace("steady"), "steady", NO_AUTOSCALER)
    release.install()
    return release


@pytest.fixture(scope="module")
def key(steady: Release) -> str:
    """A key that must stay good whatever happens to the release."""
    return make_key(steady)


@contextmanager
def client(release: Release, key: str) -> Iterator[Directory]:
    """A client of a release whose pods may just have been replaced."""
    with release.at_nginx() as url:
        directory = Directory(url, key)
        eventually(lambda: directory.get("/v1/users").status_code == 200, "the directory answers", seconds=30)
        yield directory


def secret(release: Release) -> dict[str, str]:
    """What the release's Secret holds."""
    found = release.namespace.cluster.core.read_namespaced_secret(release.fullname, release.namespace.name)
    return dict(found.data)


def test_an_upgrade_keeps_passwords_and_data_and_changes_what_it_was_told(steady: Release, key: str):
    with client(steady, key) as directory:
        user = directory.add_user()
    before, pods = secret(steady), uids(steady.pods("api"))

    steady.upgrade({**steady.values, "settings": {"LOG_LEVEL": "WARNING"}})

    assert secret(steady) == before
    assert pods.isdisjoint(uids(steady.until_ready("api", 2)))
    assert steady.exec("api", "printenv", "FLASK_SCALE_LOG_LEVEL").strip() == "WARNING"
    with client(steady, key) as directory:
        assert directory.get(f"/v1/users/{user['id']}").json() == user


def test_an_image_that_is_not_there_stops_nobody_and_a_rollback_takes_it_away(steady: Release, key: str):
    serving = uids(steady.ready_pods("api"))

    with pytest.raises(CommandFailed):
        steady.upgrade({**steady.values, "api": {"image": {"tag": "none"}}}, timeout="20s")

    assert uids(steady.ready_pods("api")) == serving
    with client(steady, key) as directory:
        assert directory.get("/v1/users").status_code == 200

    steady.rollback()

    assert uids(steady.until_ready("api", 2)) == serving
    assert steady.exec("api", "printenv", "FLASK_SCALE_LOG_LEVEL").strip() == "WARNING"
    with client(steady, key) as directory:
        directory.add_user()


def test_a_release_that_comes_again_finds_its_data(steady: Release, key: str):
    with client(steady, key) as directory:
        user = directory.add_user()
    before = secret(steady)

    steady.uninstall()

    names = [
        item.metadata.name for item in steady.namespace.cluster.core.list_namespaced_pod(steady.namespace.name).items
    ]
    assert [name for name in names if not name.endswith("-test")] == []
    steady.install()
    assert secret(steady) == before
    with client(steady, key) as directory:
        assert directory.get(f"/v1/users/{user['id']}").json() == user
        result = directory.until_succeeded(directory.start_import(10)["id"])
        assert result["inserted"] == 10
