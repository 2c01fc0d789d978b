"""The chart's nginx keeps public responses where the app is told to say how long; its own configuration, run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from flask_scale.dev.account import temporary_folder, unprivileged
from flask_scale.dev.app import Instance
from flask_scale.dev.process import free_port
from tests.chart.cases import rendered
from tests.chart.chart_nginx import ChartNginx

SECONDS = 60


@pytest.fixture(scope="module")
def nginx() -> Iterator[ChartNginx]:
    settings = {"FLASK_SCALE_WORKERS": "1", "FLASK_SCALE_CACHE_EDGE_SECONDS": str(SECONDS)}
    with temporary_folder(unprivileged()) as folder:
        port, internal = free_port(), free_port()
        app = Instance(
            "api", folder / "api.log", "tests.support.apps.edge:app", settings, port=port, internal_port=internal
        )
        chart = ChartNginx(Path(folder) / "nginx", free_port(), [port])
        try:
            app.start()
            chart.start()
            yield chart
        finally:
            chart.stop()
            app.stop()


def status(nginx: ChartNginx, path: str, **headers: str) -> str:
    """Cache-Status of one answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(nginx.url + path, headers=named, timeout=10).headers["Cache-Status"]


def test_only_where_the_app_says_how_long():
    assert "proxy_cache" not in rendered("trusted-proxies").get("ConfigMap", "nginx")["data"]["nginx.conf"]


@pytest.mark.parametrize("accepted", ["gzip", "identity", "br, gzip", "gzip, br;q=0"])
def test_a_public_response_is_answered_without_the_app(nginx, accepted):
    status(nginx, "/own/s-maxage=60", Accept_Encoding=accepted)
    assert "nginx; hit" in status(nginx, "/own/s-maxage=60", Accept_Encoding=accepted)


def test_each_host_and_scheme_that_a_trusted_proxy_names_has_an_entry(nginx):
    for host, scheme in (("a.example", "http"), ("a.example", "https"), ("b.example", "https")):
        named = {"X_Forwarded_Host": host, "X_Forwarded_Proto": scheme}
        assert "nginx; hit" not in status(nginx, "/own/s-maxage=61", **named)
        assert "nginx; hit" in status(nginx, "/own/s-maxage=61", **named)


@pytest.mark.parametrize("path", ["/own/private, s-maxage=60", "/own/max-age=60", "/behind", "/cookie", "/varied"])
def test_what_is_not_for_everybody_is_the_apps(nginx, path):
    status(nginx, path)
    assert "nginx; hit" not in status(nginx, path)


@pytest.mark.parametrize("reason", [{"Authorization": "Bearer a"}, {"Range": "bytes=0-9", "If-Range": '"c"'}])
def test_a_client_with_credentials_or_that_wants_a_part_is_led_past_with_its_conditions(nginx, reason):
    headers = {"If-None-Match": '"a"', "If-Match": '"b"', **reason}
    assert requests.get(nginx.url + "/told", headers=headers, timeout=10).json() == headers
    status(nginx, "/own/s-maxage=62")
    answer = requests.get(nginx.url + "/own/s-maxage=62", headers=reason, timeout=10)
    assert "nginx; hit" not in answer.headers["Cache-Status"]
