"""What one app holds of flask_scale: its settings and the clients built from them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from prometheus_client import CollectorRegistry

from flask_scale.errors import NotConfigured
from flask_scale.settings import Settings

if TYPE_CHECKING:
    from flask_scale.cache import DataCache
    from flask_scale.cache.read_through import ReadThrough
    from flask_scale.database import Database
    from flask_scale.jobs import Jobs, TaskRegistry
    from flask_scale.metrics.requests import RequestMetrics
    from flask_scale.response_cache import ViewResponses

EXTENSION = "flask_scale"


@dataclass
class State:
    """Kept in `app.extensions["flask_scale"]`; each part fills in its own field."""

    settings: Settings
    database: "Database | None" = None
    cache: "DataCache | None" = None
    #: Reads whole responses through the cache.
    reader: "ReadThrough | None" = None
    #: Responses of views, kept behind the app's access checks.
    responses: "ViewResponses | None" = None
    jobs: "Jobs | None" = None
    #: The tasks declared on the FlaskScale object that set the app up.
    tasks: "TaskRegistry | None" = None
    #: Counts requests; None where the app counts them itself.
    requests: "RequestMetrics | None" = None
    #: The app's own request metrics: a registry of its own, since one process may make many apps.
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    #: Part by name: "on", or "off: why".
    parts: dict[str, str] = field(default_factory=dict)


def state_of(app: Flask | None = None) -> State:
    """The state of `app`, or of the app whose context is active.

    Raises:
        NotConfigured: the app was never given to `FlaskScale`.
    """
    extensions = (app or current_app).extensions
    if EXTENSION not in extensions:
        raise NotConfigured("this app has no flask_scale: call FlaskScale(app) or scale.init_app(app)")
    return cast(State, extensions[EXTENSION])
