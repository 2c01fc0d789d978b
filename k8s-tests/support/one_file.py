"""An app that is one file and needs no store, mounted into the chart's own image."""

from typing import Any

from support.namespace import Namespace
from support.release import NO_AUTOSCALER


def one_file(namespace: Namespace, code: str, *, replicas: int = 1) -> dict[str, Any]:
    """Put the file there; gives the values of a release that serves its `app`."""
    namespace.config_map("app", {"app.py": code})
    return {
        **NO_AUTOSCALER,
        "settings": {"WORKERS": 2},
        "api": {
            "app": "app:app",
            "replicaCount": replicas,
            "extraVolumes": [{"name": "app", "configMap": {"name": "app"}}],
            "extraVolumeMounts": [{"name": "app", "mountPath": "/app/app.py", "subPath": "app.py"}],
        },
        "worker": {"enabled": False},
        "migrations": {"mode": "none"},
        "redis": {"enabled": False},
        "postgresql": {"enabled": False},
        "tests": {"path": "/"},
    }
