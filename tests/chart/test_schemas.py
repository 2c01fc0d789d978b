"""Every object of every case is what Kubernetes 1.28 to the newest, and the operators, take."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.cases import CASES, OPTIONS
from tests.chart.support import CHART, KUBERNETES, SCHEMAS, template, tool

#: Versions from which on the chart renders something else.
TURNS = (KUBERNETES[0], "1.30")

#: Checksums and Secrets of random passwords, which make no other kind of object.
RANDOM = re.compile(r"\b[0-9a-f]{64}\b|(?<=: )[A-Za-z0-9+/]{40,}=*$", re.MULTILINE)


def kubeconform(version: str, *files: Path) -> subprocess.CompletedProcess[str]:
    schema = SCHEMAS / f"{version}.json"
    command = [tool("kubeconform"), "-n", "1", "-strict", "-summary", "-schema-location", str(schema), *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each turn a folder of what all cases render, and how many objects it holds: each once, in its first case."""
    found = {}
    for turn in TURNS:
        folder, seen = tmp_path_factory.mktemp(turn), set()
        for case, values in CASES.items():
            parts = template(values, kube_version=turn, **OPTIONS.get(case, {})).split("\n---\n")
            new = {RANDOM.sub("x", part): part for part in parts if re.search("^kind:", part, re.MULTILINE)}
            new = {key: part for key, part in new.items() if key not in seen}
            (folder / f"{case}.yaml").write_text("\n---\n".join(new.values()))
            seen.update(new)
        found[turn] = folder, len(seen)
    return found


@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_holds_against_the_schemas_of(version, folders):
    folder, count = folders[max(turn for turn in TURNS if KUBERNETES.index(turn) <= KUBERNETES.index(version))]
    answer = kubeconform(version, folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"Summary: {count} resources" in answer.stdout


def test_nothing_but_these_turns_makes_versions_differ():
    code = [text for file in sorted(CHART.rglob("templates/**/*")) if file.is_file() for text in [file.read_text()]]
    found = [line.strip() for text in code for line in text.splitlines() if "Capabilities.KubeVersion" in line]
    assert found == [f'{{{{- if semverCompare ">={TURNS[1]}.0-0" (index . 0).Capabilities.KubeVersion.Version }}}}']


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
        ("PodMonitor", "monitoring.coreos.com/v1", "{selector: {}, podMetricsEndpoints: [{prot: a}]}"),
        ("APIService", "apiregistration.k8s.io/v1", "{groupPriorityMinimum: 1, versionPriority: 1, servce: {}}"),
        ("PrometheusRule", "monitoring.coreos.com/v1", "{groups: [{name: a, rules: [{alrt: a, expr: b}]}]}"),
    ],
)
def test_the_schemas_refuse_a_misspelt_field_of(kind, version, spec, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n")
    answer = kubeconform(KUBERNETES[0], file)
    assert "not allowed" in answer.stdout
