"""What holds for every object of every case of the render matrix."""

import re

import pytest

from tests.chart.cases import CASES, DIGEST, rendered
from tests.chart.support import NAMESPACE, Rendered, selects

SELECTOR_LABELS = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
#: What a person says is there already.
GIVEN = {
    "my-redis",
    "my-database",
    "my-postgresql",
    "more-settings",
    "flask-scale-passwords",
    "flask-scale-redis",
    "flask-scale-postgresql",
}

pytestmark = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def objects(case: str) -> Rendered:
    return rendered(case)


def test_no_two_objects_have_one_name_and_every_name_is_legal(objects):
    names = objects.names()
    assert len(names) == len(set(names))
    for item in objects:
        name = item["metadata"]["name"]
        # That one's name is Kubernetes' own.
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name) or item["kind"] == "APIService", name
        # A pod's own name and a label of it add to a StatefulSet's and a Deployment's.
        assert len(name) <= (52 if item["kind"] in ("StatefulSet", "Deployment") else 63), name


def test_every_object_is_labelled_as_the_releases(case, objects):
    common = CASES[case].get("commonLabels", {})
    for item in objects:
        labels = item["metadata"]["labels"]
        assert labels.keys() >= SELECTOR_LABELS | {"helm.sh/chart", "app.kubernetes.io/managed-by"} | common.keys()
        assert all(re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value) for value in labels.values())
        if item["kind"] == "RoleBinding" and item["roleRef"]["name"] == "extension-apiserver-authentication-reader":
            assert item["metadata"]["namespace"] == "kube-system"
        else:
            assert "namespace" not in item["metadata"] or item["metadata"]["namespace"] == NAMESPACE


def test_selectors_are_name_instance_and_component_and_pick_their_own_pods(objects):
    for kind in ("Deployment", "StatefulSet"):
        for item in objects.of(kind):
            labels = item["spec"]["selector"]["matchLabels"]
            assert labels.keys() == SELECTOR_LABELS
            assert selects(labels, item["spec"]["template"]["metadata"]["labels"])
    picked = [tuple(item["spec"]["selector"]["matchLabels"].values()) for item in objects if "Set" in item["kind"]]
    assert len(picked) == len(set(picked))


def test_every_pod_is_restricted(objects):
    for name, pod in objects.pods():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["securityContext"].get("runAsUser") != 0, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(), name
        allowed = {"configMap", "emptyDir", "secret", "projected", "persistentVolumeClaim", "downwardAPI"}
        assert all(volume.keys() - {"name"} <= allowed for volume in spec.get("volumes", [])), name
    for name, container in objects.containers():
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] is True, name
        assert context["capabilities"] == {"drop": ["ALL"]}, name
        assert context.get("privileged", False) is False, name
        assert context.get("runAsNonRoot", True) is True, name
        assert context.get("runAsUser") != 0, name
        assert all("hostPort" not in port for port in container.get("ports", [])), name


def test_only_pods_that_ask_the_api_server_have_a_token_and_none_has_service_links(objects):
    for name, pod in objects.pods():
        component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
        asks = component in ("prometheus", "adapter")
        assert pod["spec"]["automountServiceAccountToken"] is asks, name
        assert asks == ("serviceAccountName" in pod["spec"]), name
        assert pod["spec"]["enableServiceLinks"] is False, name


def test_every_container_asks_for_what_it_needs_and_limits_its_memory(objects):
    for name, container in objects.containers():
        if container["name"] in ("beside", "before"):
            continue
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name


def test_every_long_running_container_is_probed(objects):
    for item in [*objects.of("Deployment"), *objects.of("StatefulSet")]:
        container = item["spec"]["template"]["spec"]["containers"][0]
        ports = {port["name"] for port in container["ports"]}
        # A database that recovers must not be killed for it.
        for probe in ("readinessProbe", "livenessProbe")[: 1 if container["name"] == "postgresql" else 2]:
            handler = container[probe]
            port = handler.get("httpGet", handler.get("tcpSocket", {})).get("port")
            assert port is None or port in ports, (item["metadata"]["name"], probe)


def test_images_are_pinned(case, objects):
    for name, container in objects.containers():
        image = container["image"]
        assert re.search(r":[\w.-]+$", image) or image.endswith(DIGEST), (name, image)
        assert not image.endswith(":latest"), (name, image)
        if container["name"] not in ("beside", "before"):
            assert container["imagePullPolicy"] == "IfNotPresent", name


def test_every_service_leads_to_a_pod_that_has_its_port(objects):
    pods = list(objects.pods())
    for service in objects.of("Service"):
        picked = [pod for _, pod in pods if selects(service["spec"]["selector"], pod["metadata"]["labels"])]
        assert len(picked) == 1, service["metadata"]["name"]
        names = {port["name"] for part in picked[0]["spec"]["containers"] for port in part.get("ports", [])}
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in names, (service["metadata"]["name"], port)


def test_every_reference_resolves(objects):
    known = {(item["kind"], item["metadata"]["name"]): item for item in objects}

    def check(kind, name, key=None, where=""):
        if name in GIVEN:
            return
        assert (kind, name) in known, (where, kind, name)
        assert key is None or key in known[kind, name]["data"], (where, kind, name, key)

    for name, pod in objects.pods():
        spec = pod["spec"]
        claims = {"data"} if name.startswith("StatefulSet") else set()
        volumes = {volume["name"] for volume in spec.get("volumes", [])} | claims
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                check("ConfigMap", volume["configMap"]["name"], where=name)
            if "secret" in volume:
                check("Secret", volume["secret"]["secretName"], where=name)
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, name
            for entry in container.get("env", []):
                source = entry.get("valueFrom", {})
                for kind, key in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
                    if key in source:
                        check(kind, source[key]["name"], source[key]["key"], where=name)
            variables = [entry["name"] for entry in container.get("env", [])]
            assert len(variables) == len(set(variables)), (name, variables)
        if "serviceAccountName" in spec:
            check("ServiceAccount", spec["serviceAccountName"], where=name)
    for item in [*objects.of("RoleBinding"), *objects.of("ClusterRoleBinding")]:
        for subject in item["subjects"]:
            assert subject["namespace"] == NAMESPACE
            check("ServiceAccount", subject["name"], where=item["metadata"]["name"])
        if item["roleRef"]["name"].startswith(item["metadata"]["name"]):
            check(item["roleRef"]["kind"], item["roleRef"]["name"])
    for item in objects.of("APIService"):
        assert item["spec"]["service"]["namespace"] == NAMESPACE
        check("Service", item["spec"]["service"]["name"])
    for item in objects.of("StatefulSet"):
        check("Service", item["spec"]["serviceName"], where=item["metadata"]["name"])
        mounts = {mount["name"] for mount in item["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
        assert {claim["metadata"]["name"] for claim in item["spec"].get("volumeClaimTemplates", [])} <= mounts
    for item in objects.of("Ingress"):
        for rule in item["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                check("Service", backend["name"])
                ports = known["Service", backend["name"]]["spec"]["ports"]
                assert backend["port"]["name"] in {port["name"] for port in ports}
    for item in objects.of("HTTPRoute"):
        for backend in [backend for rule in item["spec"]["rules"] for backend in rule["backendRefs"]]:
            check("Service", backend["name"])
            assert backend["port"] in [port["port"] for port in known["Service", backend["name"]]["spec"]["ports"]]


def test_autoscalers_and_budgets_have_their_targets(objects):
    names = objects.names()
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for item in objects.of(kind):
            target = item["spec"]["scaleTargetRef"]
            assert f"{target.get('kind', 'Deployment')}/{target['name']}" in names
            deployment = objects.get("Deployment", target["name"])
            assert "replicas" not in deployment["spec"]
    for budget in objects.of("PodDisruptionBudget"):
        labels = budget["spec"]["selector"]["matchLabels"]
        assert labels.keys() == SELECTOR_LABELS
        picked = [pod for _, pod in objects.pods() if selects(labels, pod["metadata"]["labels"])]
        assert len(picked) == 1
    for monitor in objects.of("PodMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            names = [port["name"] for _, part in objects.containers() for port in part.get("ports", [])]
            assert endpoint["port"] in names
            assert any(selects(labels, pod["metadata"]["labels"]) for _, pod in objects.pods())
    for monitor in objects.of("ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        services = [item for item in objects.of("Service") if selects(labels, item["metadata"]["labels"])]
        assert services
        for endpoint in monitor["spec"]["endpoints"]:
            assert any(endpoint["port"] in [port["name"] for port in item["spec"]["ports"]] for item in services)


def test_every_network_policy_and_every_peer_in_it_is_of_an_existing_pod(objects):
    pods = [pod["metadata"]["labels"] for _, pod in objects.pods()]
    components = {labels["app.kubernetes.io/component"] for labels in pods}
    for policy in objects.of("NetworkPolicy"):
        spec = policy["spec"]
        assert any(selects(spec["podSelector"]["matchLabels"], labels) for labels in pods), policy["metadata"]["name"]
        # A peer that is not there in this release ("worker" where it is off) opens nothing.
        for peer in [peer for rule in spec.get("egress") or [] for peer in rule.get("to", [])]:
            component = peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/component")
            assert component is None or component in components, (policy["metadata"]["name"], component)
    if objects.of("NetworkPolicy"):
        covered = [item["spec"]["podSelector"]["matchLabels"] for item in objects.of("NetworkPolicy")]
        for labels in pods:
            assert any(selects(selector, labels) for selector in covered), labels


def test_spread_constraints_pick_their_own_pods_of_one_revision(objects):
    for name, pod in objects.pods():
        for constraint in pod["spec"].get("topologySpreadConstraints", []):
            assert selects(constraint["labelSelector"]["matchLabels"], pod["metadata"]["labels"]), name
            assert constraint["matchLabelKeys"] == ["pod-template-hash"], name
