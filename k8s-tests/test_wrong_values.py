"""Wrong values are refused by the install itself, with a message that helps, and nothing is left behind."""

import re
from collections.abc import Callable

import pytest

from support.cluster import CommandFailed
from support.namespace import Namespace
from support.release import Release
from tests.chart.wrong_values import WRONG, Wrong


@pytest.fixture(scope="module")
def namespace(make_namespace: Callable[[str], Namespace]) -> Namespace:
    """Where nothing is ever installed."""
    return make_namespace("wrong")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_it_is_refused_and_leaves_nothing(namespace: Namespace, wrong: Wrong):
    with pytest.raises(CommandFailed) as error:
        Release(namespace, "wrong", wrong.values).install(wait=False)

    for part in wrong.says:
        assert part.lower() in str(error.value).lower()
    assert namespace.helm("list", "--all", "--short") == ""
    assert namespace.kubectl("get", "all,secrets,configmaps,pvc", "-o", "name").split() == [
        "configmap/kube-root-ca.crt"
    ]


def test_a_secret_of_ones_own_without_its_key_is_named(namespace: Namespace):
    """What only a cluster can tell: the chart looks into the Secret."""
    namespace.kubectl("create", "secret", "generic", "stores", "--from-literal=url=redis://my-redis")
    values = {"redis": {"enabled": False}, "externalRedis": {"existingSecret": "stores"}}
    message = 'externalRedis.existingSecret: the Secret "stores" has no key "broker-url"'
    with pytest.raises(CommandFailed, match=re.escape(message)):
        Release(namespace, "wrong", values).install(wait=False)
