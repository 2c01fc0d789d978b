"""Writes tests/chart/schemas from the Go modules of Kubernetes and of the operators: `make chart-schemas`.

One file a Kubernetes version, with the kinds that the chart may render and what these need, and `custom.json`
with the custom kinds. kubeconform checks every object by the file of a version:

    kubeconform -strict -schema-location tests/chart/schemas/1.34.json rendered.yaml

Needs Go, and half a gigabyte of its module cache. A new Kubernetes version or kind is one more line here.
"""

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent.parent / "tests" / "chart" / "schemas"

KUBERNETES = (
    "1.28.15",
    "1.29.15",
    "1.30.14",
    "1.31.14",
    "1.32.13",
    "1.33.9",
    "1.34.4",
    "1.35.1",
    "1.36.4",
    "1.37.0",
)

#: How the definitions' names begin, and the kinds.
KINDS = {
    "io.k8s.api.core.v1": ("ConfigMap", "PersistentVolumeClaim", "Pod", "Secret", "Service", "ServiceAccount"),
    "io.k8s.api.apps.v1": ("Deployment", "StatefulSet"),
    "io.k8s.api.autoscaling.v2": ("HorizontalPodAutoscaler",),
    "io.k8s.api.batch.v1": ("Job",),
    "io.k8s.api.networking.v1": ("Ingress", "NetworkPolicy"),
    "io.k8s.api.policy.v1": ("PodDisruptionBudget",),
    "io.k8s.api.rbac.v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1": ("APIService",),
}

#: Module with version, and its definition files.
CUSTOM = {
    "sigs.k8s.io/gateway-api@v1.6.3": ("config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",),
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
}

#: The first draft that knows `if`; kubeconform's own default does not, and would pass everything.
DRAFT = {"$schema": "http://json-schema.org/draft-07/schema#"}

#: What the API server makes of a quantity, and what the plain definition does not say.
QUANTITY = {"type": ["string", "number"], "pattern": "^[+-]?[0-9.]+([eEinumkKMGTP]*[-+]?[0-9]*)$"}
INT_OR_STRING = {"type": ["integer", "string"]}

Schema = dict[str, Any]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    custom = {name: schema for module, paths in CUSTOM.items() for name, schema in _custom(module, paths)}
    _write("custom.json", DRAFT | {"definitions": custom})
    for version in KUBERNETES:
        swagger = _module(f"k8s.io/kubernetes@v{version}") / "api" / "openapi-spec" / "swagger.json"
        _write(
            f"{version.rpartition('.')[0]}.json", _of_version(json.loads(swagger.read_text())["definitions"], custom)
        )


def _module(name: str) -> Path:
    """The module's folder in Go's cache, downloaded and checked against the checksum database where it is missing."""
    download = subprocess.run(("go", "mod", "download", "-json", name), cwd="/", stdout=subprocess.PIPE, check=True)
    return Path(json.loads(download.stdout)["Dir"])


def _of_version(definitions: dict[str, Schema], custom: Iterable[str]) -> Schema:
    """The schema of every object: which kind it is decides on the rest."""
    roots = {kind: f"{group}.{kind}" for group, kinds in KINDS.items() for kind in kinds}
    needed = {name: _strict(definitions[name], name) for name in sorted(_reachable(definitions, roots.values()))}
    for name in roots.values():
        _name_itself(needed[name], definitions[name]["x-kubernetes-group-version-kind"][0])
    choices = {kind: f"#/definitions/{name}" for kind, name in roots.items()}
    choices |= {kind: f"custom.json#/definitions/{kind}" for kind in custom}
    return DRAFT | {
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"kind": {"enum": sorted(choices)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": reference}}
            for kind, reference in choices.items()
        ],
        "definitions": needed,
    }


def _reachable(definitions: dict[str, Schema], roots: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for part in schema.values():
            yield from _references(part)


def _custom(module: str, paths: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    folder = _module(module)
    for path in paths:
        spec = yaml.safe_load((folder / path).read_text())["spec"]
        version = next(version for version in spec["versions"] if version["storage"])
        schema = _strict(version["schema"]["openAPIV3Schema"])
        kind = {"group": spec["group"], "version": version["name"], "kind": spec["names"]["kind"]}
        _name_itself(schema, kind)
        yield spec["names"]["kind"], schema


def _name_itself(schema: Schema, kind: dict[str, str]) -> None:
    """Let `schema` hold for this group, version and kind only."""
    schema["properties"]["apiVersion"] = {"const": "/".join(filter(None, (kind["group"], kind["version"])))}
    schema["properties"]["kind"] = {"const": kind["kind"]}


def _strict(schema: Schema, name: str = "") -> Schema:
    """The schema without its texts; unknown fields are refused, and null only where a field may be left out."""
    if name.endswith("intstr.IntOrString") or schema.get("x-kubernetes-int-or-string"):
        return INT_OR_STRING | {key: schema[key] for key in ("pattern",) if key in schema}
    if name.endswith("resource.Quantity"):
        return QUANTITY
    kept = {
        key: value
        for key, value in schema.items()
        if key not in ("description", "title", "default", "example", "externalDocs") and not key.startswith("x-")
    }
    for key in ("items", "additionalProperties", "not"):
        if isinstance(kept.get(key), dict):
            kept[key] = _strict(kept[key])
    for key in ("allOf", "anyOf", "oneOf"):
        if key in kept:
            kept[key] = [_strict(part) for part in kept[key]]
    if "properties" in kept:
        required = kept.get("required", [])
        kept["properties"] = {
            field: _strict(part) if field in required else _nullable(_strict(part))
            for field, part in kept["properties"].items()
        }
        # A part of `anyOf` and the like names fields of the whole: only the whole, which has a type, is closed.
        if "type" in kept and not schema.get("x-kubernetes-preserve-unknown-fields"):
            kept.setdefault("additionalProperties", False)
    return kept


def _nullable(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return schema | {"type": [schema["type"], "null"]}
    return schema


def _write(name: str, schema: Schema) -> None:
    """A line a definition, so that a change shows."""
    definitions = schema.pop("definitions")
    lines = [f"{json.dumps(key)}: {_compact(value)}" for key, value in sorted(definitions.items())]
    head = "".join(f"{json.dumps(key)}: {_compact(value)},\n" for key, value in schema.items())
    (FOLDER / name).write_text("{" + head + '"definitions": {\n' + ",\n".join(lines) + "\n}}\n")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


if __name__ == "__main__":
    main()
