"""`skaffold dev`, `run` and `delete` on a copy of the checkout, in a namespace of their own."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import yaml

from support.cluster import ROOT, Cluster
from support.namespace import Namespace
from support.release import Release
from support.waiting import eventually

#: What skaffold reads of the checkout.
PARTS = ("skaffold.yaml", "Dockerfile.*", ".dockerignore", "pyproject.toml", "README.md", "LICENSE")
FOLDERS = ("charts", "requirements", "services", "src")

#: Seconds for two images, their way to the nodes, and a release.
DEPLOY_SECONDS = 500

pytestmark = [pytest.mark.own_cluster, pytest.mark.timeout(1500)]


class Skaffold:
    """skaffold on a copy of the checkout."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.folder = folder / "checkout"
        self._namespace = namespace
        self._config = folder / "skaffold-config"
        self._config.write_text("global: {collect-metrics: false}\n")
        self._log = folder / "skaffold.log"
        self.folder.mkdir()
        for pattern in PARTS:
            for file in ROOT.glob(pattern):
                shutil.copy2(file, self.folder)
        for name in FOLDERS:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        # The port of the nodes may be another release's.
        values = self.folder / "charts" / "flask-scale" / "values-local.yaml"
        local = yaml.safe_load(values.read_text())
        del local["nginx"]["service"]
        values.write_text(yaml.safe_dump(local))

    def start(self, verb: str, *options: str) -> subprocess.Popen[bytes]:
        """Begin a command of skaffold."""
        environ = self._namespace.cluster.environ
        # Debian's docker before any other, then the tools of `make cluster`.
        environ |= {"PATH": f"/usr/bin:{environ['PATH']}", "SKAFFOLD_UPDATE_CHECK": "false"}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                ["skaffold", verb, "--config", self._config, "--namespace", self._namespace.name, *options],
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                executable=shutil.which("skaffold", path=environ["PATH"]),
            )

    def run(self, verb: str, *options: str) -> None:
        """A command of skaffold, until it has succeeded."""
        assert self.start(verb, *options).wait(DEPLOY_SECONDS) == 0, self.said()

    def said(self) -> str:
        """What its commands have printed."""
        return self._log.read_text(errors="replace")


@pytest.fixture
def namespace(make_namespace: Callable[[str], Namespace]) -> Namespace:
    return make_namespace("skaffold")


@pytest.fixture
def skaffold(cluster: Cluster, namespace: Namespace, tmp_path: Path) -> Skaffold:
    return Skaffold(namespace, tmp_path)


@pytest.fixture
def release(namespace: Namespace) -> Release:
    return Release(namespace, "directory")


@pytest.fixture
def dev(skaffold: Skaffold) -> Iterator[subprocess.Popen[bytes]]:
    """`skaffold dev`, when it watches the files."""
    process = skaffold.start("dev", "--tail=false")
    try:
        eventually(lambda: watches(process, skaffold), "skaffold dev watches", seconds=DEPLOY_SECONDS)
        yield process
    finally:
        process.kill()
        process.wait()


def watches(process: subprocess.Popen[bytes], skaffold: Skaffold) -> bool:
    # Its end would be waited for in vain.
    if process.poll() is not None:
        pytest.fail(f"skaffold dev has ended:\n{skaffold.said()}")
    return "Watching for changes" in skaffold.said()


def title(url: str) -> str:
    found: str = requests.get(f"{url}/openapi.json", timeout=30).json()["info"]["title"]
    return found


def test_dev_puts_a_changed_file_into_the_running_pods_and_cleans_up_at_its_end(
    dev: subprocess.Popen[bytes], skaffold: Skaffold, release: Release
):
    pods = {component: name_of(release, component) for component in ("api", "worker")}
    app = skaffold.folder / "services" / "api" / "app.py"
    handlers = skaffold.folder / "services" / "worker" / "exports.py"

    with release.at_nginx() as url:
        assert title(url) == "User directory"
        began = time.monotonic()
        app.write_text(app.read_text().replace('title="User directory"', 'title="Edited directory"'))
        eventually(lambda: title(url) == "Edited directory", f"the change is served: {skaffold.said()}", seconds=180)
        print(f"the API serves a changed file after {time.monotonic() - began:.1f} s")

    began = time.monotonic()
    handlers.write_text(handlers.read_text() + "\nprint('handlers, edited', flush=True)\n")
    eventually(
        lambda: "handlers, edited" in release.namespace.kubectl("logs", pods["worker"]),
        "the worker loads the change",
        seconds=180,
    )
    print(f"the worker runs a changed file after {time.monotonic() - began:.1f} s")
    eventually(lambda: is_ready_again(release, pods["worker"]), "the worker is ready again", seconds=180)

    assert {component: name_of(release, component) for component in pods} == pods
    assert [pod.status.container_statuses[0].restart_count for pod in release.pods("worker")] == [0]

    dev.send_signal(signal.SIGINT)
    dev.wait(180)
    assert not release.exists(), skaffold.said()
    eventually(lambda: not release.pods(), "no pod is left")


def name_of(release: Release, component: str) -> str:
    [pod] = release.until_ready(component, 1)
    return str(pod.metadata.name)


def is_ready_again(release: Release, pod: str) -> bool:
    """Whether the program that took the worker's place works: its lines come after those of the reload."""
    _, restarting, since = release.namespace.kubectl("logs", pod).partition("Restarting celery worker")
    return bool(restarting) and "ready." in since


def test_run_installs_a_release_a_second_run_keeps_it_and_delete_removes_it(skaffold: Skaffold, release: Release):
    skaffold.run("run", "--tail=false")
    with release.at_nginx() as url:
        assert title(url) == "User directory"
    skaffold.run("run", "--tail=false")
    skaffold.run("delete")
    assert not release.exists()
    eventually(lambda: not release.pods(), "no pod is left")
