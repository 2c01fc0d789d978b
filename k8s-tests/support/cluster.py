"""The cluster under test, by kubectl, helm, and the `kubernetes` client."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from kubernetes import client, config

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("CLUSTER_CACHE") or Path.home() / ".cache" / "flask-scale")
NAME = os.environ.get("CLUSTER_NAME") or "flask-scale"

#: Seconds that one command may take.
COMMAND_SECONDS = 400


class CommandFailed(AssertionError):
    """kubectl or helm said no; the text is what it said."""


class Cluster:
    """One Kubernetes cluster.

    Args:
        context: A context of the user's kubeconfig, or empty for the cluster of `make cluster`.
    """

    def __init__(self, context: str = "") -> None:
        #: Whether it is the cluster of `make cluster`, whose ports lie on 127.0.0.1.
        self.own = not context
        self._environ = dict(os.environ, PATH=f"{CACHE / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
        if self.own:
            kubeconfig = CACHE / ("kubeconfig" if NAME == "flask-scale" else f"kubeconfig-{NAME}")
            assert kubeconfig.exists(), "there is no cluster: `make cluster` makes one, KUBE_CONTEXT=name takes another"
            self._environ["KUBECONFIG"] = str(kubeconfig)
        self._context = context
        api = config.new_client_from_config(self._environ.get("KUBECONFIG"), context or None)
        self.core = client.CoreV1Api(api)
        self.apps = client.AppsV1Api(api)
        self.batch = client.BatchV1Api(api)
        self.autoscaling = client.AutoscalingV2Api(api)

    def kubectl(self, *arguments: object, namespace: str = "", stdin: str | None = None) -> str:
        """Run kubectl; gives what it prints.

        Raises:
            CommandFailed: it said no.
        """
        return self._run("kubectl", "--context", arguments, namespace, stdin)

    def get(self, path: str) -> Any:
        """The JSON of a path of the API server, without a process as kubectl is one.

        Raises:
            kubernetes.client.ApiException: it said no.
        """
        api = self.core.api_client
        url, headers = api.configuration.host + path, {"Accept": "application/json"}
        response = api.call_api("GET", url, headers, _request_timeout=10)
        response.read()
        if response.status >= 300:
            raise client.ApiException(http_resp=response)
        return json.loads(response.data)

    def helm(self, *arguments: object, namespace: str = "", stdin: str | None = None) -> str:
        """Run helm; gives what it prints.

        Raises:
            CommandFailed: it said no.
        """
        return self._run("helm", "--kube-context", arguments, namespace, stdin)

    def start(
        self, tool: str, *arguments: object, namespace: str, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start kubectl in the background; whoever calls ends it."""
        return subprocess.Popen(
            self._command(tool, "--context", arguments, namespace),
            env=self._environ,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def environ(self) -> dict[str, str]:
        """The environment in which programs find this cluster and its tools."""
        return dict(self._environ)

    def _command(self, tool: str, option: str, arguments: tuple[object, ...], namespace: str) -> list[str]:
        path = shutil.which(tool, path=self._environ["PATH"])
        assert path, f"{tool} is missing: `make cluster` brings it"
        where = [option, self._context] if self._context else []
        return [path, *where, *(["--namespace", namespace] if namespace else []), *map(str, arguments)]

    def _run(self, tool: str, option: str, arguments: tuple[object, ...], namespace: str, stdin: str | None) -> str:
        done = subprocess.run(
            self._command(tool, option, arguments, namespace),
            env=self._environ,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"{tool} {' '.join(map(str, arguments))}: {done.stderr or done.stdout}")
        return done.stdout
