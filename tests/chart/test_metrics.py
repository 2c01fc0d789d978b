"""What is scraped, and that autoscalers, alerts and the dashboard ask for what is scraped by the labels that it has."""

import json
import re

import pytest
import yaml

from tests.chart.cases import CASES, MONITORS, rendered
from tests.chart.exposition import exposed, names_in
from tests.chart.support import CHART, ROOT, merge, render, selects

POD = re.compile(r'pod=~"([^"]+)"')
ADAPTER = "<<.Series>>{<<.LabelMatchers>>}"


def scraped(objects):
    """(Service, component) of each endpoint of the ServiceMonitor, one for each Service with its port."""
    monitor = objects.of("ServiceMonitor")[0]["spec"]
    return sorted(
        (service["metadata"]["name"], service["spec"]["selector"]["app.kubernetes.io/component"])
        for service in objects.of("Service")
        if selects(monitor["selector"]["matchLabels"], service["metadata"]["labels"])
        for endpoint in monitor["endpoints"]
        if endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    )


def asked(objects):
    """The metrics that HorizontalPodAutoscalers ask for beside CPU: (type, name, object)."""
    for scaler in objects.of("HorizontalPodAutoscaler"):
        for metric in scaler["spec"]["metrics"]:
            if metric["type"] != "Resource":
                part = metric[metric["type"].lower()]
                yield metric["type"], part["metric"]["name"], part.get("describedObject")


def queries(objects):
    """What KEDA and the alerts ask a Prometheus."""
    for scaler in objects.of("ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                yield trigger["metadata"]["query"]
    for rule in objects.of("PrometheusRule"):
        yield from (alert["expr"] for group in rule["spec"]["groups"] for alert in group["rules"])


def adapter_rules(objects):
    """The rules of the bundled adapter by the name of the metric that each serves."""
    rules = yaml.safe_load(objects.get("ConfigMap", "adapter")["data"]["config.yaml"])["rules"]
    return {rule.get("name", {}).get("as", rule["seriesQuery"].split("{")[0]): rule for rule in rules}


def scrape_config(objects):
    text = objects.get("ConfigMap", "prometheus")["data"]["prometheus.yml"]
    return yaml.safe_load(text)["scrape_configs"][0]


def dashboard():
    return json.loads((CHART / "dashboards" / "flask-scale.json").read_text())


@pytest.mark.parametrize("values", [{"metrics": MONITORS}, {"metrics": MONITORS, "nginx": {"enabled": False}}])
def test_a_service_monitor_scrapes_every_pod_once(values):
    assert scraped(render(values)) == [("shop-flask-scale-api-headless", "api"), ("shop-flask-scale-worker", "worker")]


def test_a_pod_monitor_scrapes_the_same_pods_and_gives_the_apis_the_same_service():
    objects = rendered("pod-monitor")
    monitor = objects.of("PodMonitor")[0]
    labels = monitor["spec"]["selector"]["matchLabels"]
    endpoint = monitor["spec"]["podMetricsEndpoints"][0]
    found = {
        pod["metadata"]["labels"]["app.kubernetes.io/component"]
        for _, pod in objects.pods()
        if selects(labels, pod["metadata"]["labels"])
        for container in pod["spec"]["containers"]
        if endpoint["port"] in [port["name"] for port in container.get("ports", [])]
    }
    assert found == {"api", "worker"}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert endpoint["relabelings"] == [
        {
            "sourceLabels": ["__meta_kubernetes_pod_label_app_kubernetes_io_component"],
            "regex": "api",
            "targetLabel": "service",
            "replacement": "shop-flask-scale-api-headless",
        }
    ]


def test_the_bundled_prometheus_scrapes_the_running_api_pods_of_this_release_alone():
    objects = render()
    config = scrape_config(objects)
    discovery = config["kubernetes_sd_configs"][0]
    assert discovery["role"] == "pod"
    assert discovery["namespaces"] == {"names": ["web"]}
    labels = dict(part.split("=") for part in discovery["selectors"][0]["label"].split(","))
    assert labels == objects.component("Deployment", "api")["spec"]["selector"]["matchLabels"]
    kept = {tuple(rule["source_labels"]): rule["regex"] for rule in config["relabel_configs"] if "action" in rule}
    assert kept == {
        ("__meta_kubernetes_pod_container_name", "__meta_kubernetes_pod_container_port_name"): "api;internal",
        ("__meta_kubernetes_pod_phase",): "Running",
    }


def test_the_bundled_prometheus_keeps_exactly_the_series_that_the_adapter_asks_for():
    objects = render()
    kept = scrape_config(objects)["metric_relabel_configs"]
    assert [rule["action"] for rule in kept] == ["keep"]
    assert set(kept[0]["regex"].split("|")) == set(names_in(list(adapter_rules(objects).values())))


def test_the_queue_is_asked_of_the_service_whose_name_is_on_the_series():
    objects = render({"metrics": MONITORS})
    described = [item for kind, _, item in asked(objects) if kind == "Object"]
    assert len(described) == 2
    for item in described:
        assert item == {"apiVersion": "v1", "kind": "Service", "name": "shop-flask-scale-api-headless"}
        assert (item["name"], "api") in scraped(objects)
        assert {"target_label": "service", "replacement": item["name"]} in scrape_config(objects)["relabel_configs"]


@pytest.mark.parametrize("provider", ["hpa", "keda"])
def test_an_autoscaler_goes_by_the_queues_that_it_is_given(provider):
    scaling = {"queues": ["default", "mail"], "minReplicas": 0 if provider == "keda" else 1}
    objects = render({"autoscaling": {"provider": provider}, "worker": {"autoscaling": scaling}})
    if provider == "keda":
        mine = 'queue=~"default|mail"'
        found = {text.partition("{")[0].rpartition("(")[2]: mine in text for text in queries(objects)}
        assert found.items() >= {"flask_scale_queue_depth": True, "flask_scale_queue_oldest_age_seconds": True}.items()
        assert not found["flask_scale_jobs_running"], "a running job keeps its worker, whatever its queue"
        return
    selector = {"matchExpressions": [{"key": "queue", "operator": "In", "values": ["default", "mail"]}]}
    metrics = objects.component("HorizontalPodAutoscaler", "worker")["spec"]["metrics"]
    assert [item["object"]["metric"]["selector"] for item in metrics if item["type"] == "Object"] == [selector] * 2


def test_the_adapter_serves_every_metric_that_an_autoscaler_asks_for():
    objects = render()
    rules = adapter_rules(objects)
    wanted = {(name, "service" if kind == "Object" else "pod") for kind, name, _ in asked(objects)}
    assert {name for name, _ in wanted} == rules.keys()
    for name, resource in wanted:
        labels = rules[name]["resources"]["overrides"]
        assert labels == {"namespace": {"resource": "namespace"}, resource: {"resource": resource}}
        assert all(f'{label}!=""' in rules[name]["seriesQuery"] for label in labels)


def test_a_pod_that_was_never_asked_counts_as_no_requests_a_second():
    rule = adapter_rules(render())["http_requests_per_second"]
    assert rule["seriesQuery"].startswith("flask_scale_requests_in_flight{")
    assert rule["metricsQuery"].endswith(f"or sum by (<<.GroupBy>>) (0 * {ADAPTER})")


@pytest.mark.parametrize(("interval", "window"), [("5s", "15s"), ("30s", "90s")])
def test_rates_are_over_three_scrapes_of_the_bundled_prometheus(interval, window):
    values = {"metrics": {"bundled": {"scrapeInterval": interval}}}
    objects = render(values)
    assert f"interval: {interval}\n" in objects.get("ConfigMap", "prometheus")["data"]["prometheus.yml"]
    assert f"}}[{window}])" in adapter_rules(objects)["http_requests_per_second"]["metricsQuery"]
    keda = next(queries(render(merge(values, CASES["keda-bundled"]))))
    assert f"}}[{window}])" in keda


def test_rates_of_another_prometheus_are_over_a_minute():
    assert "}[1m])" in next(queries(rendered("keda")))


def test_what_every_pod_says_of_the_same_queue_counts_once_and_each_queue_does():
    found = [text for text in queries(rendered("keda")) if "queue_depth" in text]
    assert len(found) == 1
    assert re.fullmatch(r"sum\(max by \(queue\) \(flask_scale_queue_depth\{.*\}\)\)", found[0])
    rule = adapter_rules(render())["flask_scale_queue_depth"]
    assert rule["metricsQuery"] == f"sum by (<<.GroupBy>>) (max by (queue, <<.GroupBy>>) ({ADAPTER}))"


@pytest.mark.parametrize(
    ("what", "texts"),
    [
        ("autoscalers", lambda: [name for _, name, _ in asked(render()) if name != "http_requests_per_second"]),
        ("the adapter's rules", lambda: list(adapter_rules(render()).values())),
        ("KEDA's queries", lambda: list(queries(rendered("keda")))),
        ("alerts", lambda: list(queries(rendered("monitors")))),
        ("the dashboard", lambda: [dashboard()]),
        ("runbooks", lambda: [file.read_text() for file in (ROOT / "docs" / "runbooks").glob("*.md")]),
    ],
)
def test_every_series_is_one_that_the_library_exposes(what, texts):
    names = set(names_in(texts()))
    assert len(names) >= 3, what
    assert names <= exposed(), what


@pytest.mark.parametrize("case", ["keda", "keda-bundled", "monitors"])
def test_queries_pick_the_pods_of_this_release_alone(case):
    found = list(queries(rendered(case)))
    assert found
    for text in found:
        selectors = re.findall(r"flask_\w+(\{.*?\})", text)
        assert selectors
        for selector in selectors:
            assert 'namespace="web"' in selector
            pattern = re.compile(POD.search(selector)[1])
            ours = {part for part in ("api", "worker") if pattern.fullmatch(f"shop-flask-scale-{part}-7c9d8b5f6-x2x4z")}
            assert ours
            assert not pattern.fullmatch("other-flask-scale-api-7c9d8b5f6-x2x4z")
            assert not pattern.fullmatch("shop-flask-scale-nginx-7c9d8b5f6-x2x4z")


def test_the_dashboard_is_in_a_config_map_that_grafana_finds():
    assert not [item for item in render().of("ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]]
    item = rendered("monitors").get("ConfigMap", "dashboard")
    assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert item["metadata"]["labels"]["release"] == "prometheus"
    assert json.loads(item["data"]["flask-scale.json"]) == dashboard()


def test_every_panel_of_the_dashboard_asks_the_prometheus_that_is_chosen_for_the_release_that_is():
    variables = {item["name"]: item["type"] for item in dashboard()["templating"]["list"]}
    assert variables == {"datasource": "datasource", "namespace": "query", "release": "query"}
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        for target in panel["targets"]:
            selectors = re.findall(r"flask_\w+(\{.*?\})", target["expr"])
            assert selectors, panel["title"]
            assert all(part.startswith('{namespace="$namespace",pod=~"$release-') for part in selectors), panel["title"]
