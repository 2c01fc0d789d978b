"""Who may reach whom: every rule of the NetworkPolicies, and the ways in."""

import pytest

from tests.chart.cases import CASES, ROUTE, URLS, rendered
from tests.chart.support import merge, render

ANYWHERE = [
    {"ipBlock": {"cidr": "0.0.0.0/0"}},
    {"ipBlock": {"cidr": "::/0"}},
    {"namespaceSelector": {}},
]
ANY_POD = [{"namespaceSelector": {}}]


def rules(objects, name, direction):
    """The rules as (peers, ports): peers are components, or as they stand; None is anyone."""
    end = {"ingress": "from", "egress": "to"}[direction]
    found = []
    for rule in objects.get("NetworkPolicy", name)["spec"].get(direction) or []:
        peers = rule.get(end)
        if peers and all("podSelector" in peer and len(peer["podSelector"]["matchLabels"]) == 3 for peer in peers):
            peers = [peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in peers]
        found.append((peers, [port["port"] for port in rule["ports"]]))
    return found


STORES = [(["postgresql"], [5432]), (["redis-broker", "redis-cache"], [6379])]


@pytest.mark.parametrize(
    ("name", "ingress", "egress"),
    [
        ("nginx", [(None, [8080])], [(["api"], [8000])]),
        ("api", [(["nginx"], [8000]), (ANY_POD, [8001]), (["prometheus"], [8001])], STORES),
        ("worker", [(ANY_POD, [8002])], STORES),
        ("migrate", [], [(["postgresql"], [5432])]),
        ("postgresql", [(["api", "worker", "migrate"], [5432])], []),
        ("redis-broker", [(["api", "worker"], [6379])], []),
        ("redis-cache", [(["api", "worker"], [6379])], []),
        ("test", [], [(["nginx"], [8080])]),
        ("prometheus", [(["adapter"], [9090])], [(["api"], [8001]), (ANYWHERE, [443, 6443])]),
        ("adapter", [(None, [10250])], [(["prometheus"], [9090]), (ANYWHERE, [443, 6443])]),
        ("default-deny", [], [(None, [53, 53])]),
    ],
)
def test_each_pair_has_what_it_needs_and_no_more(name, ingress, egress):
    assert rules(render(), name, "ingress") == ingress
    assert rules(render(), name, "egress") == egress
    spec = render().get("NetworkPolicy", name)["spec"]
    for direction, wanted in (("Ingress", ingress), ("Egress", egress)):
        assert not wanted or direction in spec["policyTypes"]


def test_without_nginx_clients_and_the_test_reach_the_api():
    objects = rendered("no-nginx")
    assert rules(objects, "api", "ingress") == [(None, [8000]), (ANY_POD, [8001]), (["prometheus"], [8001])]
    assert rules(objects, "test", "egress") == [(["api"], [8000])]


def test_keda_reaches_the_bundled_prometheus_from_wherever_it_runs():
    assert rules(rendered("keda-bundled"), "prometheus", "ingress") == [(ANY_POD, [9090])]
    keda = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]
    objects = render(merge(CASES["keda-bundled"], {"networkPolicy": {"allowMetricsFrom": keda}}))
    assert rules(objects, "prometheus", "ingress") == [(keda, [9090])]
    assert (["prometheus"], [8001]) in rules(objects, "api", "ingress")


def test_the_kubernetes_api_is_reached_at_the_given_ports():
    objects = render({"networkPolicy": {"kubernetesApiPorts": [16443]}})
    for name in ("prometheus", "adapter"):
        assert rules(objects, name, "egress")[-1] == (ANYWHERE, [16443])


def test_the_ports_of_external_stores_are_opened_to_anywhere():
    ports = {"externalRedis": {"ports": [6380, 6381]}, "externalPostgresql": {"ports": [6432]}}
    objects = render(merge(URLS, ports))
    for name in ("api", "worker"):
        assert rules(objects, name, "egress") == [(ANYWHERE, [6432]), (ANYWHERE, [6380, 6381])]
    assert rules(objects, "migrate", "egress") == [(ANYWHERE, [6432])]


@pytest.mark.parametrize(("nginx", "name", "port"), [(True, "nginx", 8080), (False, "api", 8000)])
def test_peers_that_a_person_names_are_the_only_ones(nginx, name, port):
    values = CASES["network-policy-peers"]
    given = values["networkPolicy"]
    policies = render(merge(values, {"nginx": {"enabled": nginx}}))
    clients = policies.get("NetworkPolicy", name)["spec"]["ingress"][0]
    assert clients["ports"] == [{"port": port}]
    assert clients["from"][:-1] == given["allowFrom"]
    assert clients["from"][-1]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"
    for scraped, at in (("api", 8001), ("worker", 8002)):
        assert (given["allowMetricsFrom"], [at]) in rules(policies, scraped, "ingress")
        assert policies.get("NetworkPolicy", scraped)["spec"]["egress"][-1:] == given["extraEgress"]
    assert "198.51.100.0/24" not in str(policies.get("NetworkPolicy", "migrate"))


def test_services_of_scrapers_and_of_nginx_give_the_pods_addresses():
    objects = render()
    for name in ("api-headless", "worker"):
        spec = objects.get("Service", name)["spec"]
        assert spec["clusterIP"] == "None"
        assert not spec.get("publishNotReadyAddresses")
    assert {port["name"]: port["port"] for port in objects.get("Service", "api-headless")["spec"]["ports"]} == {
        "http": 8000,
        "internal": 8001,
    }
    for name in ("api", "nginx"):
        spec = objects.get("Service", name)["spec"]
        assert spec["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
        assert spec.get("clusterIP") != "None"


def test_the_nginx_service_is_as_its_values_say():
    spec = rendered("node-port").get("Service", "nginx")["spec"]
    assert (spec["type"], spec["ports"][0]["nodePort"], spec["externalTrafficPolicy"]) == ("NodePort", 30080, "Local")
    assert rendered("load-balancer").get("Service", "nginx")["spec"]["type"] == "LoadBalancer"


@pytest.mark.parametrize(("nginx", "name"), [(True, "nginx"), (False, "api")])
def test_a_route_leads_its_hosts_to_the_first_tier_there_is(nginx, name):
    spec = render({"httpRoute": ROUTE, "nginx": {"enabled": nginx}}).of("HTTPRoute")[0]["spec"]
    assert spec["parentRefs"] == ROUTE["parentRefs"]
    assert spec["hostnames"] == ROUTE["hostnames"]
    assert spec["rules"] == [{"backendRefs": [{"name": f"shop-flask-scale-{name}", "port": 80}]}]


def test_an_ingress_has_its_class_hosts_and_certificates():
    spec = rendered("ingress-community").of("Ingress")[0]["spec"]
    given = CASES["ingress-community"]["ingress"]
    assert spec["ingressClassName"] == given["className"]
    assert spec["tls"] == given["tls"]
    assert [rule["host"] for rule in spec["rules"]] == given["hosts"]


def test_the_test_asks_the_first_tier_for_the_given_page():
    objects = render({"tests": {"path": "/v1/users"}})
    assert objects.component("Pod", "test")["spec"]["containers"][0]["args"][-1] == (
        "http://shop-flask-scale-nginx:80/v1/users"
    )
