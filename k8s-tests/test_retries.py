"""What nginx sends again where a pod dies with a request in hand: a GET, to another pod; a POST, never."""

from collections.abc import Callable

import pytest
import requests

from support.access_log import AccessLog
from support.namespace import Namespace
from support.one_file import one_file
from support.release import Release
from support.waiting import eventually

#: Each request is the last one of the process that serves it; a file in the pod counts them.
FRAIL = """
import os, signal
from flask import Flask

app = Flask(__name__)

@app.route("/last", methods=["GET", "POST"])
def last():
    with open("/tmp/served", "a") as file:
        file.write("x")
    os.kill(os.getpid(), signal.SIGKILL)

@app.get("/")
def whole():
    return "whole"
"""


@pytest.fixture(scope="module")
def frail(make_namespace: Callable[[str], Namespace]) -> Release:
    """Two pods of an app that dies of what it is asked."""
    namespace = make_namespace("frail")
    release = Release(namespace, "frail", one_file(namespace, FRAIL, replicas=2))
    release.install()
    return release


@pytest.mark.parametrize(("method", "once"), [("GET", False), ("POST", True)])
def test_a_request_that_was_sent_goes_to_another_pod_only_if_it_may_be_done_twice(
    frail: Release, method: str, once: bool
):
    log, before = AccessLog(frail), count(frail)
    with frail.at_nginx() as url:
        eventually(lambda: has_both(frail, log, url), "nginx knows both pods")
        answer = requests.request(method, f"{url}/last", timeout=30)
        assert answer.status_code == 502
        assert answer.headers["Content-Type"] == "application/problem+json"
        # On a connection that was kept alive nginx tries once more than it is told.
        assert (count(frail) - before == 1) is once, f"{method} was done {count(frail) - before} times"
        assert requests.get(url, timeout=30).text == "whole"


def has_both(release: Release, log: AccessLog, url: str) -> bool:
    """Whether each pod answered one of the requests so far; sends a few."""
    for _ in range(4):
        assert requests.get(url, timeout=30).text == "whole"
    return {pod.status.pod_ip for pod in release.pods("api")} <= log.answers().keys()


def count(release: Release) -> int:
    """How often it was served by all pods."""
    read = ("sh", "-c", "cat /tmp/served 2>/dev/null | wc -c")
    return sum(
        int(release.namespace.kubectl("exec", pod.metadata.name, "-c", "api", "--", *read))
        for pod in release.pods("api")
    )
