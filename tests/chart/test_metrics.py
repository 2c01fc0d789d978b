"""What is scraped, and that autoscalers and alerts ask for what is scraped by the labels that it has."""

import re

import pytest
import yaml

from tests.chart.cases import KEDA, MONITORS, rendered
from tests.chart.support import CHART, ROOT, render, selects

HPA = {"autoscaling": {"provider": "hpa"}, "metrics": MONITORS}
POD = re.compile(r'pod=~"([^"]+)"')


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


def adapter_rules():
    """The rules for prometheus-adapter in the chart's README."""
    text = (CHART / "README.md").read_text()
    return yaml.safe_load(re.search(r"```yaml\n(rules:.*?)```", text, re.DOTALL)[1])["rules"]["custom"]


@pytest.mark.parametrize("values", [{"metrics": MONITORS}, HPA, {"metrics": MONITORS, "nginx": {"enabled": False}}])
def test_every_pod_is_scraped_once(values):
    assert scraped(render(values)) == [("shop-flask-scale-api-headless", "api"), ("shop-flask-scale-worker", "worker")]


def test_the_queue_is_asked_of_the_service_whose_name_is_on_the_series():
    objects = render(HPA)
    described = [item for kind, _, item in asked(objects) if kind == "Object"]
    assert len(described) == 2
    for item in described:
        assert item == {"apiVersion": "v1", "kind": "Service", "name": "shop-flask-scale-api-headless"}
        assert (item["name"], "api") in scraped(objects)


def test_the_readmes_rules_serve_every_metric_that_an_autoscaler_asks_for():
    rules = {rule.get("name", {}).get("as", rule["seriesQuery"].split("{")[0]): rule for rule in adapter_rules()}
    wanted = {(name, "service" if kind == "Object" else "pod") for kind, name, _ in asked(render(HPA))}
    assert {name for name, _ in wanted} == rules.keys()
    for name, resource in wanted:
        labels = rules[name]["resources"]["overrides"]
        assert labels == {"namespace": {"resource": "namespace"}, resource: {"resource": resource}}
        assert all(f'{label}!=""' in rules[name]["seriesQuery"] for label in labels)


def test_every_series_that_is_asked_for_is_one_of_the_library():
    code = "".join(file.read_text() for file in (ROOT / "src" / "flask_scale").rglob("*.py"))
    objects = [*queries(rendered("keda")), *queries(rendered("monitors"))]
    names = {name for text in objects for name in re.findall(r"flask_\w+", text)}
    names |= {rule["seriesQuery"].split("{")[0] for rule in adapter_rules()}
    assert len(names) >= 5
    for name in names:
        short = name.removeprefix("flask_scale_")
        assert f'"{name}"' in code or f'_gauge("{short}"' in code, name


@pytest.mark.parametrize("values", [{"autoscaling": KEDA}, {"metrics": MONITORS}])
def test_queries_pick_the_apis_pods_of_this_release_alone(values):
    found = list(queries(render(values)))
    assert found
    for text in found:
        selectors = re.findall(r"flask_\w+(\{.*?\})", text)
        assert selectors
        for selector in selectors:
            assert 'namespace="web"' in selector
            pattern = re.compile(POD.search(selector)[1])
            assert pattern.fullmatch("shop-flask-scale-api-7c9d8b5f6-x2x4z")
            assert not pattern.fullmatch("other-flask-scale-api-7c9d8b5f6-x2x4z")
            assert not pattern.fullmatch("shop-flask-scale-worker-7c9d8b5f6-x2x4z")


def test_what_every_pod_says_of_the_same_queue_counts_once_and_each_queue_does():
    found = [text for text in queries(render({"autoscaling": KEDA})) if "queue_depth" in text]
    assert len(found) == 1
    assert re.fullmatch(r"sum\(max by \(queue\) \(flask_scale_queue_depth\{.*\}\)\)", found[0])
    rule = next(rule for rule in adapter_rules() if rule["seriesQuery"].startswith("flask_scale_queue_depth"))
    series = "<<.Series>>{<<.LabelMatchers>>}"
    assert rule["metricsQuery"] == f"sum by (<<.GroupBy>>) (max by (queue, <<.GroupBy>>) ({series}))"
