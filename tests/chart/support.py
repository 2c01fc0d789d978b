"""Renders the chart with `helm template`, and finds objects in what comes out."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CHART = Path(os.environ.get("CHART_UNDER_TEST", ROOT / "charts" / "flask-scale"))
SCHEMAS = Path(__file__).parent / "schemas"
CACHE = Path(os.environ.get("CLUSTER_CACHE", Path.home() / ".cache" / "flask-scale"))

#: Oldest first.
KUBERNETES = sorted((file.stem for file in SCHEMAS.glob("1.*.json")), key=lambda version: int(version.split(".")[1]))
USED = "1.34"
RELEASE = "shop"
NAMESPACE = "web"

#: Keys that hold a pod, by kind.
POD_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
}

#: Where the processes of one test run share what helm rendered; conftest.py sets it.
rendered_in = Path()

Object = dict[str, Any]
Values = Mapping[str, Any]


class Refused(AssertionError):
    """Helm did not render the values; the text says why."""


class Rendered(list[Object]):
    """The objects of a release."""

    def of(self, kind: str) -> list[Object]:
        return [item for item in self if item["kind"] == kind]

    def get(self, kind: str, name: str) -> Object:
        """The object of a name, with or without the release's prefix."""
        found = [item for item in self.of(kind) if item["metadata"]["name"] in (name, f"{RELEASE}-flask-scale-{name}")]
        assert len(found) == 1, f"{len(found)} of {kind} {name} in {self.names()}"
        return found[0]

    def names(self) -> list[str]:
        return sorted(f"{item['kind']}/{item['metadata']['name']}" for item in self)

    def components(self, kind: str) -> set[str]:
        return {item["metadata"]["labels"]["app.kubernetes.io/component"] for item in self.of(kind)}

    def component(self, kind: str, component: str) -> Object:
        found = [
            item for item in self.of(kind) if item["metadata"]["labels"]["app.kubernetes.io/component"] == component
        ]
        assert len(found) == 1, f"{len(found)} of {kind} of {component} in {self.names()}"
        return found[0]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Each pod, or template of one, with a name to show."""
        for item in self:
            if item["kind"] in POD_TEMPLATES:
                pod = item
                for key in POD_TEMPLATES[item["kind"]]:
                    pod = pod[key]
                yield f"{item['kind']}/{item['metadata']['name']}", pod

    def containers(self) -> Iterator[tuple[str, Object]]:
        for name, pod in self.pods():
            for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
                yield f"{name} {container['name']}", container


def tool(name: str) -> str:
    """The path of helm or kubeconform."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{CACHE / 'bin'}")
    assert found, f"{name} is missing: `make chart-tools` brings it"
    return found


def template(
    values: Values,
    *,
    files: Sequence[str] = (),
    release: str = RELEASE,
    kube_version: str = USED,
    api_versions: Sequence[str] = (),
    upgrade: bool = False,
) -> str:
    """The YAML that helm renders, in a namespace called `web`.

    Raises:
        Refused: helm says no.
    """
    return _template(json.dumps(values), tuple(files), release, kube_version, tuple(api_versions), upgrade)


@functools.cache
def _template(
    values: str, files: tuple[str, ...], release: str, kube_version: str, api_versions: tuple[str, ...], upgrade: bool
) -> str:
    command = [tool("helm"), "template", release, str(CHART), "--namespace", NAMESPACE, "--kube-version", kube_version]
    for file in files:
        command += ["--values", str(CHART / file)]
    for version in api_versions:
        command += ["--api-versions", version]
    if upgrade:
        command += ["--is-upgrade"]
    kept = rendered_in / hashlib.sha256(repr((command, values)).encode()).hexdigest()
    if kept.exists():
        return kept.read_text()
    answer = subprocess.run([*command, "--values", "-"], input=values, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Refused(answer.stderr)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(answer.stdout)
    part.rename(kept)
    return answer.stdout


@functools.cache
def _objects(text: str) -> str:
    """The objects in YAML as JSON, which is read many times faster."""
    return json.dumps([item for item in yaml.load_all(text, yaml.CSafeLoader) if item])


def render(values: Values | None = None, **options: Any) -> Rendered:
    """The objects that `values` give; see `template` for the options."""
    return Rendered(json.loads(_objects(template(values or {}, **options))))


def refused(values: Values, **options: Any) -> str:
    """What helm says to values that it must not render."""
    try:
        template(values, **options)
    except Refused as error:
        return str(error)
    raise AssertionError(f"rendered: {values}")


def selects(selector: Values, labels: Values) -> bool:
    """Whether matchLabels, or a Service's selector, picks these labels."""
    return selector.items() <= labels.items()


def merge(*parts: Values) -> dict[str, Any]:
    """Values over values."""
    merged: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), dict)
            merged[key] = merge(merged[key], value) if both else value
    return merged
