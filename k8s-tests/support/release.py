"""A release of the chart."""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from kubernetes.client import V1ContainerStatus, V1Pod

from support.cluster import ROOT, CommandFailed
from support.namespace import Namespace
from support.waiting import eventually

CHART = Path(os.environ.get("CHART_UNDER_TEST", ROOT / "charts" / "flask-scale"))

#: Where kind leads node port 30081: see k8s-tests/cluster/kind.yaml.
OWN_NODE_PORT = 30081
OWN_NGINX = f"http://127.0.0.1:{os.environ.get('CLUSTER_NGINX_PORT') or 18081}"

#: The Ingress controller of `make cluster`, and the host under which the shared directory is there.
OWN_INGRESS = f"http://127.0.0.1:{os.environ.get('CLUSTER_HTTP_PORT') or 18080}"
HOST = "directory.example.org"

#: Of every release but one: a cluster has one custom metrics API. `kubectl scale` says the number of pods.
NO_AUTOSCALER = {"autoscaling": {"provider": "none"}}

#: What may move between nodes; the stores' volumes are the nodes' own.
MOBILE = ("api", "worker", "nginx")

#: A registry that another cluster pulls the two images from; empty where they are on its nodes.
REGISTRY = os.environ.get("IMAGE_REGISTRY", "")


class Release:
    """One `helm install` of the chart in a namespace.

    Args:
        values: What `-f` gives; none for an install with no values at all.
    """

    def __init__(self, namespace: Namespace, name: str, values: Mapping[str, Any] | None = None) -> None:
        self.namespace = namespace
        self.name = name
        self.values: Mapping[str, Any] = values or {}

    @property
    def fullname(self) -> str:
        """What its objects' names begin with."""
        return f"{self.name}-flask-scale"

    def exists(self) -> bool:
        """Whether it is installed."""
        try:
            self.namespace.helm("status", self.name)
        except CommandFailed:
            return False
        return True

    def install(self, *, wait: bool = True) -> str:
        """`helm install`, until every pod is ready; gives what helm prints."""
        return self._helm("install", self.values, wait)

    def upgrade(self, values: Mapping[str, Any] | None = None, *, wait: bool = True, timeout: str = "5m") -> str:
        """`helm upgrade` to `values`, or to the ones of the install."""
        return self._helm("upgrade", self.values if values is None else values, wait, timeout)

    def rollback(self) -> str:
        """`helm rollback` to the revision before."""
        return self.namespace.helm("rollback", self.name, "--wait", "--timeout", "5m")

    def uninstall(self) -> None:
        """`helm uninstall`, until the pods are gone."""
        self.namespace.helm("uninstall", self.name, "--wait", "--timeout", "5m")
        eventually(lambda: not self.pods(), f"the pods of {self.name} are gone")

    def _helm(self, verb: str, values: Mapping[str, Any], wait: bool, timeout: str = "5m") -> str:
        options = ["--wait", "--wait-for-jobs", "--timeout", timeout] if wait else []
        if REGISTRY:
            options += ["--set", f"api.image.registry={REGISTRY},worker.image.registry={REGISTRY}"]
        # No `-f` without values: an install with none at all is a promise of its own.
        stdin = json.dumps(values) if values else None
        options += ["--values", "-"] if values else []
        return self.namespace.helm(verb, self.name, CHART, *options, stdin=stdin)

    def manifest(self) -> str:
        """The objects that helm applied last."""
        return self.namespace.helm("get", "manifest", self.name)

    def pods(self, component: str = "") -> list[V1Pod]:
        """Its pods, or those of a component, by name."""
        selector = f"app.kubernetes.io/instance={self.name}"
        if component:
            selector += f",app.kubernetes.io/component={component}"
        found = self.namespace.cluster.core.list_namespaced_pod(self.namespace.name, label_selector=selector).items
        return sorted(found, key=lambda pod: pod.metadata.name)

    def ready_pods(self, component: str) -> list[V1Pod]:
        """Those of its pods that are ready and stay."""
        return [pod for pod in self.pods(component) if is_ready(pod) and not pod.metadata.deletion_timestamp]

    def until_ready(self, component: str, count: int, *, seconds: float = 180) -> list[V1Pod]:
        """Wait for exactly `count` pods of a component, all ready."""

        def ready() -> bool:
            pods = self.pods(component)
            return len(pods) == count and all(map(is_ready, pods))

        eventually(ready, f"{count} {component} pods of {self.name} are ready", seconds=seconds)
        return self.pods(component)

    def scale(self, workload: str, component: str, count: int) -> None:
        """`kubectl scale` of a deployment or statefulset."""
        self.namespace.kubectl("scale", f"{workload}/{self.fullname}-{component}", f"--replicas={count}")

    def delete_pod(self, pod: V1Pod, *, at_once: bool = False) -> None:
        """Delete a pod; `at_once` kills it with no grace."""
        options = ["--grace-period=0", "--force"] if at_once else ["--wait=false"]
        # kubectl warns of a forced deletion on standard error, and does it.
        self.namespace.kubectl("delete", "pod", pod.metadata.name, *options)

    def exec(self, component: str, *command: str, stdin: str | None = None) -> str:
        """Run a command in the first ready pod of a component."""
        pod = self.ready_pods(component)[0].metadata.name
        options = ["--stdin"] if stdin is not None else []
        return self.namespace.kubectl("exec", pod, "-c", component, *options, "--", *command, stdin=stdin)

    def sql(self, statement: str) -> str:
        """What psql prints for a statement in its own PostgreSQL: rows of cells with | between."""
        return self.namespace.kubectl(*self._psql(), stdin=statement).strip()

    def start_psql(self) -> subprocess.Popen[str]:
        """The same as a process that reads statements until whoever calls ends it."""
        return self.namespace.cluster.start(
            "kubectl", *self._psql(), namespace=self.namespace.name, stdin=subprocess.PIPE
        )

    def _psql(self) -> tuple[str, ...]:
        command = 'PGPASSWORD="$POSTGRES_PASSWORD" psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v ON_ERROR_STOP=1 -At'
        return ("exec", "--stdin", self._first("postgresql"), "--", "sh", "-c", command)

    def redis(self, component: str, *command: str) -> str:
        """What redis-cli prints for a command to redis-broker or redis-cache."""
        return self.namespace.kubectl("exec", self._first(component), "--", "redis-cli", *command).strip()

    def _first(self, component: str) -> str:
        return str(self.pods(component)[0].metadata.name)

    @contextmanager
    def at_nginx(self) -> Iterator[str]:
        """The URL of its nginx on this machine while in it: the node port of `make cluster`, else a port-forward."""
        service = self.namespace.cluster.core.read_namespaced_service(f"{self.fullname}-nginx", self.namespace.name)
        if self.namespace.cluster.own and service.spec.ports[0].node_port == OWN_NODE_PORT:
            yield OWN_NGINX
            return
        with self.port_forward(f"service/{self.fullname}-nginx", 80) as url:
            yield url

    @contextmanager
    def port_forward(self, target: str, port: int) -> Iterator[str]:
        """The URL by which kubectl leads to a port of a pod or Service while in it."""
        process = self.namespace.cluster.start(
            "kubectl", "port-forward", target, f":{port}", "--address=127.0.0.1", namespace=self.namespace.name
        )
        try:
            assert process.stdout
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if not found:
                raise CommandFailed(f"kubectl port-forward {target}: {line}{process.stdout.read()}")
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def became(pod: V1Pod, condition: str) -> datetime:
    """When a condition of its status last changed, to the second."""
    moment: datetime = next(item.last_transition_time for item in pod.status.conditions if item.type == condition)
    return moment


def container_of(pod: V1Pod, name: str) -> V1ContainerStatus:
    """How a container of it stands, by its name."""
    return next(item for item in pod.status.container_statuses if item.name == name)


def uids(pods: Iterable[V1Pod]) -> set[str]:
    """What tells pods apart from those that come after them."""
    return {pod.metadata.uid for pod in pods}


def is_ready(pod: V1Pod) -> bool:
    """Whether Kubernetes counts it ready."""
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or [])
