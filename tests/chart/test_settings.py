"""Settings of the library, as values: what reaches the pods, and what the guards and the autoscalers make of them."""

import json
import re

import pytest

from flask_scale.settings import Settings
from scripts import settings_schema
from tests.chart.cases import NO_AUTOSCALER
from tests.chart.support import CHART, merge, refused, render


def environment(objects, component):
    """The settings of a component's container, as text."""
    container = objects.component("Deployment", component)["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"].removeprefix("FLASK_SCALE_"): entry.get("value") for entry in container["env"]}


def test_the_schemas_part_is_that_of_the_library_now():
    definitions = json.loads((CHART / "values.schema.json").read_text())["definitions"]
    assert definitions["settings"] == settings_schema.settings_definition(), "`make docs` writes it"


def test_a_components_settings_win_over_those_of_all_empty_ones_too():
    everywhere = {"ACCESS_LOG": True, "DRAIN_SECONDS": 9, "MAX_OVERFLOW": 4, "WORKER_QUEUES": "slow"}
    own = {"ACCESS_LOG": False, "DRAIN_SECONDS": 0, "MAX_OVERFLOW": 0}
    objects = render({"settings": everywhere, "api": {"settings": own}})
    api, worker = environment(objects, "api"), environment(objects, "worker")
    assert [api[name] for name in everywhere] == ["false", "0", "0", "slow"]
    assert [worker[name] for name in everywhere] == ["true", "9", "4", "slow"]


@pytest.mark.parametrize(
    ("value", "text"), [(1000000, "1000000"), (2.5, "2.5"), (0.00001, "1e-05"), (33554432, "33554432")]
)
def test_a_number_stands_as_the_library_reads_it(value, text):
    name = "CACHE_MEMORY_BYTES" if isinstance(value, int) else "CACHE_TIMEOUT_SECONDS"
    assert environment(render({"settings": {name: value}}), "api")[name] == text


@pytest.mark.parametrize(
    ("limit", "jobs", "share"),
    [
        ("1Gi", 2, 384 * 2**20),
        ("0.5Gi", 2, 128 * 2**20),
        ("2Gi", 4, 448 * 2**20),
        (2**31, 1, 2**31 - 2**28),
        ("1G", 1, 10**9 - 2**28),
        ("512000k", 1, 512_000_000 - 2**28),
        ("300Mi", 2, None),
        (None, 2, None),
    ],
)
def test_a_job_may_take_its_share_of_the_workers_memory(limit, jobs, share):
    worker = {"resources": {"limits": {"memory": limit}}, "settings": {"WORKER_CONCURRENCY": jobs}}
    objects = render({"worker": worker, "postgresql": {"maxConnections": 900}})
    assert environment(objects, "worker").get("JOB_MAX_MEMORY_BYTES") == (share and str(share))
    assert "JOB_MAX_MEMORY_BYTES" not in environment(objects, "api")


@pytest.mark.parametrize("said", [0, 1000])
@pytest.mark.parametrize("where", ["all", "worker"])
def test_what_a_job_may_take_is_what_a_setting_says(said, where):
    settings = {"settings": {"JOB_MAX_MEMORY_BYTES": said}}
    objects = render(settings if where == "all" else {"worker": settings})
    assert environment(objects, "worker")["JOB_MAX_MEMORY_BYTES"] == str(said)


def test_a_jobs_share_is_not_set_twice():
    variable = {"name": "FLASK_SCALE_JOB_MAX_MEMORY_BYTES", "value": "1000"}
    assert "is set already" in refused({"worker": {"env": [variable]}})
    render({"api": {"env": [variable]}})


def test_zero_is_a_value_to_the_guards():
    # 10 of preStop, 60 of graceful timeout and 5 to spare; the library's drain would be 3 more.
    render({"api": {"settings": {"DRAIN_SECONDS": 0}, "terminationGracePeriodSeconds": 75}})
    assert "are 76;" in refused({"api": {"settings": {"DRAIN_SECONDS": 1}, "terminationGracePeriodSeconds": 75}})
    # 3 pods of 4 processes and 20 connections, and those of two Celery workers and the migrations: 258.
    render(NO_AUTOSCALER | {"settings": {"POOL_SIZE": 20, "MAX_OVERFLOW": 0}, "postgresql": {"maxConnections": 330}})


def test_connections_that_are_not_kept_need_no_limit_above_nginxs():
    render({"settings": {"KEEPALIVE_SECONDS": 0}})
    assert "KEEPALIVE_SECONDS" in refused({"settings": {"KEEPALIVE_SECONDS": 60}})


@pytest.mark.parametrize("provider", ["hpa", "keda"])
def test_a_share_of_no_limit_is_no_target(provider):
    scaling = {"provider": provider, "prometheusAddress": "http://prometheus:9090"}
    message = refused({"settings": {"MAX_IN_FLIGHT": 0}, "autoscaling": scaling})
    assert "api.autoscaling.inFlightPercent" in message
    render({"settings": {"MAX_IN_FLIGHT": 0}, "autoscaling": scaling, "api": {"autoscaling": {"inFlightPercent": 0}}})


@pytest.mark.parametrize(("limit", "target"), [(1, "1"), (2000000, "1000000")])
def test_requests_in_flight_are_aimed_at_half_the_limit_and_at_least_at_one(limit, target):
    objects = render({"settings": {"MAX_IN_FLIGHT": limit}, "autoscaling": {"provider": "hpa"}})
    metrics = objects.component("HorizontalPodAutoscaler", "api")["spec"]["metrics"]
    found = {item["pods"]["metric"]["name"]: item["pods"]["target"] for item in metrics if item["type"] == "Pods"}
    assert found["flask_scale_requests_in_flight"] == {"type": "AverageValue", "averageValue": target}


def test_the_librarys_defaults_in_the_templates_are_those_of_now():
    text = "".join(file.read_text() for file in (CHART / "templates").rglob("*") if file.is_file())
    found = re.findall(r'"flask-scale\.setting" \(list \S+ \S+ "(\w+)" ([\d.]+)\)', text)
    assert len(found) == text.count('include "flask-scale.setting"')
    defaults = Settings()
    for name, value in found:
        assert float(value) == getattr(defaults, name.lower()), name


@pytest.mark.parametrize(
    ("values", "connections"),
    [
        # 15 of a process; one more pod of each in a rollout; 2 + 3 * 2 of a Celery worker; 2 of the migrations.
        (NO_AUTOSCALER, 3 * 4 * 15 + 2 * 8 + 2),
        (NO_AUTOSCALER | {"worker": {"enabled": False}}, 3 * 4 * 15 + 2),
        (
            NO_AUTOSCALER | {"worker": {"replicaCount": 3, "settings": {"WORKER_CONCURRENCY": 4}}},
            3 * 4 * 15 + 4 * 14 + 2,
        ),
        (NO_AUTOSCALER | {"settings": {"WORKERS": 2, "POOL_SIZE": 5, "MAX_OVERFLOW": 0}}, 3 * 2 * 5 + 2 * 8 + 2),
        ({}, 7 * 4 * 15 + 5 * 8 + 2),
    ],
)
def test_the_budget_is_the_most_that_all_pods_open_and_a_fifth_to_spare(values, connections):
    enough = -(-connections * 10 // 8)
    render(merge(values, {"postgresql": {"maxConnections": enough}}))
    message = refused(merge(values, {"postgresql": {"maxConnections": enough - 1}}))
    assert f"up to {connections}," in message


def test_only_proxies_of_private_networks_are_believed_by_the_api():
    text = environment(render(), "api")["FORWARDED_ALLOW_IPS"]
    assert set(text.split(",")) == {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"}
    named = {"settings": {"FORWARDED_ALLOW_IPS": "192.0.2.1"}}
    assert environment(render(named), "api")["FORWARDED_ALLOW_IPS"] == "192.0.2.1"
