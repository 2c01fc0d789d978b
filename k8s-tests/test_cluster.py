"""The cluster of `make cluster`: what the chart and its tests find on it."""

import json

import pytest

from support.cluster import Cluster
from support.release import is_ready
from support.waiting import eventually

pytestmark = pytest.mark.own_cluster


def test_three_nodes_are_ready_and_two_of_them_take_pods(cluster: Cluster):
    nodes = cluster.core.list_node().items

    assert len(nodes) == 3
    for node in nodes:
        assert {item.type: item.status for item in node.status.conditions}["Ready"] == "True", node.metadata.name
    assert len([node for node in nodes if not node.spec.taints]) == 2


@pytest.mark.parametrize("namespace", ["kube-system", "ingress-nginx", "local-path-storage"])
def test_every_pod_of_the_system_runs(cluster: Cluster, namespace: str):
    # metrics-server calls itself not ready where a node's figures came late, as on a machine with much to do.
    eventually(lambda: runs_whole(cluster, namespace), f"every pod of {namespace} is ready")


def runs_whole(cluster: Cluster, namespace: str) -> bool:
    """Whether there are pods, and each that has not ended is ready."""
    pods = cluster.core.list_namespaced_pod(namespace).items
    running = [pod for pod in pods if pod.status.phase not in ("Succeeded", "Failed")]
    return bool(running) and all(map(is_ready, running))


def test_volumes_are_made_by_default(cluster: Cluster):
    classes = json.loads(cluster.kubectl("get", "storageclass", "-o", "json"))["items"]
    key = "storageclass.kubernetes.io/is-default-class"
    assert [item["metadata"]["annotations"][key] for item in classes] == ["true"]


def test_kubectl_top_has_the_figures_of_every_node(cluster: Cluster):
    lines = eventually(lambda: cluster.kubectl("top", "nodes", "--no-headers"), "the figures of nodes").splitlines()
    assert len(lines) == 3
    for line in lines:
        assert line.split()[1].endswith("m"), line
