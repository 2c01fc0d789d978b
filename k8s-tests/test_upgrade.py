"""`helm upgrade`, `rollback`, `uninstall`: what stands stays."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.cluster import CommandFailed
from support.directory import Directory, make_key
from support.release import Release
from support.waiting import eventually


@pytest.fixture(scope="module")
def key(bare: Release) -> str:
    """A key that must stay good whatever happens to the release."""
    return make_key(bare)


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


def test_an_upgrade_keeps_passwords_and_data_and_changes_what_it_was_told(bare: Release, key: str):
    with client(bare, key) as directory:
        user = directory.add_user()
    before, pods = secret(bare), {pod.metadata.uid for pod in bare.pods("api")}

    bare.upgrade({"settings": {"LOG_LEVEL": "WARNING"}})

    assert secret(bare) == before
    assert pods.isdisjoint(pod.metadata.uid for pod in bare.until_ready("api", 2))
    assert bare.exec("api", "printenv", "FLASK_SCALE_LOG_LEVEL").strip() == "WARNING"
    with client(bare, key) as directory:
        assert directory.get(f"/v1/users/{user['id']}").json() == user


def test_an_image_that_is_not_there_stops_nobody_and_a_rollback_takes_it_away(bare: Release, key: str):
    serving = {pod.metadata.uid for pod in bare.ready_pods("api")}

    with pytest.raises(CommandFailed):
        bare.upgrade({"api": {"image": {"tag": "none"}}}, timeout="20s")

    assert {pod.metadata.uid for pod in bare.ready_pods("api")} == serving
    with client(bare, key) as directory:
        assert directory.get("/v1/users").status_code == 200

    bare.rollback()

    assert {pod.metadata.uid for pod in bare.until_ready("api", 2)} == serving
    assert bare.exec("api", "printenv", "FLASK_SCALE_LOG_LEVEL").strip() == "WARNING"
    with client(bare, key) as directory:
        directory.add_user()


def test_a_release_that_comes_again_finds_its_data(bare: Release, key: str):
    with client(bare, key) as directory:
        user = directory.add_user()
    before = secret(bare)

    bare.uninstall()

    names = [item.metadata.name for item in bare.namespace.cluster.core.list_namespaced_pod(bare.namespace.name).items]
    assert [name for name in names if not name.endswith("-test")] == []
    bare.install()
    assert secret(bare) == before
    with client(bare, key) as directory:
        assert directory.get(f"/v1/users/{user['id']}").json() == user
        result = directory.until_succeeded(directory.start_import(10)["id"])
        assert result["inserted"] == 10
