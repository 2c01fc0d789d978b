"""Versions of the directory with a flaw: a few lines that Python runs before the server."""

from typing import Any

from support.release import Release

#: As large apps do.
SLOW_TO_START = """
import sys, time
if "serve" in sys.orig_argv:
    time.sleep(20)
"""

#: Ends itself two seconds after it is ready: long enough for the probe to see it.
DIES_WHEN_READY = """
import os, signal, sys, time, urllib.request

def until_ready():
    while True:
        try:
            urllib.request.urlopen("http://127.0.0.1:8001/readyz")
            return
        except OSError:
            time.sleep(0.2)

if "serve" in sys.orig_argv and os.fork() == 0:
    until_ready()
    time.sleep(2)
    os.kill(os.getppid(), signal.SIGINT)
    os._exit(0)
"""


def flawed(release: Release, name: str, code: str) -> dict[str, Any]:
    """The release's values with that flaw in the API."""
    release.namespace.config_map(name, {"sitecustomize.py": code})
    api = {
        "env": [{"name": "PYTHONPATH", "value": f"/flaws/{name}"}],
        "extraVolumes": [{"name": name, "configMap": {"name": name}}],
        "extraVolumeMounts": [{"name": name, "mountPath": f"/flaws/{name}"}],
    }
    return {**release.values, "api": {**release.values.get("api", {}), **api}}
