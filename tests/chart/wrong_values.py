"""Values that must be refused, and the part of the message that tells a person what to change."""

from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """What is wrong, the values, and what the message must hold, whatever the case of its letters."""

    name: str
    values: dict[str, Any]
    says: tuple[str, ...]


WRONG = (
    Wrong("a misspelt key", {"api": {"replicas": 3}}, ("api", "replicas")),
    Wrong("a misspelt section", {"postgres": {"enabled": False}}, ("postgres",)),
    Wrong("text for a number", {"api": {"replicaCount": "three"}}, ("replicaCount", "integer")),
    Wrong("a negative number of pods", {"worker": {"replicaCount": -1}}, ("replicaCount",)),
    Wrong("a service type that Kubernetes lacks", {"nginx": {"service": {"type": "Loadbalancer"}}}, ("type",)),
    Wrong("a port out of range", {"nginx": {"service": {"port": 70000}}}, ("port",)),
    Wrong("an unknown autoscaler", {"autoscaling": {"provider": "vpa"}}, ("provider",)),
    Wrong("an unknown mode of migrations", {"migrations": {"mode": "always"}}, ("mode",)),
    Wrong("an unknown ingress preset", {"ingress": {"enabled": True, "preset": "traefik"}}, ("preset",)),
    Wrong("a digest that is none", {"api": {"image": {"digest": "0123"}}}, ("digest",)),
    Wrong("a memory size that nginx cannot read", {"nginx": {"maxBodySize": "80MB"}}, ("maxBodySize",)),
    Wrong("a setting that is none", {"settings": {"LOG_LEVLE": "debug"}}, ("LOG_LEVLE",)),
    Wrong("a setting that the chart makes itself", {"settings": {"BIND": "0.0.0.0:1"}}, ("BIND",)),
    Wrong(
        "ingress and HTTPRoute at once",
        {"ingress": {"enabled": True}, "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]}},
        ("ingress", "httpRoute"),
    ),
    Wrong("an HTTPRoute of no gateway", {"httpRoute": {"enabled": True}}, ("httpRoute.parentRefs",)),
    Wrong(
        "no workers at rest without KEDA",
        {"autoscaling": {"provider": "hpa"}, "worker": {"autoscaling": {"minReplicas": 0}}},
        ("worker.autoscaling.minReplicas", "keda"),
    ),
    Wrong(
        "no workers at rest, and no queue that would bring one",
        {
            "autoscaling": {"provider": "keda"},
            "worker": {"autoscaling": {"minReplicas": 0, "queueDepth": 0, "oldestAgeSeconds": 0, "cpuPercent": 75}},
        },
        ("worker.autoscaling.minReplicas=0", "queueDepth", "oldestAgeSeconds", "or minReplicas to 1"),
    ),
    Wrong(
        "KEDA without a Prometheus",
        {"autoscaling": {"provider": "keda"}, "metrics": {"bundled": {"enabled": False}}},
        ("autoscaling.prometheusAddress", "metrics.bundled.enabled"),
    ),
    Wrong(
        "two monitors of the same pods",
        {"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        ("metrics.serviceMonitor", "metrics.podMonitor", "switch one off"),
    ),
    Wrong(
        "a scrape interval that rates cannot be counted from",
        {"metrics": {"bundled": {"scrapeInterval": "500ms"}}},
        ("scrapeInterval",),
    ),
    Wrong(
        "a Prometheus of no version",
        {"metrics": {"bundled": {"prometheus": {"image": {"tag": ""}}}}},
        ("metrics.bundled.prometheus.image.tag",),
    ),
    Wrong(
        "no port of the Kubernetes API",
        {"networkPolicy": {"kubernetesApiPorts": []}},
        ("kubernetesApiPorts",),
    ),
    Wrong(
        "more at least than at most",
        {"autoscaling": {"provider": "hpa"}, "api": {"autoscaling": {"minReplicas": 7, "maxReplicas": 6}}},
        ("minReplicas", "maxReplicas"),
    ),
    Wrong(
        "more connections than PostgreSQL takes",
        {"api": {"autoscaling": {"maxReplicas": 60}}},
        ("of postgresql.maxConnections=",),
    ),
    Wrong("workers without a broker", {"redis": {"enabled": False}}, ("worker.enabled", "externalRedis")),
    Wrong(
        "two brokers",
        {"externalRedis": {"brokerUrl": "redis://r.example:6379/0"}},
        ("externalRedis", "redis.enabled"),
    ),
    Wrong(
        "two databases",
        {"externalPostgresql": {"url": "postgresql://u:p@db.example/app"}},
        ("externalPostgresql", "postgresql.enabled"),
    ),
    Wrong(
        "trusted proxies of no nginx",
        {"nginx": {"enabled": False, "trustedProxies": ["10.0.0.0/8"]}},
        ("nginx.trustedProxies", "FORWARDED_ALLOW_IPS"),
    ),
    Wrong(
        "a node port of no node port Service", {"nginx": {"service": {"nodePort": 30080}}}, ("nodePort", "ClusterIP")
    ),
    Wrong("workers without a database", {"postgresql": {"enabled": False}}, ("worker.enabled", "externalPostgresql")),
    Wrong(
        "an autoscaler without a target",
        {
            "autoscaling": {"provider": "hpa"},
            "worker": {"autoscaling": {"queueDepth": 0, "oldestAgeSeconds": 0, "cpuPercent": 0}},
        },
        ("worker.autoscaling", "target"),
    ),
    Wrong(
        "a share of a CPU request that is none",
        {"autoscaling": {"provider": "hpa"}, "api": {"resources": {"requests": {"cpu": None}}}},
        ("api.autoscaling.cpuPercent", "requests.cpu"),
    ),
    Wrong("an image that changes under its name", {"worker": {"image": {"tag": "latest"}}}, ("worker.image.tag",)),
    Wrong(
        "an nginx that is killed before its requests end",
        {"nginx": {"terminationGracePeriodSeconds": 74}},
        ("nginx.terminationGracePeriodSeconds=74", "preStopSeconds (10)", "readTimeoutSeconds (60)", "75"),
    ),
    Wrong(
        "an API that ends requests for which nginx waits",
        {"api": {"settings": {"GRACEFUL_TIMEOUT_SECONDS": 59}}},
        ("api.settings.GRACEFUL_TIMEOUT_SECONDS=59", "nginx.readTimeoutSeconds (60)", "terminationGracePeriodSeconds"),
    ),
    Wrong(
        "a behavior that no autoscaler has", {"api": {"autoscaling": {"behavior": {"scaledown": {}}}}}, ("scaledown",)
    ),
    Wrong("a disruption budget that blocks every drain", {"api": {"pdb": {"maxUnavailable": 0}}}, ("maxUnavailable",)),
    Wrong("the same in percent", {"nginx": {"pdb": {"maxUnavailable": "00%"}}}, ("maxUnavailable",)),
    Wrong("a share of more pods than there are", {"api": {"pdb": {"maxUnavailable": "101%"}}}, ("maxUnavailable",)),
    Wrong(
        "a broker that is killed before it is full",
        {"redis": {"broker": {"maxmemory": "384mb"}}},
        ("redis.broker.maxmemory=384mb", "redis.broker.resources.limits.memory=384Mi", "raise"),
    ),
    Wrong(
        "the same, of what Redis needs beside its data",
        {"redis": {"broker": {"maxmemory": "289mb"}}},
        ("redis.broker.maxmemory=289mb", "three quarters of redis.broker.resources.limits.memory=384Mi"),
    ),
    Wrong(
        "a broker whose volume does not hold its file and that which replaces it",
        {"redis": {"broker": {"persistence": {"size": "255Mi"}}}},
        ("redis.broker.persistence.size=255Mi", "twice redis.broker.maxmemory=128mb"),
    ),
    Wrong(
        "a cache of no bound in a container of one",
        {"redis": {"cache": {"maxmemory": "0"}}},
        ("redis.cache.maxmemory=0", "redis.cache.resources.limits.memory=256Mi"),
    ),
    Wrong(
        "more kept by nginx than its volume holds",
        {"api": {"settings": {"CACHE_EDGE_SECONDS": 60}}, "nginx": {"cacheSize": "2g"}},
        ("nginx.cacheSize=2g", "nginx.tmpSizeLimit=2Gi"),
    ),
    Wrong(
        "the same with one body",
        {"api": {"settings": {"CACHE_EDGE_SECONDS": 60}}, "nginx": {"cacheSize": "1968m"}},
        ("nginx.cacheSize=1968m", "nginx.maxBodySize=80m", "nginx.tmpSizeLimit=2Gi"),
    ),
    Wrong(
        "a body that nginx's volume does not hold",
        {"nginx": {"maxBodySize": "2g"}},
        ("nginx.maxBodySize=2g", "nginx.tmpSizeLimit=2Gi"),
    ),
    Wrong("bodies of no bound", {"nginx": {"maxBodySize": "0"}}, ("nginx.maxBodySize=0", "nginx.tmpSizeLimit=2Gi")),
    Wrong("an address that is none", {"nginx": {"trustedProxies": ["10.0.0"]}}, ("trustedProxies",)),
    Wrong("a network that is none", {"nginx": {"trustedProxies": ["10.0.0.0/33"]}}, ("trustedProxies",)),
    Wrong(
        "no API at rest",
        {"autoscaling": {"provider": "hpa"}, "api": {"autoscaling": {"minReplicas": 0}}},
        ("api.autoscaling.minReplicas", "first request"),
    ),
    Wrong("migrations in a hook before the chart's own database is there", {"migrations": {"mode": "hook"}}, ("hook",)),
    Wrong(
        "a grace period that ends before the requests do",
        {"api": {"terminationGracePeriodSeconds": 20}},
        ("api.terminationGracePeriodSeconds",),
    ),
    Wrong(
        "max_connections in two places",
        {"postgresql": {"configuration": {"max_connections": 100}}},
        ("postgresql.maxConnections",),
    ),
)
