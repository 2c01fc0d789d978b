"""Writes docs/reference/settings.md from the settings themselves: `make docs`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from flask_scale import settings
from flask_scale.settings import PREFIX, Settings

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "settings.md"

HEAD = """# Settings

Each is read from the environment variable of its name, else from `app.config` under the same name,
else its default holds. Units stand in the names. A name that begins with `FLASK_SCALE_` and is not
here ends the start with an error. This page is made from `src/flask_scale/settings.py` by `make docs`.
"""


def page() -> str:
    """The page as Markdown, one table a section."""
    lines = [HEAD]
    sections = _sections()
    for name, field in Settings.model_fields.items():
        if name in sections:
            lines += [f"\n## {sections[name]}\n", "| setting | type | default | what it does |", "|---|---|---|---|"]
        default = "none" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {_type(field)} | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def _sections() -> dict[str, str]:
    """The first field of each section, and the section's heading: the comments in the class."""
    source = Path(settings.__file__).read_text()
    found = re.findall(r"^    # (\w+)[.:].*(?:\n    #.*)*\n    (\w+):", source, re.MULTILINE)
    return {field: heading for heading, field in found}


def _type(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    choices = [choice for choice in get_args(annotation) if isinstance(choice, str)]
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    names = {int: "whole number", float: "number", bool: "true or false"}
    bounds = ", ".join(_bounds(field))
    return names.get(annotation, "text") + (f", {bounds}" if bounds else "")


def _bounds(field: FieldInfo) -> Iterator[str]:
    for word, sign in (("gt", "over"), ("ge", "from"), ("le", "to")):
        for bound in field.metadata:
            if hasattr(bound, word):
                yield f"{sign} {getattr(bound, word)}"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page())
