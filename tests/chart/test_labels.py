"""Labels, annotations and variables of a person's beside the chart's own: no name twice, and pods are still found."""

import pytest
import yaml

from tests.chart.cases import CASES, MONITORS, OPTIONS
from tests.chart.support import merge, refused, render, template

PODS = ("api", "worker", "nginx", "redis", "postgresql")
BUNDLED = ("prometheus", "adapter")
SAME = {"team": "shop", "release": "prometheus"}
BOTH = {
    "commonLabels": SAME | {"app.kubernetes.io/version": "mine"},
    "metrics": merge(
        MONITORS,
        {"serviceMonitor": {"labels": {"team": "watch"}}},
        {"bundled": {name: {"podLabels": {"team": name}, "podAnnotations": {"a": "b"}} for name in BUNDLED}},
    ),
    **{name: {"podLabels": {"team": name}, "podAnnotations": {"checksum/config": "x", "a": "b"}} for name in PODS},
}


class Strict(yaml.CSafeLoader):
    """Refuses a key that comes twice, as Kubernetes does and PyYAML does not."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        assert len(keys) == len(set(keys)), f"twice in {keys}: {node.start_mark}"
        return super().construct_mapping(node, deep)


Strict.add_constructor("tag:yaml.org,2002:map", lambda loader, node: loader.construct_mapping(node, deep=True))


@pytest.mark.parametrize("case", CASES)
def test_no_key_comes_twice(case):
    list(yaml.load_all(template(CASES[case], **OPTIONS.get(case, {})), Strict))


def test_the_nearest_label_wins_and_no_key_comes_twice():
    list(yaml.load_all(template(BOTH), Strict))
    objects = render(BOTH)
    for name in ("api", "worker", "nginx", *BUNDLED):
        pod = objects.component("Deployment", name)["spec"]["template"]["metadata"]
        assert pod["labels"]["team"] == name
        assert pod["labels"]["release"] == "prometheus"
        assert pod["annotations"]["a"] == "b"
    nginx = objects.component("Deployment", "nginx")
    assert len(nginx["spec"]["template"]["metadata"]["annotations"]["checksum/config"]) == 64
    assert nginx["metadata"]["labels"]["team"] == "shop"
    assert nginx["metadata"]["labels"]["app.kubernetes.io/version"] == "mine"
    assert objects.of("ServiceMonitor")[0]["metadata"]["labels"]["team"] == "watch"


def test_a_label_by_which_objects_are_found_is_refused():
    labels = {f"app.kubernetes.io/{part}": "mine" for part in ("name", "instance", "component")}
    common = labels | {"app.kubernetes.io/managed-by": "mine"}
    parts = {name: {"podLabels": labels} for name in (*PODS, *BUNDLED)}
    bundled = {"bundled": {name: parts.pop(name) for name in BUNDLED}}
    message = refused({"commonLabels": common, "metrics": bundled} | parts)
    for label in common:
        assert f"commonLabels: {label} " in message
    for name in (*PODS, *(f"metrics.bundled.{name}" for name in BUNDLED)):
        assert all(f"{name}.podLabels: {label} " in message for label in labels)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"api": {"env": [{"name": "FLASK_SCALE_BIND", "value": "x"}]}}, "api.env: FLASK_SCALE_BIND"),
        (
            {"settings": {"WORKERS": 2}, "api": {"env": [{"name": "FLASK_SCALE_WORKERS", "value": "9"}]}},
            "api.env: FLASK_SCALE_WORKERS",
        ),
        ({"worker": {"env": [{"name": "FLASK_SCALE_BROKER_URL", "value": "x"}]}}, "worker.env: FLASK_SCALE_BROKER_URL"),
    ],
)
def test_a_variable_that_the_chart_sets_is_not_set_twice(values, says):
    assert says in refused(values)
