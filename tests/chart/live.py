"""A cluster as `lookup` in a template sees it: an API server that only knows the objects that it is given."""

import copy
import json
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

from tests.chart.support import CHART, NAMESPACE, RELEASE, USED, Object, Refused, Rendered, Values, merge, tool

#: What can be looked up: API, plural, kind, whether it is in a namespace.
KINDS = (
    ("api/v1", "secrets", "Secret", True),
    ("api/v1", "persistentvolumeclaims", "PersistentVolumeClaim", True),
    ("apis/apps/v1", "deployments", "Deployment", True),
    ("apis/apps/v1", "statefulsets", "StatefulSet", True),
    ("apis/apiregistration.k8s.io/v1", "apiservices", "APIService", False),
)
GROUPS = ("apps", "apiregistration.k8s.io")

#: What Helm writes on the objects of this release.
OWNED = {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": NAMESPACE}


def _answers(objects: Iterable[Object]) -> dict[str, Any]:
    """What the API server says, by path."""
    versions = {name: {"groupVersion": f"{name}/v1", "version": "v1"} for name in GROUPS}
    groups = [{"name": name, "versions": [version], "preferredVersion": version} for name, version in versions.items()]
    answers: dict[str, Any] = {
        "/version": {"major": "1", "minor": USED.split(".")[1], "gitVersion": f"v{USED}.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
    }
    for api, plural, kind, namespaced in KINDS:
        version = api.split("/", 1)[1]
        listed = {"kind": "APIResourceList", "groupVersion": version, "resources": []}
        resource = {"name": plural, "namespaced": namespaced, "kind": kind, "verbs": ["get"]}
        answers.setdefault(f"/{api}", listed)["resources"].append(resource)
        for item in objects:
            if item["kind"] == kind:
                folder = f"/{api}/namespaces/{NAMESPACE}" if namespaced else f"/{api}"
                answers[f"{folder}/{plural}/{item['metadata']['name']}"] = item
    return answers


@contextmanager
def _serving(objects: Iterable[Object]) -> Iterator[str]:
    answers = _answers(objects)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            answer = answers.get(self.path.split("?")[0], missing)
            body = json.dumps(answer).encode()
            self.send_response(answer.get("code", 200))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def render_on(live: Iterable[Object], values: Values | None = None) -> Rendered:
    """The objects that an install or upgrade gives on a cluster with these.

    Raises:
        Refused: helm says no.
    """
    with _serving(live) as address:
        command = [tool("helm"), "template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", "-"]
        command += ["--dry-run=server", "--kube-apiserver", address, "--kubeconfig", os.devnull]
        answer = subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Refused(answer.stderr)
    return Rendered(item for item in yaml.load_all(answer.stdout, yaml.CSafeLoader) if item)


class Cluster:
    """What is live between upgrades of one release, by Kubernetes' and Helm's rules for the number of pods.

    Args:
        values: Given with every upgrade, under its own.
    """

    def __init__(self, values: Values | None = None) -> None:
        self._values = values or {}
        self.manifest = Rendered()
        self.live = Rendered()

    def upgrade(self, values: Values | None = None) -> None:
        """`helm upgrade`: what the manifest before had and the new one has not is taken away, and 1 is the default."""
        manifest = render_on(self.live, merge(self._values, values or {}))
        numbers = {item["metadata"]["name"]: item["spec"]["replicas"] for item in self.live.of("Deployment")}
        given = {item["metadata"]["name"] for item in self.manifest.of("Deployment") if "replicas" in item["spec"]}
        live = copy.deepcopy(manifest)
        for item in live:
            item["metadata"].setdefault("annotations", {}).update(OWNED)
        for item in live.of("Deployment"):
            name = item["metadata"]["name"]
            item["spec"].setdefault("replicas", 1 if name in given else numbers.get(name, 1))
        self.manifest, self.live = manifest, live

    def scale(self, **numbers: int) -> None:
        """`kubectl scale`, or an autoscaler's doing, of each component."""
        for component, replicas in numbers.items():
            self.live.component("Deployment", component)["spec"]["replicas"] = replicas

    def replicas(self, component: str) -> int:
        return int(self.live.component("Deployment", component)["spec"]["replicas"])

    def sets_replicas(self, component: str) -> bool:
        """Whether a rollback to the newest version would set the number."""
        return "replicas" in self.manifest.component("Deployment", component)["spec"]
