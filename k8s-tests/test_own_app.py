"""Apps that are not the user directory: one file by `api.app`, and an image of their own."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests
import yaml

from support import docker
from support.cluster import ROOT, Cluster
from support.namespace import Namespace
from support.one_file import one_file
from support.pods import client_pod
from support.release import NO_AUTOSCALER, OWN_INGRESS, Release
from support.waiting import eventually

HOST = "hello.example.org"
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Real-IP": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.net",
    "X-Forwarded-Port": "6666",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=6.6.6.6;host=evil.example.net;proto=https",
}

#: Says what the app sees; it knows nothing of flask_scale.
HELLO = """
from flask import Flask, request, url_for

app = Flask(__name__)

@app.get("/")
def hello():
    return {"client": request.remote_addr, "url": url_for("hello", _external=True), "headers": dict(request.headers)}
"""


@pytest.fixture(scope="module")
def hello(cluster: Cluster, make_namespace: Callable[[str], Namespace]) -> Release:
    """One file, mounted, with no stores; nginx believes the Ingress controller."""
    namespace = make_namespace("hello")
    values = {**one_file(namespace, HELLO), "ingress": {"enabled": cluster.own, "className": "nginx", "hosts": [HOST]}}
    if cluster.own:
        proxies = cluster.core.list_namespaced_pod("ingress-nginx", field_selector="status.phase=Running").items
        values["nginx"] = {"trustedProxies": [f"{pod.status.pod_ip}/32" for pod in proxies]}
    release = Release(namespace, "hello", values)
    release.install()
    return release


def test_one_file_by_its_name_is_served(hello: Release):
    with hello.at_nginx() as url:
        assert requests.get(url, timeout=10).json()["headers"]["Host"] == url.removeprefix("http://")
    assert {pod.metadata.labels["app.kubernetes.io/component"] for pod in hello.pods()} == {"nginx", "api"}
    assert "Succeeded" in hello.namespace.helm("test", "hello")


@pytest.mark.own_cluster
@pytest.mark.parametrize("sent", [{}, FORGED], ids=["honest", "forged"])
def test_through_the_ingress_the_app_sees_the_client_and_the_name_it_asked_for(hello: Release, sent: Mapping[str, str]):
    seen = eventually(lambda: through_ingress(sent), "the Ingress leads there")

    client = seen["client"]
    assert client.startswith("172."), "the address at which the node sees this machine"
    assert seen["url"] == f"http://{HOST}/"
    headers = seen["headers"]
    assert headers["Host"] == HOST
    assert (headers["X-Real-Ip"], headers["X-Forwarded-For"]) == (client, client)
    # The controller keeps what a client claimed under this name, which nobody believes.
    headers.pop("X-Original-Forwarded-For", None)
    assert not [value for value in headers.values() if "6.6.6.6" in value or "evil" in value or "6666" in value]


def through_ingress(headers: Mapping[str, str]) -> dict[str, Any]:
    answer = requests.get(OWN_INGRESS, headers={**headers, "Host": HOST}, timeout=10)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


@pytest.fixture
def stranger(hello: Release) -> Iterator[str]:
    """The address of a pod that is no trusted proxy."""
    hello.namespace.apply(client_pod("stranger", hello.pods("api")[0].spec.containers[0].image))
    hello.namespace.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=60s")
    yield hello.namespace.cluster.core.read_namespaced_pod("stranger", hello.namespace.name).status.pod_ip
    hello.namespace.kubectl("delete", "pod", "stranger", "--wait=false")


def test_nobody_but_a_trusted_proxy_is_believed(hello: Release, stranger: str):
    ask = (
        "import json, urllib.request; "
        f"request = urllib.request.Request('http://{hello.fullname}-nginx/', headers={FORGED!r}); "
        "print(urllib.request.urlopen(request, timeout=10).read().decode())"
    )
    seen = yaml.safe_load(hello.namespace.kubectl("exec", "stranger", "--", "python", "-c", ask))

    assert seen["client"] == stranger
    assert seen["url"] == f"http://{hello.fullname}-nginx/"
    assert (seen["headers"]["X-Real-Ip"], seen["headers"]["X-Forwarded-For"]) == (stranger, stranger)
    assert not [value for value in seen["headers"].values() if "6.6.6.6" in value or "evil" in value]


@pytest.mark.own_cluster
def test_an_image_of_three_lines_serves_and_works(make_namespace: Callable[[str], Namespace]):
    folder = ROOT / "examples" / "own_image"
    lines = (folder / "Dockerfile").read_text().splitlines()
    assert len(lines) == 3
    docker.build("shop:1", folder)
    docker.load("shop:1")
    values = yaml.safe_load((folder / "values.yaml").read_text())
    release = Release(make_namespace("shop"), "shop", {**values, **NO_AUTOSCALER})

    release.install()

    with release.at_nginx() as url:
        assert requests.get(f"{url}/prices/2026", timeout=10).json() == {"year": 2026, "turnover": "2,051,325"}
        order = requests.post(f"{url}/orders/22", timeout=10)
        assert order.status_code == 202, order.text
        job = f"{url}/jobs/{order.json()['id']}"
        eventually(lambda: requests.get(job, timeout=10).json()["result"] == {"shipped": "22nd"}, "it is shipped")
    assert "Succeeded" in release.namespace.helm("test", "shop")
