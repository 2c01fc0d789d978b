"""Where the seconds of a scale-up go: from the step of the load to the first answer of the last new pod."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from kubernetes.client import ApiException, V1Pod
from urllib3.exceptions import HTTPError

from support.access_log import AccessLog
from support.release import Release, became, container_of, uids

PERIOD_SECONDS = 1.0

#: A HorizontalPodAutoscaler leaves a tenth over its target as it is.
TOLERANCE = 1.1


def metric(release: Release, what: str) -> list[float]:
    """A custom metric of the release's namespace, as the autoscalers ask for it: a value for each object."""
    path = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{release.namespace.name}/{what}"
    return [quantity(item["value"]) for item in release.namespace.cluster.get(path)["items"]]


def quantity(text: str) -> float:
    """A quantity of Kubernetes that has no unit but thousandths."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


class ScaleUp:
    """A scale-up of the API's pods, looked at from the metric to nginx."""

    def __init__(self, release: Release, over: float) -> None:
        self._release = release
        self._over = over
        self._old = uids(release.pods("api"))
        self._log = AccessLog(release)
        #: (time, whether the pods' mean of requests a second was over the target by more than the HPA tolerates)
        self._over_at: list[tuple[float, bool]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ending.wait(PERIOD_SECONDS):
            try:
                values = metric(self._release, "pods/*/http_requests_per_second")
            except (ApiException, HTTPError):
                continue
            over = bool(values) and sum(values) / len(values) > self._over * TOLERANCE
            self._over_at.append((time.time(), over))

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ending.set()
        self._thread.join(30)

    def stages(self, since: float, count: int) -> dict[str, float | None]:
        """Seconds after `since` at which each stage was over for the first `count` new pods.

        Kubernetes and nginx tell times in whole seconds, cut off.
        """
        new = [pod for pod in self._release.ready_pods("api") if pod.metadata.uid not in self._old]
        new = sorted(new, key=lambda pod: became(pod, "Ready"))[:count]
        first = self._log.first_answers()
        nginxes = {nginx for nginx, _ in first}
        answered = [first.get((nginx, pod.status.pod_ip)) for pod in new for nginx in nginxes]
        ends: dict[str, Callable[[], float]] = {
            "pods are made": lambda: max(pod.metadata.creation_timestamp.timestamp() for pod in new),
            "they have their nodes": lambda: max(became(pod, "PodScheduled").timestamp() for pod in new),
            "their programs run": lambda: max(_runs_since(pod).timestamp() for pod in new),
            "they are ready": lambda: max(became(pod, "Ready").timestamp() for pod in new),
        }
        told = (at - since for at, over in self._over_at if over and at >= since)
        found: dict[str, float | None] = {"the metric tells": next(told, None)}
        found |= {name: end() - since if new else None for name, end in ends.items()}
        times = [moment.timestamp() for moment in answered if moment]
        found["every nginx pod asks them"] = max(times) - since if times and len(times) == len(answered) else None
        return found


def _runs_since(pod: V1Pod) -> datetime:
    moment: datetime = container_of(pod, "api").state.running.started_at
    return moment


@contextmanager
def scale_up(release: Release, *, over: float) -> Iterator[ScaleUp]:
    """Look at a scale-up while in it; `over` is the autoscaler's target of requests a second a pod."""
    seen = ScaleUp(release, over)
    seen.start()
    try:
        yield seen
    finally:
        seen.stop()
