"""Redis and PostgreSQL of the user's own, and three API pods that start on an empty database."""

from collections.abc import Callable

import pytest

from support.directory import Directory, make_key
from support.namespace import Namespace
from support.pods import pod, service
from support.release import NO_AUTOSCALER, Release

PASSWORD = "p@ss/w:rd"
ENCODED = "p%40ss%2Fw%3Ard"

VALUES = {
    **NO_AUTOSCALER,
    "settings": {"WORKERS": 2},
    "api": {"replicaCount": 3},
    "redis": {"enabled": False},
    "externalRedis": {"existingSecret": "stores"},
    "postgresql": {"enabled": False},
    "externalPostgresql": {"existingSecret": "stores", "maxConnections": 300},
}


@pytest.fixture(scope="module")
def release(make_namespace: Callable[[str], Namespace]) -> Release:
    """The directory on stores that the chart did not make."""
    namespace = make_namespace("external")
    redis = {"image": "redis:8", "args": ["redis-server", "--requirepass", PASSWORD, "--save", ""]}
    variables = {"POSTGRES_USER": "owner", "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "shop", "PGDATA": "/tmp/data"}
    environ = [{"name": name, "value": value} for name, value in variables.items()]
    postgres = {"image": "postgres:17", "args": ["-c", "max_connections=300", "-k", "/tmp"], "env": environ}
    urls = {
        "broker-url": f"redis://:{ENCODED}@my-redis:6379/0",
        "cache-url": f"redis://:{ENCODED}@my-redis:6379/1",
        "database-url": f"postgresql://owner:{ENCODED}@my-postgres:5432/shop",
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "stores"}, "stringData": urls}
    namespace.apply(
        *(pod("my-redis", redis, user=999), service("my-redis", 6379)),
        *(pod("my-postgres", postgres, user=999), service("my-postgres", 5432)),
        secret,
    )
    release = Release(namespace, "external", VALUES)
    release.install()
    return release


def test_one_kubernetes_job_migrates_and_three_api_pods_wait_for_it(release: Release):
    api, migrate = release.pods("api"), release.pods("migrate")

    assert len(api) == 3
    assert [item.status.phase for item in migrate] == ["Succeeded"]
    migrated = migrate[0].status.container_statuses[0].state.terminated.finished_at
    for item in api:
        ready = next(condition for condition in item.status.conditions if condition.type == "Ready")
        assert ready.last_transition_time >= migrated
        assert item.status.container_statuses[0].restart_count == 0


def test_it_works_on_them_and_makes_none_of_its_own(release: Release):
    assert {item.metadata.labels["app.kubernetes.io/component"] for item in release.pods()} == {
        "nginx",
        "api",
        "worker",
        "migrate",
    }
    with release.at_nginx() as url:
        directory = Directory(url, make_key(release))
        user = directory.add_user()
        assert directory.get(f"/v1/users/{user['id']}").json() == user
        assert directory.until_succeeded(directory.start_import(500)["id"])["inserted"] == 500
        directory.get("/v1/statistics/sign-ups?from=2024-01-01&to=2024-12-31&interval=month")
    line = 'redis-cli --no-auth-warning -a "$0" -n 1 DBSIZE'
    assert int(release.namespace.kubectl("exec", "my-redis", "--", "sh", "-c", line, PASSWORD)) > 0


def test_migrations_in_a_hook_run_before_the_upgrade(release: Release):
    release.upgrade({**VALUES, "api": {"replicaCount": 1}, "migrations": {"mode": "hook"}})

    assert len(release.until_ready("api", 1)) == 1
    hooks = release.namespace.helm("get", "hooks", release.name)
    assert "pre-upgrade" in hooks
