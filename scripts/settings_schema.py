"""Write the library's settings into the chart's values.schema.json: `make docs`.

A key of `settings` is a setting's name without its prefix; those that the chart itself sets are left out.
"""

import json
import sys
from pathlib import Path
from typing import Any

from flask_scale.settings import Settings

SCHEMA = Path(__file__).parents[1] / "charts" / "flask-scale" / "values.schema.json"

#: What the chart sets itself.
OWNED = frozenset(
    [
        "bind",
        "internal_bind",
        "worker_internal_bind",
        "database_url",
        "cache_url",
        "broker_url",
        "cache_prefix",
        "migrations",
        "wait_for_migrations_seconds",
    ]
)

#: What no release may set.
NEVER = frozenset(["failpoints"])

#: What a JSON schema of pydantic's says of a setting, and Helm can check.
KEPT = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "maxLength")


def settings_definition() -> dict[str, Any]:
    """The schema of a `settings` value."""
    fields = Settings.model_json_schema()["properties"]
    properties = {
        name.upper(): {key: field[key] for key in KEPT if key in field}
        for name, field in sorted(fields.items())
        if name not in OWNED | NEVER
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def with_settings(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with the settings as they are now."""
    return {**schema, "definitions": {**schema["definitions"], "settings": settings_definition()}}


def main() -> int:
    schema = json.loads(SCHEMA.read_text())
    SCHEMA.write_text(json.dumps(with_settings(schema), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
