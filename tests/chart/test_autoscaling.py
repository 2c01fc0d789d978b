"""Autoscalers, and the Prometheus and adapter of the chart's own that they ask."""

import base64
import re

import pytest

from tests.chart.cases import CASES, KEDA, rendered
from tests.chart.live import OWNED, render_on
from tests.chart.support import KUBERNETES, ROOT, Refused, merge, render

BUNDLED = {"prometheus", "adapter"}
METRICS_SERVER = "metrics.k8s.io/v1beta1"
CPU = {"autoscaling": {"cpuPercent": 75}}


def api_service(version="v1beta1", **annotations):
    """The custom metrics API of a cluster, as somebody serves it."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.custom.metrics.k8s.io", "annotations": annotations},
        "spec": {"service": {"name": "prometheus-adapter", "namespace": "monitoring"}},
    }


def behavior(objects, component):
    if objects.of("HorizontalPodAutoscaler"):
        return objects.component("HorizontalPodAutoscaler", component)["spec"]["behavior"]
    spec = objects.component("ScaledObject", component)["spec"]
    return spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


def targets(objects, component):
    """What an autoscaler aims at, by the metric's name, in the order of the manifest."""
    if objects.of("ScaledObject"):
        triggers = objects.component("ScaledObject", component)["spec"]["triggers"]
        return [trigger["type"] for trigger in triggers]
    metrics = objects.component("HorizontalPodAutoscaler", component)["spec"]["metrics"]
    return [metric.get("resource", metric.get("pods", metric.get("object"))) for metric in metrics]


def names(found):
    return [part.get("name") or part["metric"]["name"] for part in found]


# Which of them there are


def test_a_release_without_values_scales_itself():
    objects = render()
    assert objects.components("HorizontalPodAutoscaler") == {"api", "worker"}
    assert objects.components("Deployment") >= BUNDLED
    assert objects.of("APIService")


@pytest.mark.parametrize(
    ("case", "bundled"),
    [
        ("defaults", BUNDLED),
        ("own-app", BUNDLED),
        ("no-autoscaler", set()),
        ("own-adapter", set()),
        ("cpu-alone", set()),
        ("keda", set()),
        ("keda-bundled", {"prometheus"}),
        ("values-local", set()),
    ],
)
def test_prometheus_and_adapter_are_there_where_an_autoscaler_asks_them(case, bundled):
    objects = rendered(case)
    assert objects.components("Deployment") & BUNDLED == bundled
    found = {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in objects}
    assert found & BUNDLED == bundled
    assert len(objects.of("APIService")) == ("adapter" in bundled)


def test_keda_asks_the_given_prometheus_or_the_bundled_one():
    for case, address in (
        ("keda", KEDA["prometheusAddress"]),
        ("keda-bundled", "http://shop-flask-scale-prometheus.web.svc:9090"),
    ):
        for item in rendered(case).of("ScaledObject"):
            triggers = [trigger for trigger in item["spec"]["triggers"] if trigger["type"] == "prometheus"]
            assert len(triggers) == 2
            assert all(trigger["metadata"]["serverAddress"] == address for trigger in triggers)
    service = rendered("keda-bundled").get("Service", "prometheus")
    assert service["spec"]["ports"][0]["port"] == 9090


def test_only_keda_lets_the_workers_go_to_zero():
    objects = rendered("keda-to-zero")
    spec = objects.component("ScaledObject", "worker")["spec"]
    assert spec["minReplicaCount"] == 0
    assert spec["cooldownPeriod"] == 90
    # The API's pods tell of the queue.
    assert all('pod=~"shop-flask-scale-api-.*"' in trigger["metadata"]["query"] for trigger in spec["triggers"])


def test_where_the_workers_may_go_to_zero_a_running_job_keeps_one():
    for settings, threshold in (({}, "2"), ({"WORKER_CONCURRENCY": 1}, "1")):
        objects = render(merge(CASES["keda-to-zero"], {"settings": settings}))
        running = objects.component("ScaledObject", "worker")["spec"]["triggers"][-1]
        assert "flask_scale_jobs_running" in running["metadata"]["query"]
        assert (running["metricType"], running["metadata"]["threshold"]) == ("AverageValue", threshold)
    assert "flask_scale_jobs_running" not in str(rendered("keda").component("ScaledObject", "worker"))
    assert "flask_scale_jobs_running" in str(rendered("keda-bundled").get("ConfigMap", "prometheus"))


def test_keda_finds_no_requests_at_pods_that_nobody_asked_yet():
    """A count that is not there yet is no answer."""
    for case in ("keda", "keda-bundled"):
        rate = rendered(case).component("ScaledObject", "api")["spec"]["triggers"][0]["metadata"]["query"]
        assert re.search(r"rate\(flask_http_request_total.*\) or sum\(0 \* flask_scale_requests_in_flight\{", rate)


def test_keda_takes_no_answer_for_no_load():
    for item in rendered("keda").of("ScaledObject"):
        for trigger in item["spec"]["triggers"]:
            assert trigger["type"] == "cpu" or trigger["metadata"]["ignoreNullValues"] == "false"


# What they aim at


def test_the_api_aims_at_requests_in_flight_and_cpu_and_the_worker_at_its_queue():
    objects = rendered("metrics-server")
    assert names(targets(objects, "api")) == ["http_requests_per_second", "flask_scale_requests_in_flight", "cpu"]
    assert names(targets(objects, "worker")) == ["flask_scale_queue_depth", "flask_scale_queue_oldest_age_seconds"]
    assert targets(objects, "api")[-1]["target"] == {"type": "Utilization", "averageUtilization": 300}


@pytest.mark.parametrize("component", ["api", "worker"])
@pytest.mark.parametrize("case", ["defaults", "keda"])
def test_cpu_counts_only_where_the_cluster_serves_it(case, component):
    values = merge(CASES[case], {component: CPU})
    assert "cpu" not in str(targets(render(values), component))
    assert "cpu" in str(targets(render(values, api_versions=(METRICS_SERVER,)), component))


def test_cpu_counts_anyway_where_there_is_nothing_else():
    objects = rendered("cpu-alone")
    assert names(targets(objects, "api")) == ["cpu"]
    assert names(targets(objects, "worker")) == ["cpu"]


def test_keda_refuses_cpu_where_nothing_may_run_so_that_it_has_none():
    values = merge(CASES["keda-to-zero"], {"worker": CPU})
    assert "cpu" not in targets(render(values, api_versions=(METRICS_SERVER,)), "worker")


# How fast


@pytest.mark.parametrize("case", ["defaults", "keda"])
@pytest.mark.parametrize(
    ("component", "seconds", "policy"),
    [
        ("api", 300, {"type": "Pods", "value": 1, "periodSeconds": 60}),
        ("worker", 90, {"type": "Percent", "value": 100, "periodSeconds": 15}),
    ],
)
def test_up_at_once_to_three_times_and_more_and_down_after_a_while(case, component, seconds, policy):
    found = behavior(rendered(case), component)
    assert found["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert {"type": "Percent", "value": 300, "periodSeconds": 15} in found["scaleUp"]["policies"]
    assert found["scaleDown"] == {"stabilizationWindowSeconds": seconds, "policies": [policy]}


@pytest.mark.parametrize("case", ["defaults", "keda"])
@pytest.mark.parametrize("component", ["api", "worker"])
def test_how_fast_is_a_persons_own_to_say(case, component):
    sooner = merge(CASES[case], {component: {"autoscaling": {"scaleDownStabilizationSeconds": 20}}})
    assert behavior(render(sooner), component)["scaleDown"]["stabilizationWindowSeconds"] == 20


@pytest.mark.parametrize("case", ["defaults", "keda"])
@pytest.mark.parametrize("component", ["api", "worker"])
@pytest.mark.parametrize(("half", "other"), [("scaleUp", "scaleDown"), ("scaleDown", "scaleUp")])
def test_who_says_how_fast_one_way_leaves_the_other_as_it_is(case, component, half, other):
    own = {"selectPolicy": "Disabled"}
    values = merge(CASES[case], {component: {"autoscaling": {"behavior": {half: own}}}})
    assert behavior(render(values), component) == {
        half: own,
        other: behavior(rendered(case), component)[other],
    }


# One custom metrics API a cluster


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
@pytest.mark.parametrize(
    "annotations",
    [{}, OWNED | {"meta.helm.sh/release-name": "other"}, OWNED | {"meta.helm.sh/release-namespace": "other"}],
    ids=["not by helm", "another release", "another namespace"],
)
def test_another_owner_of_the_custom_metrics_api_is_named_with_what_to_do(annotations, version):
    other = [api_service(version, **annotations)]
    with pytest.raises(Refused) as error:
        render_on(other)
    for part in (
        "monitoring/prometheus-adapter",
        f"{version}.custom.metrics.k8s.io",
        "metrics.bundled.enabled=false",
        "provider to keda or none",
    ):
        assert part in str(error.value)
    for case in ("own-adapter", "no-autoscaler", "keda-bundled", "cpu-alone"):
        assert not render_on(other, CASES[case]).of("APIService")


def test_an_upgrade_goes_on_serving_it():
    assert render_on([api_service(**OWNED)]).of("APIService")


# Its certificate


def test_the_api_server_trusts_the_adapters_certificate_alone():
    objects = render()
    spec = objects.of("APIService")[0]["spec"]
    secret = objects.get("Secret", "adapter")
    assert secret["type"] == "kubernetes.io/tls"
    assert spec["caBundle"] == secret["data"]["ca.crt"]
    assert "insecureSkipTLSVerify" not in spec
    for part in ("tls.crt", "tls.key"):
        assert b"-----BEGIN" in base64.b64decode(secret["data"][part])
    pod = objects.component("Deployment", "adapter")["spec"]["template"]["spec"]
    assert {"name": "certificate", "secret": {"secretName": "shop-flask-scale-adapter"}} in pod["volumes"]
    assert "--tls-cert-file=/certificate/tls.crt" in pod["containers"][0]["args"]


def test_the_certificate_is_kept_over_upgrades_and_a_new_one_starts_a_new_pod():
    first = render_on([])
    secret = first.get("Secret", "adapter")
    same, other = render_on([secret]), render_on([])
    assert same.get("Secret", "adapter")["data"] == secret["data"]
    assert same.of("APIService") == first.of("APIService")
    assert other.get("Secret", "adapter")["data"] != secret["data"]

    def checksum(objects):
        pod = objects.component("Deployment", "adapter")["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/certificate"]

    assert checksum(first) == checksum(same) != checksum(other)


@pytest.mark.parametrize("case", ["adapter-unchecked", "values-gitops"])
def test_tools_without_a_cluster_may_do_without_so_that_nothing_is_random(case):
    objects = rendered(case)
    assert objects.of("APIService")[0]["spec"]["insecureSkipTLSVerify"] is True
    assert "caBundle" not in objects.of("APIService")[0]["spec"]
    assert not [item for item in objects.of("Secret") if item["type"] == "kubernetes.io/tls"]
    pod = objects.component("Deployment", "adapter")["spec"]["template"]
    assert "--cert-dir=/certificate" in pod["spec"]["containers"][0]["args"]
    assert {"name": "certificate", "emptyDir": {}} in pod["spec"]["volumes"]


# Rights


def test_prometheus_may_look_at_pods_of_its_namespace_and_the_adapter_at_those_it_is_asked_about():
    objects = render()
    rules = {item["metadata"]["name"]: item["rules"] for item in objects.of("Role")}
    assert rules == {
        "shop-flask-scale-prometheus": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        "shop-flask-scale-adapter": [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]}],
    }
    assert not objects.of("ClusterRole")


def test_what_is_outside_the_namespace_bears_its_name():
    objects = render()
    outside = [*objects.of("ClusterRoleBinding")]
    outside += [item for item in objects.of("RoleBinding") if item["metadata"].get("namespace") == "kube-system"]
    assert {(item["metadata"]["name"], item["roleRef"]["name"]) for item in outside} == {
        ("web-shop-flask-scale-adapter", "system:auth-delegator"),
        ("web-shop-flask-scale-adapter", "extension-apiserver-authentication-reader"),
    }


# Small and closed


def test_the_bundled_prometheus_forgets_soon_and_takes_no_orders():
    container = render().component("Deployment", "prometheus")["spec"]["template"]["spec"]["containers"][0]
    assert {"--storage.tsdb.retention.time=2h", "--storage.tsdb.retention.size=128MB"} <= set(container["args"])
    assert not [part for part in container["args"] if "enable" in part]
    volumes = render().component("Deployment", "prometheus")["spec"]["template"]["spec"]["volumes"]
    assert {"name": "data", "emptyDir": {"sizeLimit": "512Mi"}} in volumes


@pytest.mark.parametrize("component", sorted(BUNDLED))
def test_a_new_configuration_starts_a_new_pod(component):
    def checksum(values):
        pod = render(values).component("Deployment", component)["spec"]["template"]
        return pod["metadata"]["annotations"]["checksum/config"]

    assert checksum({}) != checksum({"metrics": {"bundled": {"scrapeInterval": "7s"}}})


def test_the_images_are_those_that_the_cluster_of_make_cluster_holds():
    text = (ROOT / "k8s-tests" / "cluster" / "versions.env").read_text()
    versions = dict(line.split()[0].split("=") for line in text.splitlines() if "=" in line.split("#")[0])
    images = {
        component: render().component("Deployment", component)["spec"]["template"]["spec"]["containers"][0]["image"]
        for component in BUNDLED
    }
    adapter = f"registry.k8s.io/prometheus-adapter/prometheus-adapter:v{versions['PROMETHEUS_ADAPTER']}"
    assert images == {"prometheus": f"prom/prometheus:v{versions['PROMETHEUS']}", "adapter": adapter}


@pytest.mark.parametrize("version", [KUBERNETES[0], KUBERNETES[-1]])
def test_it_is_the_same_on_every_kubernetes(version):
    assert {item["kind"] for item in render(kube_version=version)} >= {"APIService", "HorizontalPodAutoscaler"}
