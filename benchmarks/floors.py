"""What no Python server can beat on this machine: nginx with the report's gzip bytes in a file, and with a bare 304."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from string import Template

from benchmarks.contender import Contender, UnderTest
from benchmarks.expected import report_body
from flask_scale.dev.account import unprivileged
from flask_scale.dev.nginx import program
from flask_scale.dev.probe import status_of

CONFIGURATION = Template("""
daemon off;
worker_processes 1;
pid "$folder/nginx.pid";
error_log stderr warn;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=16;
    default_type application/json;
    client_body_temp_path "$folder/body";
    proxy_temp_path "$folder/proxy";
    fastcgi_temp_path "$folder/fastcgi";
    uwsgi_temp_path "$folder/uwsgi";
    scgi_temp_path "$folder/scgi";
    server {
        listen 127.0.0.1:$port backlog=4096;
        root "$folder/files";
        location = /report {
            add_header Content-Encoding gzip;
            add_header Vary Accept-Encoding;
            etag on;
            $conditional
        }
    }
}
""")


class Floor(UnderTest):
    """An nginx of its own for one of the two."""

    def __init__(self, contender: Contender, folder: Path) -> None:
        super().__init__(contender, folder, account=unprivileged())

    def prepare(self) -> None:
        files = self.folder / "files"
        files.mkdir(parents=True)
        (files / "report").write_bytes(gzip.compress(report_body(), 6, mtime=0))
        conditional = "return 304;" if "c" in self.contender.paths else ""
        text = CONFIGURATION.substitute(folder=self.folder, port=self.port, conditional=conditional)
        (self.folder / "nginx.conf").write_text(text)
        if self.account:
            self.account.own(self.folder)

    def command(self) -> Sequence[str | Path]:
        return [program(self.account), "-p", self.folder, "-c", self.folder / "nginx.conf"]

    def is_ready(self) -> bool:
        return status_of(f"http://127.0.0.1:{self.port}/report") in (200, 304)


FLOORS: Sequence[Contender] = (Contender("nginx static", (), "r"), Contender("nginx return 304", (), "c"))
