"""values.yaml, values.schema.json and the settings of the library agree; wrong values are refused in plain words."""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from flask_scale.settings import Settings
from tests.chart.cases import URLS
from tests.chart.support import CHART, merge, refused, render
from tests.chart.wrong_values import WRONG, Wrong


def default_values() -> dict[str, Any]:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema() -> dict[str, Any]:
    return json.loads((CHART / "values.schema.json").read_text())


def resolved(part: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """A part of the schema, with what its $ref names."""
    if "$ref" not in part:
        return part
    found: Any = whole
    for key in part["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return resolved(found, whole) | {key: value for key, value in part.items() if key != "$ref"}


def sections(values: dict[str, Any], part: dict[str, Any], whole: dict[str, Any], path: str = "") -> Iterator[Any]:
    """Each section that holds named values, with the schema's part for it."""
    part = resolved(part, whole)
    # A map of settings, resources and the like is given whole: its defaults are not all it takes.
    if values and "properties" in part and not path.endswith(("settings", "resources")):
        yield path, values, part
        for key, value in values.items():
            if isinstance(value, dict) and key in part["properties"]:
                yield from sections(value, part["properties"][key], whole, f"{path}.{key}".strip("."))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_refused_in_words_that_name_the_value(wrong: Wrong):
    message = refused(wrong.values)
    assert all(part.lower() in message.lower() for part in wrong.says), message


def test_the_schema_knows_the_same_values_as_the_defaults_and_no_others():
    whole = schema()
    for path, values, part in sections(default_values(), whole, whole):
        assert part["properties"].keys() - {"global"} == values.keys() - {"global"}, path
        assert part["additionalProperties"] is False, path


def test_an_unknown_key_is_refused_at_every_level():
    whole = schema()
    for path, _, _ in sections(default_values(), whole, whole):
        values: dict[str, Any] = {"unheardOf": 1}
        for key in reversed(path.split(".") if path else []):
            values = {key: values}
        assert "unheardOf" in refused(values), path


@pytest.mark.parametrize("unit", ["", "k", "kb", "m", "mb", "g", "gb", "MB"])
def test_redis_memory_is_counted_in_redis_units(unit):
    scale = {"k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}.get(unit.lower(), 1)

    def values(limit):
        return {"redis": {"cache": {"maxmemory": f"3{unit}", "resources": {"limits": {"memory": limit}}}}}

    assert "redis.cache.maxmemory" in refused(values(4 * scale - 1))
    assert render(values(4 * scale))


@pytest.mark.parametrize("unit", ["", "k", "m", "g", "G"])
def test_what_nginx_keeps_is_counted_in_nginx_units(unit):
    scale = {"k": 2**10, "m": 2**20, "g": 2**30}.get(unit.lower(), 1)
    values = {"api": {"settings": {"CACHE_EDGE_SECONDS": 60}}, "nginx": {"cacheSize": f"3{unit}", "maxBodySize": "2"}}
    assert "nginx.cacheSize" in refused(merge(values, {"nginx": {"tmpSizeLimit": 3 * scale + 2}}))
    assert render(merge(values, {"nginx": {"tmpSizeLimit": 3 * scale + 3}}))


def test_sizes_count_only_where_they_bound_something():
    assert render({"redis": {"cache": {"maxmemory": "9gb", "resources": {"limits": {"memory": None}}}}})
    assert render({"nginx": {"cacheSize": "9g"}})
    assert render(merge(URLS, {"redis": {"broker": {"maxmemory": "9gb"}}}))
    assert render({"redis": {"broker": {"persistence": {"enabled": False, "size": "1Mi"}}}})
    assert render({"nginx": {"enabled": False, "maxBodySize": "9g"}})


@pytest.mark.parametrize(
    "network",
    [
        "10.1.2.3",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "255.255.255.255/32",
        "fd00::/8",
        "::1",
        "::",
        "fe80::",
        "2001:db8::8:1/128",
        "1:2:3:4:5:6:7:8A",
    ],
)
def test_an_address_or_network_may_be_trusted(network):
    ipaddress.ip_network(network)
    assert render({"nginx": {"trustedProxies": [network]}})


@pytest.mark.parametrize(
    "network",
    [
        "",
        "10.0.0.0/8 1; include /etc/passwd",
        *["proxy", "abcd", "10.0.0", "1.2.3.4.5", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/"],
        *["fd00::/129", "1::2::3", "1:2:3", ":::", "12345::", "1:2:3:4:5:6:7:8:9"],
    ],
)
def test_nothing_else_may_be_trusted(network):
    with pytest.raises(ValueError, match=r".*"):
        ipaddress.ip_network(network)
    assert "trustedProxies" in refused({"nginx": {"trustedProxies": [network]}})


def scaling(half, rules):
    return {"api": {"autoscaling": {"behavior": {half: rules}}}}


POLICY = {"type": "Pods", "value": 1, "periodSeconds": 60}


@pytest.mark.parametrize("half", ["scaleUp", "scaleDown"])
@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"stabilizationWindow": 60}, "stabilizationWindow"),
        ({"stabilizationWindowSeconds": 3601}, "stabilizationWindowSeconds"),
        ({"selectPolicy": "Least"}, "selectPolicy"),
        ({"policies": []}, "policies"),
        ({"policies": [POLICY | {"type": "pods"}]}, "type"),
        ({"policies": [POLICY | {"value": 0}]}, "value"),
        ({"policies": [POLICY | {"periodSeconds": 1801}]}, "periodSeconds"),
        ({"policies": [POLICY | {"every": 60}]}, "every"),
        ({"policies": [{"type": "Pods", "value": 1}]}, "periodSeconds"),
        ({"tolerance": "a tenth"}, "tolerance"),
    ],
)
def test_a_behavior_that_kubernetes_refuses_is_refused(half, rules, says):
    assert says in refused(scaling(half, rules))


@pytest.mark.parametrize("tolerance", [0.05, "50m"])
def test_a_behavior_may_say_all_that_kubernetes_takes(tolerance):
    rules = {"stabilizationWindowSeconds": 3600, "selectPolicy": "Min", "tolerance": tolerance}
    rules["policies"] = [POLICY, {"type": "Percent", "value": 400, "periodSeconds": 1800}]
    objects = render(scaling("scaleUp", rules))
    assert objects.component("HorizontalPodAutoscaler", "api")["spec"]["behavior"]["scaleUp"] == rules
    assert render(scaling("scaleDown", {"selectPolicy": "Disabled"}))


@pytest.mark.parametrize("share", [1, 200, "1%", "99%", "100%"])
def test_a_disruption_budget_may_be_a_number_or_a_share(share):
    assert render({"api": {"pdb": {"maxUnavailable": share}}})


@pytest.mark.parametrize(
    ("release", "values"),
    [
        ("2nd", {}),
        ("my.app", {}),
        ("shop", {"nameOverride": "Web"}),
        ("shop", {"nameOverride": "web_site"}),
    ],
)
def test_names_that_no_service_may_have_are_refused_with_the_way_out(release, values):
    assert "fullnameOverride" in refused(values, release=release)
    assert render(merge(values, {"fullnameOverride": "front"}), release=release)


def names_of_settings(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        settings = part.get("properties", {}).get("settings")
        if settings:
            settings = resolved(settings, schema())
            yield from settings.get("properties", {})
            yield from settings.get("propertyNames", {}).get("enum", [])
        for value in part.values():
            yield from names_of_settings(value)


def test_every_setting_that_the_schema_lists_is_one_of_the_library():
    names = set(names_of_settings(schema()))
    known = {name.upper() for name in Settings.model_fields}
    assert names
    assert names <= known
