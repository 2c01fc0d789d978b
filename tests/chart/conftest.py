"""Every test of the chart needs helm and kubeconform; none is skipped where one is missing."""

import pytest

from tests.chart.support import tool


@pytest.fixture(scope="session", autouse=True)
def _tools() -> None:
    for name in ("helm", "kubeconform"):
        tool(name)
