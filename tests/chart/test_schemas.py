"""Every object of every case is what Kubernetes 1.28 to the newest, and the operators, take."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.cases import CASES, OPTIONS
from tests.chart.support import CHART, KUBERNETES, SCHEMAS, template, tool


def kubeconform(version: str, *files: Path) -> subprocess.CompletedProcess[str]:
    schema = SCHEMAS / f"{version}.json"
    command = [tool("kubeconform"), "-strict", "-summary", "-schema-location", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_holds_against_the_schemas_of(version, tmp_path):
    for case, values in CASES.items():
        (tmp_path / f"{case}.yaml").write_text(template(values, kube_version=version, **OPTIONS.get(case, {})))
    answer = kubeconform(version, *sorted(tmp_path.iterdir()))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_the_versions_begin_with_the_oldest_that_the_chart_takes():
    minimum = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    assert minimum == f">={KUBERNETES[0]}.0-0"
    assert len(KUBERNETES) >= 10


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        ("kind: Service\nspec: {prots: []}", "'prots' not allowed"),
        ("kind: Service\nspec: {ports: [{port: http}]}", "got string"),
        ("kind: Pod\nspec: {containers: [{name: a, resources: {limits: {memory: 1GB}}}]}", "does not match pattern"),
        ("kind: Deployment", "'/apiVersion'"),
        ("kind: Unheard", "'/kind'"),
    ],
)
def test_the_schemas_refuse(broken, found, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(f"apiVersion: v1\nmetadata: {{name: a}}\n{broken}\n")
    answer = kubeconform(KUBERNETES[-1], file)
    assert answer.returncode
    assert found in answer.stdout


@pytest.mark.parametrize(
    ("kind", "version", "spec"),
    [
        ("HTTPRoute", "gateway.networking.k8s.io/v1", "{rules: [{backendRef: []}]}"),
        ("ScaledObject", "keda.sh/v1alpha1", "{scaleTargetRef: {nam: a}, triggers: [{type: a, metadata: {}}]}"),
        ("ServiceMonitor", "monitoring.coreos.com/v1", "{selector: {}, endpoints: [{prot: a}]}"),
        ("PrometheusRule", "monitoring.coreos.com/v1", "{groups: [{name: a, rules: [{alrt: a, expr: b}]}]}"),
    ],
)
def test_the_custom_schemas_refuse_a_misspelt_field_of(kind, version, spec, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n")
    answer = kubeconform(KUBERNETES[0], file)
    assert "not allowed" in answer.stdout
