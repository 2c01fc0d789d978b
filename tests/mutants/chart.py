"""The chart's safeguards of traffic; each is to fall to a test on the cluster of `make cluster`, most to a scene."""

from tests.load.process import NOT_ALL_SERVED
from tests.mutants.mutant import Edit, Mutant

TEMPLATES = "charts/flask-scale/templates"
SCENES = "k8s-tests/scenes"
SAFEGUARDS = f"{SCENES}/test_safeguards.py"

API = f"{TEMPLATES}/api/deployment.yaml"
#: Where the settings begin that the chart gives to every pod.
APP, BIND = f"{TEMPLATES}/_app.tpl", 'BIND: "0.0.0.0:8000"'
NGINX = f"{TEMPLATES}/nginx/configmap.yaml"

MUTANTS = (
    Mutant(
        "nginx without preStop",
        [Edit(f"{TEMPLATES}/nginx/deployment.yaml", "if int .preStopSeconds", "if false")],
        [f"{SAFEGUARDS}::test_nginx_pods_that_leave_under_new_connections"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "API without preStop",
        [Edit(f"{TEMPLATES}/_pod.tpl", "if $seconds -", "if false -")],
        [f"{SAFEGUARDS}::test_pods_that_leave_by_one_of_their_two_ways[preStop]"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "API without drain",
        [Edit(APP, BIND, f"DRAIN_SECONDS: 0\n{BIND}")],
        [f"{SAFEGUARDS}::test_pods_that_leave_by_one_of_their_two_ways[drain]"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "maxUnavailable 1",
        [Edit(API, "maxSurge: 1\n      maxUnavailable: 0", "maxSurge: 0\n      maxUnavailable: 1")],
        [f"{SAFEGUARDS}::test_a_lone_pod_that_is_slow_to_start_is_replaced"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "no PodDisruptionBudget",
        [Edit(f"{TEMPLATES}/api/poddisruptionbudget.yaml", "if .Values.api.pdb.enabled", "if false")],
        [f"{SAFEGUARDS}::test_a_node_with_every_pod_is_drained_though_they_are_slow_to_start"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "no minReadySeconds",
        [Edit(API, "minReadySeconds: {{ int .Values.api.minReadySeconds }}", "minReadySeconds: 0")],
        [f"{SAFEGUARDS}::test_a_version_that_dies_soon_after_it_is_ready_replaces_nobody"],
        "were given up",
    ),
    Mutant(
        "keep-alive of the API under nginx's",
        [Edit(APP, BIND, f"KEEPALIVE_SECONDS: 1\n{BIND}")],
        [f"{SAFEGUARDS}::test_requests_that_come_while_nginx_stands_still"],
        NOT_ALL_SERVED,
    ),
    Mutant(
        "POSTs sent to the next pod",
        [Edit(NGINX, "proxy_next_upstream error timeout;", "proxy_next_upstream error timeout non_idempotent;")],
        ["k8s-tests/test_retries.py"],
        "POST was done",
    ),
)
