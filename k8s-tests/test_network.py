"""NetworkPolicies: who may speak with whom, and nobody else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.pods import client_pod
from support.release import Release
from support.waiting import eventually

#: Opens a TCP connection and says how it went; the API's and the worker's image have no nc.
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
    print("connected")
except OSError as error:
    print("refused" if isinstance(error, ConnectionRefusedError) else "timed out")
"""

#: Seconds until a connection counts as dropped; an allowed one takes milliseconds.
DROPPED_SECONDS = "3"

ALLOWED = [
    ("api", "postgresql", 5432),
    ("api", "redis-broker", 6379),
    ("api", "redis-cache", 6379),
    ("worker", "postgresql", 5432),
    ("worker", "redis-broker", 6379),
    ("worker", "redis-cache", 6379),
    ("nginx", "api", 8000),
    ("stranger", "nginx", 8080),
    ("stranger", "api", 8001),
    ("stranger", "worker", 8002),
]
DENIED = [
    ("api", "kubernetes", 443),
    ("api", "nginx", 8080),
    ("api", "worker", 8002),
    ("worker", "kubernetes", 443),
    ("worker", "nginx", 8080),
    ("worker", "api", 8000),
    ("nginx", "kubernetes", 443),
    ("nginx", "api", 8001),
    ("nginx", "postgresql", 5432),
    ("nginx", "redis-broker", 6379),
    ("nginx", "redis-cache", 6379),
    ("postgresql", "kubernetes", 443),
    ("postgresql", "api", 8000),
    ("redis-broker", "redis-cache", 6379),
    ("redis-cache", "postgresql", 5432),
    ("stranger", "api", 8000),
    ("stranger", "postgresql", 5432),
    ("stranger", "redis-broker", 6379),
    ("stranger", "redis-cache", 6379),
    ("stranger", "nginx", 8081),
]


@pytest.fixture(scope="module")
def stranger(release: Release) -> Iterator[None]:
    """A pod of nobody's, in the release's own namespace."""
    release.namespace.apply(client_pod("stranger", release.pods("api")[0].spec.containers[0].image))
    release.namespace.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s")
    yield
    release.namespace.kubectl("delete", "pod", "stranger", "--wait=false")


def connect(release: Release, source: str, target: str, port: int) -> str:
    """What comes of a TCP connection from a pod to a pod, both by component."""
    core = release.namespace.cluster.core
    address = (
        core.read_namespaced_service("kubernetes", "default").spec.cluster_ip
        if target == "kubernetes"
        else release.ready_pods(target)[0].status.pod_ip
    )
    pod = source if source == "stranger" else release.ready_pods(source)[0].metadata.name
    if source in ("api", "worker", "stranger"):
        command = ["python", "-c", CONNECT, address, str(port), DROPPED_SECONDS]
    else:
        # Their images have bash.
        line = f"timeout {DROPPED_SECONDS} bash -c '</dev/tcp/{address}/{port}' && echo connected; echo timed out"
        command = ["bash", "-c", line]
    return release.namespace.kubectl("exec", pod, "--", *command).splitlines()[0]


def outcomes(release: Release, pairs: list[tuple[str, str, int]]) -> dict[tuple[str, str, int], str]:
    """What comes of each connection; several at a time, since the dropped ones take long."""
    with ThreadPoolExecutor(5) as pool:
        return dict(zip(pairs, pool.map(lambda pair: connect(release, *pair), pairs), strict=True))


def test_who_has_to_speak_is_connected(release: Release, stranger: None):
    expected = dict.fromkeys(ALLOWED, "connected")
    eventually(lambda: outcomes(release, ALLOWED) == expected, "each allowed pair is connected", seconds=30)


def test_anybody_else_is_not(release: Release, stranger: None):
    assert outcomes(release, DENIED) == dict.fromkeys(DENIED, "timed out")


def test_without_the_policies_anybody_is(release: Release, stranger: None):
    """Else the test before could be right for the wrong reason."""
    release.upgrade({**release.values, "networkPolicy": {"enabled": False}})
    try:
        expected = dict.fromkeys(DENIED, "connected")
        eventually(lambda: outcomes(release, DENIED) == expected, "each pair is connected", seconds=30)
    finally:
        release.upgrade()
