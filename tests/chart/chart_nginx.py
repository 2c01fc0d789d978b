"""The chart's own nginx configuration, run on this machine."""

from flask_scale.dev.nginx import Nginx
from flask_scale.dev.process import free_port
from tests.chart.cases import CASES
from tests.chart.support import render


class ChartNginx(Nginx):
    """nginx by the chart's configuration, but for ports, folders and the way to the app."""

    values = CASES["cached"]

    def prepare(self) -> None:
        """Make its folder, and what its entry point writes there."""
        super().prepare()
        (self.folder / "resolver.conf").write_text("")
        (self.folder / "servers.conf").write_text(f"server 127.0.0.1:{self.upstreams[0]};")

    def _configuration(self) -> str:
        text: str = render(self.values).get("ConfigMap", "nginx")["data"]["nginx.conf"]
        for old, new in {
            "/tmp/": f"{self.folder}/",
            "/dev/stdout json": "off",
            "listen 8080": f"listen 127.0.0.1:{self.port}",
            "listen 8081": f"listen 127.0.0.1:{free_port()}",
            "10.0.0.0/8": "127.0.0.1/32",
            # The wheel's nginx is built without this module.
            "stub_status;": "",
        }.items():
            assert old in text
            text = text.replace(old, new)
        return text
