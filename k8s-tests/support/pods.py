"""Pods and stores of the tests' own, as the restricted Pod Security Standard has them."""

from typing import Any

Object = dict[str, Any]


def client_pod(name: str, image: str) -> Object:
    """A pod that does nothing, to run commands in; the image has python."""
    return pod(name, {"image": image, "command": ["sleep", "3600"]}, user=10001)


def pod(name: str, container: Object, *, user: int) -> Object:
    """A pod of one container, labelled `app: name`."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": user,
                "runAsGroup": user,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"name": name, "securityContext": security, **container}],
        },
    }


def service(name: str, port: int) -> Object:
    """A Service before the pod of that name."""
    ports = [{"port": port}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }
