"""Every test of the chart needs helm and kubeconform; none is skipped where one is missing."""

import os

import pytest

from tests.chart import support


@pytest.fixture(scope="session", autouse=True)
def _tools(tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("helm", "kubeconform"):
        support.tool(name)
    ours = tmp_path_factory.getbasetemp()
    # Of several processes each has a folder of its own in one that is the run's.
    support.rendered_in = (ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours) / "rendered"
    support.rendered_in.mkdir(exist_ok=True)
