"""A node is drained: what ran there goes on elsewhere."""

import pytest
import requests

from support.cluster import Cluster
from support.directory import Directory
from support.release import Release
from support.traffic import traffic

pytestmark = pytest.mark.own_cluster


def test_a_drained_node_empties_and_no_read_fails(cluster: Cluster, release: Release, directory: Directory):
    user = directory.add_user()
    # The volumes are the nodes' own, so a database would wait for its node.
    keeps = release.pods("postgresql")[0].spec.node_name
    node = next(item.metadata.name for item in workers(cluster) if item.metadata.name != keeps)
    selector = f"app.kubernetes.io/instance={release.name}"

    def is_right(response: requests.Response) -> bool:
        return response.status_code == 200 and response.json() == user

    url, headers = f"{directory.url}/v1/users/{user['id']}", {"Authorization": f"Bearer {directory.key}"}
    try:
        with traffic(url, is_right, headers=headers) as reads:
            job = directory.start_import(20_000)["id"]
            cluster.kubectl("drain", node, f"--pod-selector={selector}", "--delete-emptydir-data", "--timeout=300s")
            left = [pod.metadata.name for pod in release.pods() if pod.spec.node_name == node]
            for component in ("nginx", "api", "worker"):
                release.until_ready(component, 2)
    finally:
        cluster.kubectl("uncordon", node)

    assert left == []
    reads.assert_none_failed()
    assert directory.until_succeeded(job)["inserted"] == 20_000
    for component in ("redis-broker", "redis-cache", "postgresql"):
        release.until_ready(component, 1)


def workers(cluster: Cluster) -> list[object]:
    """The nodes that take pods."""
    return [node for node in cluster.core.list_node().items if not node.spec.taints]
