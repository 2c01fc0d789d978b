"""A value set to null, which takes a default away: as good as empty, or refused by name; never a broken template."""

import base64
from typing import Any

import pytest

from tests.chart.cases import KEDA, MONITORS, URLS
from tests.chart.support import merge, refused, render
from tests.chart.test_values import default_values, schema, sections

#: No number, and what a person takes away piece by piece.
MAY_GO = {"replicaCount", "nodePort", "resources", "settings"}

INGRESS = {"ingress": {"enabled": True, "preset": "community"}, "metrics": MONITORS}
ROUTE = {
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
    "autoscaling": KEDA,
    "nginx": {"enabled": False},
} | URLS


def is_empty(value: Any) -> bool:
    return value in ("", [], {}) and value is not False


def empties(values: dict[str, Any]) -> dict[str, Any]:
    """null for each default that is empty text, list or map."""
    parts = {key: empties(value) if isinstance(value, dict) and value else None for key, value in values.items()}
    kept = {key: part for key, part in parts.items() if part or is_empty(values[key])}
    return {key: part for key, part in kept.items() if part != {}}


def without_secrets(objects):
    """The objects without what is random or follows from it."""
    for item in objects:
        if item["kind"] == "Secret":
            item = item | {"data": sorted(item["data"])}
        if item["kind"] == "APIService":
            item = item | {"spec": item["spec"] | {"caBundle": ""}}
        annotations = item.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        for name in [name for name in annotations if name.startswith("checksum/")]:
            annotations[name] = ""
        yield item


@pytest.mark.parametrize("values", [{}, INGRESS, ROUTE], ids=["defaults", "ingress and monitors", "route and keda"])
def test_null_is_as_good_as_empty(values):
    nulls = empties(default_values())
    assert len(nulls) > 10
    objects = render(merge(nulls, values))
    assert list(without_secrets(objects)) == list(without_secrets(render(values)))
    for secret in objects.of("Secret"):
        texts = {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}
        assert all(len(text) == 32 for key, text in texts.items() if key.endswith("password"))


def test_every_other_value_is_required():
    whole = schema()
    assert set(whole["required"]) == default_values().keys() - {"settings", "commonLabels", "nameOverride"} - {
        "fullnameOverride"
    }
    for path, values, part in sections(default_values(), whole, whole):
        wanted = {key for key, value in values.items() if not is_empty(value) and key not in MAY_GO}
        # Without a tag it is the appVersion, where the image is the chart's own; without a registry that of all.
        assert set(part.get("required", [])) == wanted - ({"tag", "registry"} if path.endswith("image") else set()), (
            path
        )


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"api": None}, "'api'"),
        ({"api": {"image": {"repository": None}}}, "'repository'"),
        ({"worker": {"probes": None}}, "'probes'"),
        ({"nginx": {"enabled": None}}, "'enabled'"),
        ({"postgresql": {"persistence": {"size": None}}}, "'size'"),
        ({"settings": {"WORKERS": None}}, "/settings/WORKERS"),
        ({"redis": {"image": {"tag": None}}}, "redis.image.tag"),
        ({"postgresql": {"image": {"tag": ""}}}, "postgresql.image.tag"),
        ({"nginx": {"image": {"tag": ""}}}, "nginx.image.tag"),
        ({"metrics": {"bundled": {"adapter": {"image": {"tag": None}}}}}, "metrics.bundled.adapter.image.tag"),
        ({"metrics": {"bundled": None}}, "'bundled'"),
    ],
)
def test_a_value_that_cannot_go_is_named(values, name):
    message = refused(values)
    assert name in message
    assert "template:" not in message


def test_what_may_go_renders():
    gone: dict[str, Any] = {"resources": None, "replicaCount": None}
    objects = render(
        {
            "api": gone | {"autoscaling": {"cpuPercent": 0}},
            "worker": gone,
            "nginx": {**gone, "service": {"nodePort": None}},
            "redis": {"broker": {"resources": {"limits": None}}, "cache": {"resources": {"requests": {"cpu": None}}}},
            "postgresql": {"resources": None},
            "migrations": {"resources": None},
            "metrics": {"bundled": {"prometheus": {"resources": None}, "adapter": {"resources": None}}},
        }
    )
    assert not objects.component("Deployment", "api")["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert "api.resources.requests.cpu" in refused({"api": gone})
