"""Who owns the number of pods: no upgrade takes pods away that nobody asked it to."""

import pytest

from tests.chart.cases import KEDA
from tests.chart.live import Cluster
from tests.chart.support import merge

NONE = {"autoscaling": {"provider": "none"}}
HPA = {"autoscaling": {"provider": "hpa"}}
TO_ZERO = {"autoscaling": KEDA, "worker": {"autoscaling": {"minReplicas": 0}}}
UNSET = {"api": {"replicaCount": None}, "worker": {"replicaCount": None}, "nginx": {"replicaCount": None}}


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def by_hand():
    """A cluster whose release's numbers no autoscaler owns, unless an upgrade says so."""
    return Cluster(NONE)


def counts(cluster):
    return {component: cluster.replicas(component) for component in ("api", "worker", "nginx")}


def test_an_upgrade_leaves_what_kubectl_scale_set_until_the_value_changes(by_hand):
    by_hand.upgrade()
    by_hand.scale(api=7, worker=5, nginx=0)
    for _ in range(2):
        by_hand.upgrade({"settings": {"LOG_LEVEL": "WARNING"}})
        assert counts(by_hand) == {"api": 7, "worker": 5, "nginx": 0}
    by_hand.upgrade({component: {"replicaCount": 3} for component in counts(by_hand)})
    assert counts(by_hand) == {"api": 3, "worker": 3, "nginx": 3}


def test_pods_that_run_already_over_the_connection_budget_stop_no_upgrade(by_hand):
    by_hand.upgrade()
    by_hand.scale(api=60)
    by_hand.upgrade({"settings": {"LOG_LEVEL": "WARNING"}})
    assert by_hand.replicas("api") == 60


@pytest.mark.parametrize("scaler", [HPA, {"autoscaling": KEDA}], ids=["hpa", "keda"])
def test_an_autoscaler_that_takes_over_starts_from_what_is_there(by_hand, scaler):
    by_hand.upgrade()
    by_hand.scale(api=7, worker=5)
    by_hand.upgrade(scaler)
    assert counts(by_hand) == {"api": 7, "worker": 5, "nginx": 2}
    by_hand.scale(api=3, worker=2)
    by_hand.upgrade(merge(scaler, {"settings": {"LOG_LEVEL": "WARNING"}}))
    assert counts(by_hand) == {"api": 3, "worker": 2, "nginx": 2}


@pytest.mark.parametrize("first", [[HPA], [NONE, HPA]], ids=["from the first version", "later"])
def test_an_autoscaler_that_goes_leaves_what_is_there(cluster, first):
    for values in first:
        cluster.upgrade(values)
    cluster.scale(api=9, worker=6)
    for values in (NONE, NONE, HPA, NONE):
        cluster.upgrade(values)
        assert counts(cluster) == {"api": 9, "worker": 6, "nginx": 2}
    cluster.upgrade(HPA)
    cluster.upgrade(merge(NONE, {"api": {"replicaCount": 4}}))
    assert cluster.replicas("api") == 4


def test_an_autoscaler_from_the_first_version_on_owns_the_number_in_rollbacks_too(cluster):
    for _ in range(2):
        cluster.upgrade(HPA)
        assert not cluster.sets_replicas("api")
        cluster.scale(api=5)
    assert cluster.replicas("api") == 5


@pytest.mark.parametrize("first", [[TO_ZERO], [NONE, TO_ZERO]], ids=["from the first version", "later"])
@pytest.mark.parametrize(("after", "workers"), [(HPA, 2), (NONE, 3)], ids=["hpa", "none"])
def test_workers_that_keda_took_to_zero_come_back_when_it_goes(cluster, first, after, workers):
    values = {"worker": {"replicaCount": 3}}
    for part in first:
        cluster.upgrade(merge(values, part))
    cluster.scale(worker=0)
    cluster.upgrade(merge(values, TO_ZERO))
    assert cluster.replicas("worker") == 0
    for _ in range(2):
        cluster.upgrade(merge(values, after, {"worker": {"autoscaling": {"minReplicas": 2}}}))
        assert cluster.replicas("worker") == workers


def test_a_number_that_is_no_longer_given_stays(by_hand):
    by_hand.upgrade()
    by_hand.scale(api=7, worker=5, nginx=4)
    for _ in range(2):
        by_hand.upgrade(UNSET)
        assert counts(by_hand) == {"api": 7, "worker": 5, "nginx": 4}
    by_hand.upgrade({"api": {"replicaCount": 3}})
    assert by_hand.replicas("api") == 3


def test_a_number_that_is_never_given_is_never_set(by_hand):
    for _ in range(2):
        by_hand.upgrade(UNSET)
        assert not any(map(by_hand.sets_replicas, counts(by_hand)))
        by_hand.scale(api=4)
    assert by_hand.replicas("api") == 4
    by_hand.upgrade({"api": {"replicaCount": 3}})
    assert by_hand.replicas("api") == 3
