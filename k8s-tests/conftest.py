"""Fixtures of the tests on a cluster: namespaces, and the releases that several tests share."""

import os
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pytest

from support.cluster import ROOT, Cluster
from support.directory import Directory, make_key
from support.namespace import Namespace
from support.release import HOST, NO_AUTOSCALER, OWN_NODE_PORT, Release

#: Events, descriptions and logs of a failed test: a folder each.
DUMPS = ROOT / "results" / "k8s"


FAILED = pytest.StashKey[bool]()
NAMESPACES = pytest.StashKey[list[Namespace]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --keep."""
    text = "leave the shared releases on the cluster, and use what an earlier run with --keep left"
    parser.addoption("--keep", action="store_true", help=text)


def pytest_configure(config: pytest.Config) -> None:
    """Begin the list of namespaces."""
    config.stash[NAMESPACES] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Play the scenes after all else: they take what is on the cluster for themselves."""
    items.sort(key=lambda item: "scenes" in item.path.parts)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of `make cluster`, or the one that KUBE_CONTEXT names."""
    return Cluster(os.environ.get("KUBE_CONTEXT", ""))


@pytest.fixture(autouse=True)
def only_on_own_cluster(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    """Leave out, on another cluster, what only that of `make cluster` has."""
    if request.node.get_closest_marker("own_cluster") and not cluster.own:
        pytest.skip("only on the cluster of `make cluster`")


@pytest.fixture(scope="session")
def namespaces(pytestconfig: pytest.Config) -> list[Namespace]:
    """Every namespace that this run made and has not given back."""
    return pytestconfig.stash[NAMESPACES]


@pytest.fixture(scope="module")
def make_namespace(cluster: Cluster, namespaces: list[Namespace]) -> Iterator[Callable[[str], Namespace]]:
    """Makes a namespace that lives as long as the module's tests: its name without the prefix."""
    made: list[Namespace] = []

    def make(name: str) -> Namespace:
        made.append(new_namespace(cluster, namespaces, name))
        return made[-1]

    yield make
    for namespace in made:
        namespaces.remove(namespace)
        namespace.delete()


def new_namespace(cluster: Cluster, namespaces: list[Namespace], name: str) -> Namespace:
    namespace = Namespace(cluster, f"flask-scale-{name}")
    namespace.create()
    namespaces.append(namespace)
    return namespace


@pytest.fixture(scope="session")
def install_shared(
    cluster: Cluster, namespaces: list[Namespace], pytestconfig: pytest.Config
) -> Iterator[Callable[[str, Mapping[str, Any]], Release]]:
    """Installs a release that lives as long as the run, in a namespace of its own."""
    keep = pytestconfig.getoption("keep")
    made: list[Namespace] = []

    def install(name: str, values: Mapping[str, Any]) -> Release:
        release = Release(Namespace(cluster, f"flask-scale-{name}"), name, values)
        if keep and release.exists():
            namespaces.append(release.namespace)
            release.upgrade()
        else:
            release = Release(new_namespace(cluster, namespaces, name), name, values)
            release.install()
        made.append(release.namespace)
        return release

    yield install
    for namespace in made:
        if namespace in namespaces:
            namespaces.remove(namespace)
            if not keep:
                namespace.delete()


@pytest.fixture(scope="session")
def bare(install_shared: Callable[[str, Mapping[str, Any]], Release]) -> Release:
    """The chart installed with no values at all. It brings the custom metrics API, which a cluster has once."""
    return install_shared("bare", {})


@pytest.fixture(scope="session")
def without_bare(cluster: Cluster, namespaces: list[Namespace]) -> None:
    """Give that release back now, for another to bring the custom metrics API."""
    namespace = next(
        (one for one in namespaces if one.name == "flask-scale-bare"), Namespace(cluster, "flask-scale-bare")
    )
    namespace.delete(wait=True)
    if namespace in namespaces:
        namespaces.remove(namespace)


@pytest.fixture(scope="session")
def release(cluster: Cluster, install_shared: Callable[[str, Mapping[str, Any]], Release]) -> Release:
    """The user directory, with two pods of API and worker, at a node port and behind an Ingress."""
    nginx = {"service": {"type": "NodePort", "nodePort": OWN_NODE_PORT}}
    ingress = {"enabled": True, "className": "nginx", "preset": "community", "hosts": [HOST]}
    values: dict[str, Any] = {"settings": {"WORKERS": 2}, "worker": {"replicaCount": 2}, **NO_AUTOSCALER}
    return install_shared("directory", {**values, "nginx": nginx, "ingress": ingress} if cluster.own else values)


@pytest.fixture(scope="session")
def key(release: Release) -> str:
    """An API key of the shared directory."""
    return make_key(release)


@pytest.fixture
def directory(release: Release, key: str) -> Iterator[Directory]:
    """A client of the shared directory, through its nginx."""
    with release.at_nginx() as url:
        yield Directory(url, key)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep that a test, or what it needed, failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Before what a failed test used goes away, write down how it stands."""
    if item.stash.get(FAILED, False):
        folder = DUMPS / item.nodeid.replace("/", ".").replace("::", ".")
        shutil.rmtree(folder, ignore_errors=True)
        for namespace in item.config.stash[NAMESPACES]:
            namespace.dump(folder / namespace.name)
    return (yield)
