"""values.yaml, values.schema.json and the settings of the library agree; wrong values are refused in plain words."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from flask_scale.settings import Settings
from tests.chart.support import CHART, refused
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
