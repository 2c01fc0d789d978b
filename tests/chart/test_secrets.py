"""Passwords on a cluster that has some: kept, never made anew over a database, and told apart from a person's own."""

import base64

import pytest

from tests.chart.cases import CASES
from tests.chart.live import render_on
from tests.chart.support import NAMESPACE, Refused, merge, render, template

NAME = "shop-flask-scale"
OWN = {"redis": {"auth": {"existingSecret": "mine"}}, "postgresql": {"auth": {"existingSecret": "mine"}}}
EXTERNAL = {
    "redis": {"enabled": False},
    "externalRedis": {"existingSecret": "mine"},
    "postgresql": {"enabled": False},
    "externalPostgresql": {"existingSecret": "mine"},
}


def secret(name, **data):
    encoded = {key.replace("_", "-"): base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": encoded}


def passwords(objects):
    data = objects.component("Secret", "connections")["data"]
    return {key: base64.b64decode(data[key]).decode() for key in ("redis-password", "postgresql-password")}


def refused_on(live, values):
    with pytest.raises(Refused) as caught:
        render_on(live, values)
    return str(caught.value)


STORED = secret(NAME, redis_password="old-redis", postgresql_password="old-postgresql")
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": f"data-{NAME}-postgresql-0", "namespace": NAMESPACE},
}
DATABASE = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": f"{NAME}-postgresql"}}


def test_an_upgrade_keeps_the_passwords():
    assert passwords(render_on([STORED, VOLUME])) == {
        "redis-password": "old-redis",
        "postgresql-password": "old-postgresql",
    }


def test_an_install_makes_passwords_of_its_own():
    first, second = passwords(render_on([])), passwords(render_on([]))
    assert len({*first.values(), *second.values()}) == 4


def test_another_password_is_refused_where_a_database_has_one_and_taken_elsewhere():
    values = {"redis": {"auth": {"password": "new-redis"}}, "postgresql": {"auth": {"password": "new"}}}
    for there in (VOLUME, DATABASE):
        message = refused_on([STORED, there], values)
        assert "postgresql.auth.password" in message
        assert "ALTER ROLE" in message
    assert passwords(render_on([STORED], values)) == {"redis-password": "new-redis", "postgresql-password": "new"}
    same = {"postgresql": {"auth": {"password": "old-postgresql"}}}
    assert passwords(render_on([STORED, VOLUME], same))["postgresql-password"] == "old-postgresql"


@pytest.mark.parametrize("there", [VOLUME, DATABASE], ids=["volume", "StatefulSet"])
def test_a_database_whose_password_is_gone_gets_no_new_one(there):
    message = refused_on([there], {})
    assert "postgresql.auth.password" in message
    assert VOLUME["metadata"]["name"] in message


@pytest.mark.parametrize(
    ("values", "has", "says"),
    [
        (OWN, {"redis_password": "a"}, 'postgresql.auth.existingSecret: the Secret "mine" has no key'),
        (OWN, {"postgresql_password": "a"}, 'redis.auth.existingSecret: the Secret "mine" has no key'),
        (OWN, {"redis_password": "a@b", "postgresql_password": "a"}, "becomes part of a URL"),
        (EXTERNAL, {"broker_url": "redis://r/0"}, 'externalPostgresql.existingSecret: the Secret "mine" has no key'),
        (EXTERNAL, {"database_url": "postgresql://d/a"}, 'externalRedis.existingSecret: the Secret "mine" has no key'),
    ],
)
def test_a_secret_of_ones_own_that_lacks_something_is_refused_by_name(values, has, says):
    assert says in refused_on([secret("mine", **has)], values)


def test_what_gitops_tools_render_is_the_same_each_time_and_sets_no_number_that_others_set():
    first, second = (template({}, files=("values-gitops.yaml",), upgrade=upgrade) for upgrade in (False, True))
    assert first == second
    objects = render({}, files=("values-gitops.yaml",))
    assert not objects.of("Secret")
    for component in ("api", "worker"):
        assert "replicas" not in objects.component("Deployment", component)["spec"]


def checksums(objects):
    for item in [*objects.of("Deployment"), *objects.of("StatefulSet")]:
        labels = item["spec"]["template"]["metadata"]["labels"]
        annotations = item["spec"]["template"]["metadata"].get("annotations", {})
        yield labels["app.kubernetes.io/component"], {k: v for k, v in annotations.items() if "checksum" in k}


@pytest.mark.parametrize(
    ("values", "changed"),
    [(OWN, {"api", "worker", "redis-broker", "redis-cache"}), (EXTERNAL, {"api", "worker"})],
    ids=["own", "external"],
)
def test_pods_start_anew_when_a_secret_of_ones_own_changed(values, changed):
    data = {"postgresql_password": "p", "broker_url": "redis://r/0", "database_url": "postgresql://d/a"}
    fixed = merge(values, CASES["adapter-unchecked"])
    one, two = (
        dict(checksums(render_on([secret("mine", redis_password=word, **data)], fixed))) for word in ("one", "two")
    )
    assert {name for name in one if one[name] != two[name]} == changed


def test_another_database_in_a_secret_of_ones_own_is_migrated_too():
    names = {
        render_on(
            [secret("mine", broker_url="redis://r/0", database_url=f"postgresql://d/{name}")], EXTERNAL
        ).component("Job", "migrate")["metadata"]["name"]
        for name in ("one", "two")
    }
    assert len(names) == 2


def test_releases_that_share_a_redis_have_keys_of_their_own():
    def prefix(release):
        for item in render(release=release).of("Deployment"):
            for entry in item["spec"]["template"]["spec"]["containers"][0].get("env", []):
                if entry["name"] == "FLASK_SCALE_CACHE_PREFIX":
                    return entry["value"]
        return None

    assert len({prefix(name) for name in ("shop", "shop2")}) == 2


def test_redis_has_a_password_and_writes_none_down():
    for name in ("redis-broker", "redis-cache"):
        container = render().component("StatefulSet", name)["spec"]["template"]["spec"]["containers"][0]
        assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": NAME, "key": "redis-password"}
        assert "user default on #%s ~* &* +@all" in container["args"][0]
