"""A node is drained: what ran there goes on elsewhere."""

import pytest
import requests

from support.directory import Directory
from support.release import Release
from support.stage import MOBILE, drained, nodes_for_pods
from support.traffic import traffic

pytestmark = pytest.mark.own_cluster


def test_a_drained_node_empties_and_no_read_fails(release: Release, directory: Directory):
    user = directory.add_user()
    node = nodes_for_pods(release)[0]

    def is_right(response: requests.Response) -> bool:
        return response.status_code == 200 and response.json() == user

    url, headers = f"{directory.url}/v1/users/{user['id']}", {"Authorization": f"Bearer {directory.key}"}
    with traffic(url, is_right, headers=headers) as reads:
        job = directory.start_import(20_000)["id"]
        with drained(release, node):
            left = [pod.metadata.name for name in MOBILE for pod in release.pods(name) if pod.spec.node_name == node]
            for component in MOBILE:
                release.until_ready(component, 2)

    assert left == []
    reads.assert_none_failed()
    assert directory.until_succeeded(job)["inserted"] == 20_000
