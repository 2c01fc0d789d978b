"""`helm install` with no values at all, in a namespace under the restricted Pod Security Standard."""

import json
import re
import socket
import subprocess
from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from support.cluster import CommandFailed
from support.release import Release
from support.waiting import eventually

PODS = {"nginx": 2, "api": 2, "worker": 1, "redis-broker": 1, "redis-cache": 1, "postgresql": 1}


def test_every_pod_is_ready_and_none_had_to_start_twice(bare: Release):
    for component, count in PODS.items():
        # An autoscaler brings the second pod of the API.
        for pod in bare.until_ready(component, count):
            assert [status.restart_count for status in pod.status.container_statuses] == [0]


def test_the_commands_that_helm_prints_lead_to_an_answer(bare: Release, tmp_path):
    printed = bare.namespace.helm("get", "notes", "bare")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Its lines of two spaces are commands; 8080 may be taken here.
    commands = [line for line in printed.partition("Its autoscalers")[0].splitlines() if line.startswith("  ")]
    script = "\n".join(["set -e", "trap 'kill $(jobs -p)' EXIT", *commands]).replace("8080", str(port))

    done = subprocess.run(
        ["bash", "-c", script], env=bare.namespace.cluster.environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    assert "HTTP/1.1 200 OK" in done.stdout
    assert '"items":[]' in re.sub(r"\s", "", done.stdout)
    assert re.search(r"Phase:\s+Succeeded", done.stdout)


def test_the_commands_for_its_autoscalers_show_their_metrics(bare: Release):
    printed = bare.namespace.helm("get", "notes", "bare").partition("Its autoscalers")[2]
    commands = [line.strip() for line in printed.splitlines() if line.startswith("  kubectl")]
    assert len(commands) == 4, printed

    def shown() -> bool:
        done = [
            subprocess.run(command, shell=True, env=bare.namespace.cluster.environ, capture_output=True, check=False)
            for command in commands
        ]
        return not any(one.returncode for one in done) and all(b'"value"' in one.stdout for one in done[2:])

    eventually(shown, "metrics of the API's pods and of the queue", seconds=60)


@pytest.mark.parametrize("component", ["api", "worker"])
def test_an_app_can_write_to_tmp_alone_and_is_not_root(bare: Release, component: str):
    assert bare.exec(component, "id", "-u").strip() == "10001"
    bare.exec(component, "touch", "/tmp/new")
    with pytest.raises(CommandFailed, match="Read-only file system"):
        bare.exec(component, "touch", "/app/new")
    with pytest.raises(CommandFailed, match="No such file"):
        bare.exec(component, "ls", "/var/run/secrets/kubernetes.io/serviceaccount")


@pytest.mark.own_cluster
def test_at_rest_no_pod_uses_more_memory_than_it_asked_for(bare: Release):
    used = eventually(lambda: pods_memory(bare), "the figures of every pod")

    print(f"\n{'pod':44}{'used':>8}{'asked':>8} MiB")
    for pod in bare.pods():
        if pod.metadata.name in used:
            asked = parse_quantity(pod.spec.containers[0].resources.requests["memory"]) / 2**20
            print(f"{pod.metadata.name:44}{used[pod.metadata.name]:8.0f}{asked:8.0f}")
            assert used[pod.metadata.name] <= asked, pod.metadata.name
    print(f"{'all':44}{sum(used.values()):8.0f}")


def pods_memory(release: Release) -> dict[str, Any]:
    """MiB in use by each running pod of the namespace, once all of them are known."""
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{release.namespace.name}/pods"
    items = json.loads(release.namespace.cluster.kubectl("get", "--raw", path))["items"]
    used = {
        item["metadata"]["name"]: float(parse_quantity(item["containers"][0]["usage"]["memory"]) / 2**20)
        for item in items
        if item["containers"]
    }
    return used if all(pod.metadata.name in used for name in PODS for pod in release.pods(name)) else {}
