"""What the library exposes: the names of its series, from a scrape of an app with all its parts on."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from flask_scale import FlaskScale
from flask_scale.metrics import scrape
from flask_scale.metrics.instruments import instruments
from flask_scale.settings import Settings
from flask_scale.state import state_of
from flask_scale.testing.jobs import use_memory_jobs

#: What a family's series are called beside, or instead of, its own name.
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}

#: A series' name in PromQL and in texts.
NAME = re.compile(r"\bflask_(?:http|scale)_\w+")


@functools.cache
def exposed() -> frozenset[str]:
    """The names of all series."""
    # The gauges of the pool are there with a database, which a scrape does not connect to.
    app = Flask("exposed")
    FlaskScale(app, settings=Settings(database_url="postgresql://127.0.0.1:1/nowhere"))
    use_memory_jobs(app)
    instruments()
    with app.app_context():
        _type, body = scrape(state_of(app), None)
    return frozenset(
        f"{family.name}{suffix}"
        for family in text_string_to_metric_families(body.decode())
        for suffix in SUFFIXES.get(family.type, ("",))
    )


def names_in(part: Any) -> Iterator[str]:
    """Every name of a series of the library in texts, wherever they are."""
    if isinstance(part, dict):
        part = [*part.keys(), *part.values()]
    if isinstance(part, list):
        for item in part:
            yield from names_in(item)
    elif isinstance(part, str):
        yield from NAME.findall(part)
