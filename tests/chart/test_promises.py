"""What the chart promises beyond being legal: off by default, zero downtime, secrets, migrations, who owns replicas."""

import base64

import pytest

from flask_scale.settings import Settings
from tests.chart.cases import CASES, NO_NGINX, SECRETS, rendered
from tests.chart.support import merge, refused, render

SCALED = ("api", "worker")


def spec_of(objects, component, kind="Deployment"):
    return objects.component(kind, component)["spec"]["template"]["spec"]


def environment(objects, component):
    return {entry["name"]: entry for entry in spec_of(objects, component)["containers"][0]["env"]}


@pytest.mark.parametrize(
    "kind",
    [
        "Ingress",
        "HTTPRoute",
        "ScaledObject",
        "ServiceMonitor",
        "PodMonitor",
        "PrometheusRule",
    ],
)
def test_is_off_by_default(kind):
    assert not render().of(kind)


@pytest.mark.parametrize(
    ("case", "components"),
    [
        ("no-worker", {"worker"}),
        ("no-nginx", {"nginx"}),
        ("external-urls", {"redis-broker", "redis-cache", "redis", "postgresql"}),
        ("migrations-none", {"migrate"}),
        ("no-tests", {"test"}),
        ("own-app", {"worker", "migrate", "redis-broker", "redis-cache", "redis", "postgresql", "connections"}),
    ],
)
def test_what_is_off_renders_nothing(case, components):
    found = {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in rendered(case)}
    assert not found & components


def test_without_network_policies_there_are_none():
    assert not rendered("no-network-policy").of("NetworkPolicy")


def test_an_app_of_its_own_without_stores_waits_for_nothing_and_knows_no_store():
    objects = rendered("own-app")
    assert "initContainers" not in spec_of(objects, "api")
    assert not [name for name in environment(objects, "api") if name.endswith("_URL")]
    assert spec_of(objects, "api")["containers"][0]["args"] == ["serve", "shop.web:app"]


@pytest.mark.parametrize("component", ["api", "worker", "nginx"])
def test_a_rollout_takes_no_pod_away_before_a_new_one_serves(component):
    rolling = render().component("Deployment", component)["spec"]["strategy"]["rollingUpdate"]
    assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(("version", "native"), [("1.28", False), ("1.29", False), ("1.30", True), ("1.34", True)])
def test_a_stopping_api_serves_on_for_ten_seconds(version, native):
    hook = spec_of(render(kube_version=version), "api")["containers"][0]["lifecycle"]["preStop"]
    assert hook == ({"sleep": {"seconds": 10}} if native else {"exec": {"command": ["sleep", "10"]}})


def test_a_stopping_nginx_serves_on_for_ten_seconds():
    hook = spec_of(render(), "nginx")["containers"][0]["lifecycle"]["preStop"]
    assert hook["exec"]["command"][-1] == "touch /tmp/stopping && sleep 10"


def test_the_apis_grace_period_outlasts_pre_stop_drain_and_graceful_timeout():
    graceful = int(environment(render(), "api")["FLASK_SCALE_GRACEFUL_TIMEOUT_SECONDS"]["value"])
    needed = 10 + Settings().drain_seconds + graceful
    assert spec_of(render(), "api")["terminationGracePeriodSeconds"] > needed
    values = {"api": {"settings": {"GRACEFUL_TIMEOUT_SECONDS": 300}}}
    assert "terminationGracePeriodSeconds" in refused(values)


def test_a_stopping_api_has_as_long_for_a_request_as_nginx_waits_for_it():
    graceful = int(environment(render(), "api")["FLASK_SCALE_GRACEFUL_TIMEOUT_SECONDS"]["value"])
    assert f"proxy_read_timeout {graceful}s;" in render().get("ConfigMap", "nginx")["data"]["nginx.conf"]
    short = {"api": {"settings": {"GRACEFUL_TIMEOUT_SECONDS": 30}}}
    assert render(short | NO_NGINX)
    assert render(short | {"nginx": {"readTimeoutSeconds": 30}})


@pytest.mark.parametrize("component", SCALED)
def test_new_pods_count_only_after_some_seconds(component):
    assert render().component("Deployment", component)["spec"]["minReadySeconds"] == 5


@pytest.mark.parametrize("case", ["defaults", "one-of-each", "keda-to-zero", "many"])
def test_a_disruption_budget_lets_one_pod_go_at_a_time_and_broken_ones_always_however_many_there_are(case):
    objects = rendered(case)
    assert objects.components("PodDisruptionBudget") == {"api", "worker", "nginx"}
    for budget in objects.of("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_no_disruption_budget_where_it_is_switched_off():
    off = {"pdb": {"enabled": False}}
    assert not render({"api": off, "worker": off, "nginx": off}).of("PodDisruptionBudget")


def test_the_connection_budget_counts_pods_and_their_pools():
    small = {"postgresql": {"maxConnections": 20}}
    assert "postgresql.maxConnections=20" in refused(small)
    assert "externalPostgresql.maxConnections=600" in refused(SECRETS | {"api": {"autoscaling": {"maxReplicas": 200}}})


@pytest.mark.parametrize("case", ["defaults", "keda", "keda-to-zero"])
def test_replicas_are_the_autoscalers_where_there_is_one(case):
    objects = rendered(case)
    for component in SCALED:
        assert "replicas" not in objects.component("Deployment", component)["spec"]
    kind = "HorizontalPodAutoscaler" if case == "defaults" else "ScaledObject"
    assert objects.components(kind) == set(SCALED)


def test_replicas_are_the_values_elsewhere_and_can_be_left_alone():
    assert rendered("no-autoscaler").component("Deployment", "api")["spec"]["replicas"] == 2
    objects = rendered("replicas-left-alone")
    for component in SCALED:
        assert "replicas" not in objects.component("Deployment", component)["spec"]


def test_a_password_is_made_once_a_render_and_the_same_in_every_url():
    secret = render().component("Secret", "connections")
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert secret["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert len(data["redis-password"]) >= 32
    assert len(data["postgresql-password"]) >= 32
    assert data["redis-password"] != data["postgresql-password"]
    assert f":{data['redis-password']}@shop-flask-scale-redis-broker:6379" in data["broker-url"]
    assert f":{data['redis-password']}@shop-flask-scale-redis-cache:6379" in data["cache-url"]
    assert f":{data['postgresql-password']}@shop-flask-scale-postgresql:5432" in data["database-url"]


def test_a_given_password_is_encoded_in_urls_and_nowhere_else():
    secret = rendered("passwords").component("Secret", "connections")
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert data["redis-password"] == CASES["passwords"]["redis"]["auth"]["password"]
    assert "r%40%3A%20%2F%3F%23@" in data["broker-url"]


def test_no_password_stands_outside_a_secret():
    for item in rendered("passwords"):
        if item["kind"] != "Secret":
            assert "r@: /?#" not in str(item)
            assert "r%40%3A" not in str(item)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"redis": {"auth": {"password": "b"}}}, {"redis-broker", "redis-cache", "api", "worker"}),
        ({"nginx": {"maxBodySize": "9m"}}, {"nginx"}),
        ({"redis": {"broker": {"maxmemory": "64mb"}}}, {"redis-broker"}),
    ],
)
def test_a_pod_starts_anew_when_what_it_reads_at_start_changes(change, changed):
    passwords = {"redis": {"auth": {"password": "a"}}, "postgresql": {"auth": {"password": "a"}}}
    fixed = passwords | CASES["adapter-unchecked"]
    first, second = (dict(annotations_of(render(values))) for values in (fixed, merge(fixed, change)))
    assert {component for component in first if first[component] != second[component]} == changed


def annotations_of(objects):
    for _, pod in objects.pods():
        yield (
            pod["metadata"]["labels"]["app.kubernetes.io/component"],
            {key: value for key, value in pod["metadata"].get("annotations", {}).items() if "checksum" in key},
        )


@pytest.mark.parametrize(
    "change", [{"api": {"image": {"tag": "9"}}}, {"migrations": {"args": ["migrate", "--verbose"]}}]
)
def test_another_image_or_command_is_another_migration(change):
    fixed = {"redis": {"auth": {"password": "a"}}, "postgresql": {"auth": {"password": "a"}}}
    first, second = (render(values).component("Job", "migrate") for values in (fixed, merge(fixed, change)))
    assert first["metadata"]["name"] != second["metadata"]["name"]


@pytest.mark.parametrize("component", SCALED)
def test_pods_wait_for_the_migrations(component):
    def waits(objects):
        return "FLASK_SCALE_WAIT_FOR_MIGRATIONS_SECONDS" in environment(objects, component)

    assert environment(render(), component)["FLASK_SCALE_WAIT_FOR_MIGRATIONS_SECONDS"]["value"] == "900"
    probe = spec_of(render(), component)["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 900
    assert "initContainers" not in spec_of(render(), component)
    assert not waits(rendered("migrations-none"))


@pytest.mark.parametrize("component", SCALED)
@pytest.mark.parametrize("own", [{"command": ["/bin/app"]}, {"args": ["serve", "--fast"]}])
def test_before_a_program_that_may_not_wait_a_container_does(component, own):
    gate = spec_of(render({component: own}), component)["initContainers"][0]
    assert gate["name"] == "wait-for-migrations"
    assert gate["args"] == ["migrate", "--check", "--wait", "900"]


@pytest.mark.parametrize("component", SCALED)
def test_pods_wait_as_long_as_a_migration_may_take_and_a_rollout_is_given_up_no_sooner(component):
    objects = render({"migrations": {"activeDeadlineSeconds": 7200}, component: {"minReadySeconds": 700}})
    assert environment(objects, component)["FLASK_SCALE_WAIT_FOR_MIGRATIONS_SECONDS"]["value"] == "7200"
    probe = spec_of(objects, component)["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 7260
    assert objects.component("Deployment", component)["spec"]["progressDeadlineSeconds"] == 7960
    assert objects.component("Job", "migrate")["spec"]["activeDeadlineSeconds"] == 7200


@pytest.mark.parametrize("component", SCALED)
def test_a_rollout_has_kubernetes_ten_minutes_and_min_ready_seconds_where_it_waits_for_nothing(component):
    objects = render({"migrations": {"mode": "none"}, component: {"minReadySeconds": 600}})
    assert objects.component("Deployment", component)["spec"]["progressDeadlineSeconds"] == 1200


@pytest.mark.parametrize("component", SCALED)
def test_external_stores_are_read_from_the_persons_own_secret(component):
    found = environment(rendered("external-secrets"), component)
    assert found["FLASK_SCALE_DATABASE_URL"]["valueFrom"]["secretKeyRef"]["name"] == "my-database"
    assert found["FLASK_SCALE_BROKER_URL"]["valueFrom"]["secretKeyRef"]["name"] == "my-redis"


@pytest.mark.parametrize("component", SCALED)
def test_settings_and_what_a_person_adds_reach_the_pod(component):
    objects = rendered("pass-through")
    pod = objects.component("Deployment", component)["spec"]["template"]
    container = pod["spec"]["containers"][0]
    found = environment(objects, component)
    assert found["FLASK_SCALE_LOG_LEVEL"]["value"] == "DEBUG"
    assert found["FLASK_SCALE_CACHE_TTL_SECONDS"]["value"] == "60"
    assert found["COLOUR"]["value"] == "blue"
    assert container["envFrom"] == [{"secretRef": {"name": "more-settings"}}]
    assert container["livenessProbe"] == {"tcpSocket": {"port": "internal"}, "periodSeconds": 30}
    assert {"name": "more", "mountPath": "/more"} in container["volumeMounts"]
    assert [part["name"] for part in pod["spec"]["containers"]] == [component, "beside"]
    assert [part["name"] for part in pod["spec"]["initContainers"]] == ["before"]
    assert container["securityContext"]["runAsUser"] == 3001
    assert pod["spec"]["securityContext"]["fsGroup"] == 3000
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert pod["spec"]["priorityClassName"] == "high"
    assert pod["metadata"]["annotations"]["example.com/note"] == "yes"
    assert pod["metadata"]["labels"]["example.com/team"] == "shop"
    assert pod["spec"]["topologySpreadConstraints"][0]["maxSkew"] == 2


def test_registry_and_digest_stand_in_the_images_names():
    objects = rendered("registry")
    assert spec_of(objects, "api")["containers"][0]["image"].startswith("images.example.com:5000/flask-scale/api:")
    assert "other.example.com/flask-scale/worker@sha256:" in spec_of(objects, "worker")["containers"][0]["image"]
    assert all(pod["spec"]["imagePullSecrets"] == [{"name": "pull"}] for _, pod in objects.pods())


@pytest.mark.parametrize(
    ("case", "annotation", "value"),
    [
        ("ingress-community", "nginx.ingress.kubernetes.io/proxy-body-size", "80m"),
        ("ingress-community", "nginx.ingress.kubernetes.io/proxy-next-upstream", "error timeout"),
        ("ingress-community-no-nginx", "nginx.ingress.kubernetes.io/load-balance", "round_robin"),
        ("ingress-f5", "nginx.org/client-max-body-size", "80m"),
        ("ingress-f5", "nginx.org/keepalive", "8"),
        ("ingress-f5-no-nginx", "nginx.org/lb-method", "least_conn"),
    ],
)
def test_the_presets_annotate_the_ingress(case, annotation, value):
    assert rendered(case).of("Ingress")[0]["metadata"]["annotations"][annotation] == value


@pytest.mark.parametrize(("case", "service"), [("ingress", "nginx"), ("ingress-f5-no-nginx", "api")])
def test_the_ingress_leads_to_nginx_or_to_the_api_where_there_is_none(case, service):
    rule = rendered(case).of("Ingress")[0]["spec"]["rules"][0]
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == f"shop-flask-scale-{service}"


def test_what_people_start_from_for_high_traffic_needs_no_controller_that_is_retired():
    (ingress,) = rendered("values-production").of("Ingress")
    assert not [name for name in ingress["metadata"]["annotations"] if "nginx.ingress.kubernetes.io" in name]
    assert ingress["metadata"]["annotations"]["nginx.org/client-max-body-size"] == "80m"


def peers(objects, name, direction, end):
    policy = objects.get("NetworkPolicy", name)
    return {
        (peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"], port["port"])
        for rule in policy["spec"].get(direction) or []
        for peer in rule.get(end, [])
        if "podSelector" in peer
        for port in rule["ports"]
    }


def test_only_api_worker_and_migrations_reach_the_stores():
    objects = render()
    assert peers(objects, "postgresql", "ingress", "from") == {("api", 5432), ("worker", 5432), ("migrate", 5432)}
    for redis in ("redis-broker", "redis-cache"):
        assert peers(objects, redis, "ingress", "from") == {("api", 6379), ("worker", 6379)}
    assert peers(objects, "nginx", "egress", "to") == {("api", 8000)}
    assert ("nginx", 8000) in peers(objects, "api", "ingress", "from")


def test_what_no_policy_allows_is_denied():
    spec = render().get("NetworkPolicy", "default-deny")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec
    assert [port["port"] for rule in spec["egress"] for port in rule["ports"]] == [53, 53]


def test_volumes_are_claims_unless_persistence_is_off():
    assert render().component("StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"]
    assert render().component("StatefulSet", "redis-broker")["spec"]["volumeClaimTemplates"]
    assert not [item for item in rendered("no-persistence").of("StatefulSet") if "volumeClaimTemplates" in item["spec"]]
    claim = rendered("storage").component("StatefulSet", "postgresql")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["storageClassName"] == "faster"
    claim = rendered("storage").component("StatefulSet", "redis-broker")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["storageClassName"] == "fast"


def test_the_broker_keeps_and_the_cache_forgets():
    data = render().component("ConfigMap", "redis")["data"]
    assert "appendonly yes" in data["broker.conf"]
    assert "maxmemory-policy noeviction" in data["broker.conf"]
    assert "maxmemory-policy allkeys-lru" in data["cache.conf"]


def test_postgresql_keeps_its_data_on_the_volume_and_takes_as_many_connections_as_are_counted():
    spec = spec_of(render({"postgresql": {"maxConnections": 678}}), "postgresql", "StatefulSet")
    container = spec["containers"][0]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert variables["PGDATA"].startswith(f"{mounts['data']}/")
    assert "max_connections=678" in container["args"]
    assert spec["terminationGracePeriodSeconds"] == 120


def test_the_broker_writes_to_its_volume():
    data = render().component("ConfigMap", "redis")["data"]
    mounts = spec_of(render(), "redis-broker", "StatefulSet")["containers"][0]["volumeMounts"]
    assert {"name": "data", "mountPath": "/data"} in mounts
    assert "dir /data\n" in data["broker.conf"]


@pytest.mark.parametrize("component", ["api", "worker", "nginx"])
def test_the_size_of_tmp_is_its_value(component):
    volumes = spec_of(render({component: {"tmpSizeLimit": "3Gi"}}), component)["volumes"]
    assert {"name": "tmp", "emptyDir": {"sizeLimit": "3Gi"}} in volumes


def test_pods_of_a_tier_spread_over_nodes_and_zones_where_nodes_have_no_zone_too():
    objects = render()
    for component in ("api", "worker", "nginx"):
        spec = objects.component("Deployment", component)["spec"]["template"]["spec"]
        # A node that lacks the label of one constraint counts for none of them.
        (constraint,) = spec["topologySpreadConstraints"]
        assert constraint["topologyKey"] == "kubernetes.io/hostname"
        (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        assert term["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
        assert constraint["labelSelector"] == term["podAffinityTerm"]["labelSelector"]
