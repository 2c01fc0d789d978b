"""Each alert fires when it should and else not: promtool, in the image of the chart's Prometheus, says so.

alerts/ALERT.yaml holds promtool's tests of an alert, but that `exp_alerts` lists the labels alone by which one alert
differs from others of its name: the rule gives the rest.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cluster import ROOT, Cluster
from support.docker import docker
from support.release import CHART

pytestmark = pytest.mark.own_cluster  # whose Docker has the image

TESTS = ROOT / "k8s-tests" / "alerts"

Rules = dict[str, Any]


@pytest.fixture(scope="module")
def rendered(cluster: Cluster) -> list[dict[str, Any]]:
    """The release that the tests speak of, with its alerts."""
    alerts = "metrics.prometheusRule.enabled=true"
    text = cluster.helm("template", "shop", CHART, "--set", alerts, namespace="web")
    return [item for item in yaml.safe_load_all(text) if item]


@pytest.fixture(scope="module")
def rules(rendered: list[dict[str, Any]]) -> Rules:
    """What the PrometheusRule holds."""
    found: Rules = next(item["spec"] for item in rendered if item["kind"] == "PrometheusRule")
    return found


@pytest.fixture
def folder(tmp_path: Path, rules: Rules) -> Path:
    """A folder that promtool's user reads, with the rules."""
    tmp_path.chmod(0o755)
    write(tmp_path / "rules.yaml", rules)
    return tmp_path


def write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(yaml.safe_dump(content))
    file.chmod(0o644)


def promtool(folder: Path, *arguments: str) -> str:
    """What promtool says of files in a folder."""
    image = yaml.safe_load((CHART / "values.yaml").read_text())["metrics"]["bundled"]["prometheus"]["image"]
    name = f"{image['repository']}:{image['tag']}"
    options = ("--rm", "--network=none", "--volume", f"{folder}:/alerts:ro", "--workdir", "/alerts")
    return docker("run", *options, "--entrypoint", "/bin/promtool", name, *arguments)


def whole(case: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """A case with all that promtool wants to hear of each alert that it expects."""
    rule = next(rule for rule in rules["groups"][0]["rules"] if rule["alert"] == case["alertname"])
    expected = [
        {"exp_labels": rule["labels"] | labels, "exp_annotations": rule["annotations"]} for labels in case["exp_alerts"]
    ]
    return case | {"exp_alerts": expected}


def test_prometheus_takes_the_rules(folder: Path, rules: Rules):
    assert f"{len(rules['groups'][0]['rules'])} rules found" in promtool(folder, "check", "rules", "rules.yaml")


def test_the_bundled_prometheus_takes_its_configuration(folder: Path, rendered: list[dict[str, Any]]):
    name = "shop-flask-scale-prometheus"
    data = next(item for item in rendered if item["kind"] == "ConfigMap" and item["metadata"]["name"] == name)["data"]
    write(folder / "prometheus.yml", yaml.safe_load(data["prometheus.yml"]))
    assert "SUCCESS" in promtool(folder, "check", "config", "prometheus.yml")


@pytest.mark.parametrize("file", sorted(TESTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_it_fires_when_it_should_and_else_not(folder: Path, rules: Rules, file: Path):
    groups = yaml.safe_load(file.read_text())["tests"]
    for group in groups:
        group["alert_rule_test"] = [whole(case, rules) for case in group["alert_rule_test"]]
    write(folder / "test.yaml", {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": groups})
    assert "SUCCESS" in promtool(folder, "test", "rules", "test.yaml")
