"""The migrations: when they run anew, that Kubernetes takes each upgrade, and that what they need is there."""

import pytest

from tests.chart.cases import CASES, SECRETS, rendered
from tests.chart.support import merge, refused, render

FIXED = {"redis": {"auth": {"password": "a"}}, "postgresql": {"auth": {"password": "a"}}}
OWN_DATABASE = {"postgresql": {"enabled": False}, "externalPostgresql": {"existingSecret": "my-database"}}


def migration(values):
    return render(values).component("Job", "migrate")


def url(name):
    return {"postgresql": {"enabled": False}, "externalPostgresql": {"url": f"postgresql://u:p@{name}.example/app"}}


@pytest.mark.parametrize(
    "change",
    [
        {"api": {"image": {"tag": "9"}}},
        {"api": {"image": {"digest": "sha256:" + "0" * 64}}},
        {"global": {"imageRegistry": "images.example.com"}},
        {"migrations": {"args": ["migrate", "--verbose"]}},
        {"migrations": {"path": "elsewhere"}},
        {"migrations": {"resources": {"limits": {"memory": "1Gi"}}}},
        {"api": {"env": [{"name": "COLOUR", "value": "blue"}]}},
        OWN_DATABASE,
    ],
)
def test_what_the_migrations_run_is_in_their_name(change):
    assert migration(FIXED)["metadata"]["name"] != migration(merge(FIXED, change))["metadata"]["name"]


def test_another_database_is_migrated_too():
    first, second = (migration(url(name)) for name in ("db", "db2"))
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert first["spec"]["template"] == second["spec"]["template"]


@pytest.mark.parametrize(
    "change",
    [
        {"api": {"resources": {"limits": {"memory": "2Gi"}}, "replicaCount": 5, "args": ["serve", "shop:app"]}},
        {"api": {"podAnnotations": {"a": "b"}, "podLabels": {"a": "b"}, "preStopSeconds": 5, "minReadySeconds": 9}},
        {"worker": {"image": {"tag": "9"}, "settings": {"WORKER_CONCURRENCY": 3}}},
        {"autoscaling": {"provider": "hpa"}},
        {"migrations": {"backoffLimit": 1, "activeDeadlineSeconds": 60}},
        {"redis": {"auth": {"password": "b"}}},
        {"redis": {"auth": {"existingSecret": "my-redis"}}},
        {"postgresql": {"auth": {"password": "b"}, "resources": {"limits": {"memory": "2Gi"}}}},
        {"nginx": {"enabled": False}},
        {"networkPolicy": {"enabled": False}},
    ],
)
def test_what_is_not_theirs_runs_no_migrations(change):
    assert migration(FIXED)["metadata"]["name"] == migration(merge(FIXED, change))["metadata"]["name"]


def test_one_name_has_one_pod_in_every_case():
    """Kubernetes refuses a change of a Job's pod: an upgrade with one would fail."""
    pods = {}
    for case in CASES:
        for job in rendered(case).of("Job"):
            name, pod = job["metadata"]["name"], job["spec"]["template"]
            assert pods.setdefault(name, pod) == pod or "helm.sh/hook" in job["metadata"].get("annotations", {}), case
    assert len(pods) > 5


def test_they_know_the_database_alone():
    for values in (FIXED, OWN_DATABASE, SECRETS):
        container = migration(values)["spec"]["template"]["spec"]["containers"][0]
        urls = {entry["name"] for entry in container["env"] if entry["name"].endswith("_URL")}
        assert urls == {"FLASK_SCALE_DATABASE_URL"}


@pytest.mark.parametrize("values", [OWN_DATABASE, SECRETS])
def test_a_hook_needs_nothing_that_the_release_brings(values):
    objects = render(merge(values, {"migrations": {"mode": "hook"}}))
    text = str(objects.component("Job", "migrate")["spec"])
    brought = {item["metadata"]["name"] for item in objects if item["kind"] in ("Secret", "ConfigMap", "Service")}
    assert not [name for name in brought if f"'{name}'" in text]


def test_a_hook_takes_the_place_of_the_one_before():
    """Helm keeps a hook's objects, and deletes one before the next of the same name."""
    jobs = [migration(merge(SECRETS, {"migrations": {"mode": "hook"}, "api": {"image": {"tag": tag}}})) for tag in "12"]
    assert jobs[0]["metadata"]["name"] == jobs[1]["metadata"]["name"]
    assert jobs[0]["metadata"]["annotations"]["helm.sh/hook-delete-policy"] == "before-hook-creation"


def test_a_hook_of_a_url_in_the_values_is_refused():
    message = refused(merge(url("db"), {"migrations": {"mode": "hook"}}))
    assert "externalPostgresql.existingSecret" in message
