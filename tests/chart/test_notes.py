"""What an install says when it is done: what to know of these values that no guard refuses."""

import json
import shutil
import subprocess

import pytest
import yaml

from tests.chart.cases import INGRESS, MONITORS, NO_AUTOSCALER, NO_NGINX, OWN_APP, ROUTE
from tests.chart.support import CHART, NAMESPACE, RELEASE, merge, tool


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    """What NOTES.txt makes of values: an object of a copy of the chart, since without a cluster helm shows no notes."""
    chart = tmp_path_factory.mktemp("chart") / CHART.name
    shutil.copytree(CHART, chart)
    templates = chart / "templates"
    text = (templates / "NOTES.txt").read_text()
    (templates / "_notes.tpl").write_text(f'{{{{- define "notes" -}}}}\n{text}\n{{{{- end -}}}}')
    (templates / "notes.yaml").write_text('notes: {{ include "notes" . | toJson }}')
    command = [tool("helm"), "template", RELEASE, str(chart), "--namespace", NAMESPACE]
    command += ["--show-only", "templates/notes.yaml", "--values", "-"]

    def notes(values):
        answer = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=True)
        return yaml.safe_load(answer.stdout)["notes"]

    return notes


def test_whoever_scales_by_hand_counts_the_connections(notes):
    said = "PostgreSQL's connections"
    assert said in notes(NO_AUTOSCALER)
    assert said not in notes({})
    assert said not in notes(merge(OWN_APP, NO_AUTOSCALER))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({}, True),
        ({"runbookUrl": "https://git.example/runbooks"}, False),
        ({"runbookUrl": ""}, False),
        ({"enabled": False}, False),
    ],
)
def test_alerts_whose_links_nobody_can_follow_are_told(notes, rule, said):
    text = notes({"metrics": merge(MONITORS, {"prometheusRule": rule})})
    assert ("metrics.prometheusRule.runbookUrl" in text) is said


@pytest.mark.parametrize("front", [{"ingress": INGRESS}, {"httpRoute": ROUTE}])
def test_a_controller_whose_word_nobody_takes_is_told(notes, front):
    said = "nginx.trustedProxies"
    assert said in notes(front)
    assert said not in notes(merge(front, {"nginx": {"trustedProxies": ["10.1.2.0/24"]}}))
    assert said not in notes(merge(front, NO_NGINX))
    assert said not in notes({})
