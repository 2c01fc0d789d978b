"""Namespaces that the tests make, all under the restricted Pod Security Standard."""

import json
from collections.abc import Mapping
from pathlib import Path

from kubernetes.client import ApiException

from support.cluster import Cluster, CommandFailed
from support.waiting import eventually

RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


class Namespace:
    """A namespace of the cluster: kubectl and helm within it."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name

    def create(self) -> None:
        """Make it anew; one that an earlier run left is deleted first."""
        self.delete(wait=True)
        labels = {"metadata": {"name": self.name, "labels": RESTRICTED}}
        self.cluster.core.create_namespace({"apiVersion": "v1", "kind": "Namespace", **labels})

    def delete(self, *, wait: bool = False) -> None:
        """Delete it with all that is in it, and what its releases have outside it."""
        for release in self.helm("list", "--all", "--short").split():
            self.helm("uninstall", release, "--no-hooks")
        self.cluster.kubectl("delete", "namespace", self.name, "--ignore-not-found", "--wait=false")
        if wait:
            eventually(self._is_gone, f"namespace {self.name} is gone", seconds=300)

    def _is_gone(self) -> bool:
        try:
            self.cluster.core.read_namespace(self.name)
        except ApiException as error:
            return error.status == 404
        return False

    def kubectl(self, *arguments: object, stdin: str | None = None) -> str:
        """Run kubectl here."""
        return self.cluster.kubectl(*arguments, namespace=self.name, stdin=stdin)

    def helm(self, *arguments: object, stdin: str | None = None) -> str:
        """Run helm here."""
        return self.cluster.helm(*arguments, namespace=self.name, stdin=stdin)

    def apply(self, *objects: dict[str, object]) -> None:
        """Create or change objects."""
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    def config_map(self, name: str, files: Mapping[str, str]) -> None:
        """Create or change a ConfigMap of files."""
        self.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(files)})

    def dump(self, folder: Path) -> None:
        """Write events, descriptions and logs of all that is here into files."""
        folder.mkdir(parents=True, exist_ok=True)
        kinds = "all,endpointslices,ingresses,networkpolicies,persistentvolumeclaims,poddisruptionbudgets"
        self._write(folder / "objects.txt", "get", kinds, "-o", "wide")
        self._write(folder / "events.txt", "get", "events", "--sort-by=.lastTimestamp")
        self._write(folder / "describe.txt", "describe", "pods,jobs,statefulsets,deployments")
        for pod in self.cluster.core.list_namespaced_pod(self.name).items:
            name = pod.metadata.name
            options = ("logs", name, "--all-containers", "--prefix", "--timestamps")
            self._write(folder / f"{name}.log", *options)
            if any(status.restart_count for status in pod.status.container_statuses or []):
                self._write(folder / f"{name}.previous.log", *options, "--previous")

    def _write(self, file: Path, *arguments: str) -> None:
        try:
            file.write_text(self.kubectl(*arguments))
        except CommandFailed as error:
            file.write_text(str(error))
