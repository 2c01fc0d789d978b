"""The render matrix: values that people give, each a case of its own."""

from typing import Any

from tests.chart.support import CHART, Rendered, render

URLS: dict[str, Any] = {
    "redis": {"enabled": False},
    "externalRedis": {"brokerUrl": "redis://r.example:6379/0", "cacheUrl": "rediss://:p%40ss@r.example:6380/1"},
    "postgresql": {"enabled": False},
    "externalPostgresql": {"url": "postgresql://u:p%40ss@db.example:5432/app"},
}
SECRETS: dict[str, Any] = {
    "redis": {"enabled": False},
    "externalRedis": {"existingSecret": "my-redis"},
    "postgresql": {"enabled": False},
    "externalPostgresql": {"existingSecret": "my-database", "maxConnections": 600},
}
OWN_APP: dict[str, Any] = {
    "api": {"app": "shop.web:app"},
    "worker": {"enabled": False},
    "migrations": {"path": "", "mode": "none"},
    "redis": {"enabled": False},
    "postgresql": {"enabled": False},
}
KEDA: dict[str, Any] = {"provider": "keda", "prometheusAddress": "http://prometheus.monitoring:9090"}
NO_AUTOSCALER: dict[str, Any] = {"autoscaling": {"provider": "none"}}
MONITORS: dict[str, Any] = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "labels": {"release": "prometheus"}},
}
INGRESS: dict[str, Any] = {
    "enabled": True,
    "className": "nginx",
    "hosts": ["shop.example.com", "www.example.com"],
    "tls": [{"secretName": "shop-tls", "hosts": ["shop.example.com"]}],
}
ROUTE: dict[str, Any] = {
    "enabled": True,
    "parentRefs": [{"name": "gateway", "namespace": "gateways"}],
    "hostnames": ["shop.example.com"],
}
NO_NGINX: dict[str, Any] = {"nginx": {"enabled": False}}
DIGEST = "sha256:" + "0123456789abcdef" * 4
AFFINITY: dict[str, Any] = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
        }
    }
}
SCHEDULING: dict[str, Any] = {
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "only", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": AFFINITY,
    "priorityClassName": "high",
    "podAnnotations": {"example.com/note": "yes"},
    "podLabels": {"example.com/team": "shop"},
    "podSecurityContext": {"fsGroup": 3000},
    "securityContext": {"runAsUser": 3001},
}
SPREAD: dict[str, Any] = {
    "topologySpreadConstraints": [
        {"maxSkew": 2, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}
    ]
}
RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
EXTRA: dict[str, Any] = {
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "extraContainers": [
        {
            "name": "beside",
            "image": "busybox:1.37",
            "resources": {"requests": {"cpu": "1m"}},
            "securityContext": RESTRICTED,
        }
    ],
    "extraInitContainers": [
        {
            "name": "before",
            "image": "busybox:1.37",
            "resources": {"requests": {"cpu": "1m"}},
            "securityContext": RESTRICTED,
        }
    ],
    "env": [{"name": "COLOUR", "value": "blue"}],
    "envFrom": [{"secretRef": {"name": "more-settings"}}],
    "settings": {"LOG_LEVEL": "DEBUG"},
    "probes": {"liveness": {"tcpSocket": {"port": "internal"}, "periodSeconds": 30}},
}
NODE_PORT = {"type": "NodePort", "nodePort": 30080, "externalTrafficPolicy": "Local", "annotations": {"a": "b"}}
TRUSTED = {"trustedProxies": ["10.0.0.0/8", "fd00::/8"], "extraConfig": "gzip on;\ngzip_vary on;"}

CASES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no-nginx": NO_NGINX,
    "node-port": {"nginx": {"service": NODE_PORT}},
    "load-balancer": {"nginx": {"service": {"type": "LoadBalancer"}}},
    "trusted-proxies": {"nginx": TRUSTED},
    "cached": {"api": {"settings": {"CACHE_EDGE_SECONDS": 60}}, "nginx": TRUSTED},
    "ingress": {"ingress": {"enabled": True}},
    "ingress-community": {"ingress": INGRESS | {"preset": "community"}},
    "ingress-f5": {"ingress": INGRESS | {"preset": "f5", "annotations": {"nginx.org/keepalive": "8"}}},
    "ingress-community-no-nginx": {"ingress": INGRESS | {"preset": "community"}} | NO_NGINX,
    "ingress-f5-no-nginx": {"ingress": INGRESS | {"preset": "f5"}} | NO_NGINX,
    "http-route": {"httpRoute": ROUTE},
    "http-route-no-nginx": {"httpRoute": ROUTE} | NO_NGINX,
    "external-urls": URLS,
    "external-secrets": SECRETS,
    "own-secrets": {
        "redis": {"auth": {"existingSecret": "my-redis"}},
        "postgresql": {"auth": {"existingSecret": "my-postgresql"}},
    },
    "passwords": {"redis": {"auth": {"password": "r@: /?#"}}, "postgresql": {"auth": {"password": "p@: /?#%'\""}}},
    "no-autoscaler": NO_AUTOSCALER,
    "cpu-alone": {
        "api": {"autoscaling": {"requestsPerSecond": 0, "inFlightPercent": 0}},
        "worker": {"autoscaling": {"queueDepth": 0, "oldestAgeSeconds": 0, "cpuPercent": 75}},
    },
    "own-adapter": {"metrics": {"bundled": {"enabled": False}}},
    "adapter-unchecked": {"metrics": {"bundled": {"adapter": {"insecureSkipTLSVerify": True}}}},
    "keda": {"autoscaling": KEDA},
    "keda-bundled": {"autoscaling": {"provider": "keda"}},
    "keda-to-zero": {"autoscaling": KEDA, "worker": {"autoscaling": {"minReplicas": 0}}},
    "monitors": {"metrics": MONITORS},
    "monitors-no-worker": {"metrics": MONITORS, "worker": {"enabled": False}},
    "pod-monitor": {"metrics": {"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "migrations-none": {"migrations": {"mode": "none"}},
    "migrations-hook": SECRETS | {"migrations": {"mode": "hook"}},
    "no-worker": {"worker": {"enabled": False}},
    "own-app": OWN_APP,
    "no-network-policy": {"networkPolicy": {"enabled": False}},
    "network-policy-peers": {
        "networkPolicy": {
            "allowFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
            "allowMetricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
            "extraEgress": [{"to": [{"ipBlock": {"cidr": "198.51.100.0/24"}}], "ports": [{"port": 443}]}],
        }
    },
    "no-persistence": {
        "redis": {"broker": {"persistence": {"enabled": False}}},
        "postgresql": {"persistence": {"enabled": False}},
    },
    "storage": {
        "global": {"storageClass": "fast"},
        "postgresql": {"persistence": {"storageClass": "faster"}, "configuration": {"shared_buffers": "128MB"}},
    },
    "one-of-each": NO_AUTOSCALER | {"api": {"replicaCount": 1}, "nginx": {"replicaCount": 1}},
    "many": NO_AUTOSCALER | {"api": {"replicaCount": 3}, "worker": {"replicaCount": 3}, "nginx": {"replicaCount": 3}},
    "replicas-left-alone": NO_AUTOSCALER | {"api": {"replicaCount": None}, "worker": {"replicaCount": None}},
    "full-name": {"fullnameOverride": "front"},
    "name": {"nameOverride": "web"},
    "labels": {"commonLabels": {"team": "shop", "example.com/cost": "42"}},
    "registry": {
        "global": {"imageRegistry": "images.example.com:5000", "imagePullSecrets": [{"name": "pull"}]},
        "worker": {"image": {"registry": "other.example.com", "digest": DIGEST}},
    },
    "commands": {"api": {"command": ["python"], "args": ["-m", "shop"]}, "worker": {"args": ["worker", "shop:app"]}},
    "pass-through": {
        "api": EXTRA | SCHEDULING | SPREAD,
        "worker": EXTRA | SCHEDULING | SPREAD,
        "nginx": SCHEDULING | SPREAD,
        "redis": SCHEDULING,
        "postgresql": SCHEDULING,
        "metrics": {"bundled": {"prometheus": SCHEDULING, "adapter": SCHEDULING}},
        "settings": {"CACHE_TTL_SECONDS": 60},
    },
    "no-tests": {"tests": {"enabled": False}},
    "everything-off": OWN_APP
    | NO_NGINX
    | NO_AUTOSCALER
    | {"networkPolicy": {"enabled": False}, "tests": {"enabled": False}},
}

#: Options of `render` beside the values.
OPTIONS: dict[str, dict[str, Any]] = {
    "metrics-server": {"api_versions": ("metrics.k8s.io/v1beta1",)},
    "long-release-name": {"release": "a-release-whose-name-is-as-long-as-helm-lets-it-be-a"},
    **{file.stem: {"files": (file.name,)} for file in sorted(CHART.glob("values-*.yaml"))},
}
CASES |= {name: {} for name in OPTIONS}


def rendered(case: str, **options: Any) -> Rendered:
    return render(CASES[case], **OPTIONS.get(case, {}), **options)
