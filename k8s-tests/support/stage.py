"""What is done to a release while it serves: rollouts, drains, crashes."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

from kubernetes.client import V1Pod

from support.docker import docker
from support.release import MOBILE, Release, container_of, is_ready
from support.waiting import eventually


def roll_out(release: Release, component: str) -> None:
    """Replace every pod of a Deployment, as an upgrade does, until the old ones are gone."""
    name = f"deployment/{release.fullname}-{component}"
    count = sum(not pod.metadata.deletion_timestamp for pod in release.pods(component))
    release.namespace.kubectl("rollout", "restart", name)
    release.namespace.kubectl("rollout", "status", name, "--timeout=300s")
    release.until_ready(component, count)


def nodes_for_pods(release: Release) -> list[str]:
    """The names of the nodes that take pods."""
    return [node.metadata.name for node in release.namespace.cluster.core.list_node().items if not node.spec.taints]


def nodes_of(release: Release, component: str) -> set[str]:
    """The names of the nodes on which a component has ready pods."""
    return {pod.spec.node_name for pod in release.ready_pods(component)}


@contextmanager
def drained(release: Release, node: str) -> Iterator[None]:
    """A node that this release's stateless pods had to leave, while in it; each runs elsewhere."""
    selector = f"app.kubernetes.io/instance={release.name},app.kubernetes.io/component in ({','.join(MOBILE)})"
    cluster = release.namespace.cluster
    try:
        cluster.kubectl("drain", node, f"--pod-selector={selector}", "--delete-emptydir-data", "--timeout=300s")
        left = [pod.metadata.name for name in MOBILE for pod in release.pods(name) if pod.spec.node_name == node]
        assert left == []
        until_whole(release)
        yield
    finally:
        cluster.kubectl("uncordon", node)


def replace(release: Release, component: str, *, at_once: bool = False) -> None:
    """Delete a StatefulSet's pod, and wait for the next."""
    old = release.until_ready(component, 1)[0]
    release.delete_pod(old, at_once=at_once)

    def is_back() -> bool:
        pods = [pod for pod in release.pods(component) if pod.metadata.uid != old.metadata.uid]
        return len(pods) == 1 and is_ready(pods[0])

    eventually(is_back, f"{component} is back", seconds=180)


def kill_a_pod(release: Release, component: str, dice: random.Random) -> V1Pod:
    """SIGKILL the program of one ready pod at random, from outside, as a crash or the kernel would; gives the pod."""
    pod = dice.choice(release.ready_pods(component))
    _tasks(pod, component, "kill", "--signal", "SIGKILL")
    return pod


def until_runs_again(release: Release, killed: V1Pod, component: str) -> float:
    """Wait until Kubernetes has started its container again; gives that time, to the second."""

    def runs() -> datetime | None:
        [pod] = [one for one in release.pods(component) if one.metadata.uid == killed.metadata.uid]
        container = container_of(pod, component)
        is_another = container.restart_count > container_of(killed, component).restart_count
        return container.state.running.started_at if is_another and container.state.running else None

    return eventually(runs, f"{killed.metadata.name} runs again", seconds=400).timestamp()


@contextmanager
def standing_still(release: Release, component: str) -> Iterator[None]:
    """No program of a component's pods gets the processor while in it; what is sent to them waits in the kernel."""
    with ExitStack() as paused:
        for pod in release.ready_pods(component):
            _tasks(pod, component, "pause")
            paused.callback(_tasks, pod, component, "resume")
        yield


def _tasks(pod: V1Pod, component: str, *command: str) -> None:
    """What `ctr tasks` does, on the node of a pod, to the container that has the component's name."""
    identity = container_of(pod, component).container_id.removeprefix("containerd://")
    docker("exec", pod.spec.node_name, "ctr", "--namespace", "k8s.io", "tasks", *command, identity)


def restart_node(release: Release, node: str) -> None:
    """Turn a node of kind off and on, until the release's pods run there again, or elsewhere."""
    off = datetime.now(UTC).replace(microsecond=0)
    docker("restart", "-t", "0", node)

    def runs_anew() -> bool:
        # Until the node's kubelet is back, they stand as they were.
        return all(
            status.state.running and status.state.running.started_at >= off
            for pod in release.pods()
            if pod.spec.node_name == node and not pod.metadata.deletion_timestamp and not ends_by_itself(pod)
            for status in pod.status.container_statuses or []
        )

    eventually(runs_anew, f"the pods of {node} were started again", seconds=300)
    until_whole(release)


def with_two_of_each(release: Release) -> None:
    """Let a release that had autoscalers be as it was installed: two pods of API and workers, none of theirs."""
    release.upgrade()
    two_of_each(release)
    release.upgrade()  # a rollback brings back the number that was there at the upgrade


def two_of_each(release: Release) -> None:
    """Scale API and workers to two pods, by hand."""
    for component in ("api", "worker"):
        release.scale("deployment", component, 2)
        release.until_ready(component, 2)


def until_whole(release: Release, *, seconds: float = 300) -> None:
    """Wait until every pod that stays is ready."""

    def whole() -> bool:
        return all(
            is_ready(pod) or ends_by_itself(pod) for pod in release.pods() if not pod.metadata.deletion_timestamp
        )

    eventually(whole, f"every pod of {release.name} is ready", seconds=seconds)


def ends_by_itself(pod: V1Pod) -> bool:
    """Whether it is one that does: the migration's, or that of `helm test`."""
    return pod.metadata.labels["app.kubernetes.io/component"] in ("migrate", "test")


def pause(seconds: float) -> None:
    """Let the load go on as it is."""
    time.sleep(seconds)
