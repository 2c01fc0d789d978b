"""Who the client is: X-Forwarded-For, -Proto and -Host, believed only from our own proxies.

werkzeug's ProxyFix believes anybody who can reach the port. Here it is asked only where the peer's
address is in `forwarded_allow_ips`; from all others the headers are taken away, so that nothing
behind (`request.access_route`, say) reads a forged one.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.http import parse_list_header
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_scale.state import State

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)

#: ProxyFix leaves this in the environ: another one stood before us, and has done it.
DONE = "werkzeug.proxy_fix.orig"


class TrustedProxies:
    """WSGI middleware: ProxyFix for requests that come from `allow`, none of its headers for others.

    `allow` names addresses and networks by comma, or is `*`. `hops` proxies stand in front: the
    address that the outermost of them saw is the client's.
    """

    def __init__(self, app: "WSGIApplication", allow: str, hops: int) -> None:
        self.app = app
        self._fixed = ProxyFix(app, x_for=hops, x_proto=hops, x_host=hops)
        self._hops = hops
        self._networks = _networks(allow)
        self._trusts = lru_cache(maxsize=1024)(self._find)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if DONE in environ or environ.keys().isdisjoint(FORWARDED):
            return self.app(environ, start_response)
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            return self._fixed(environ, start_response)
        for name in FORWARDED:
            environ.pop(name, None)
        return self.app(environ, start_response)

    def client(self, peer: str, forwarded_for: str | None) -> str:
        """The address of the client of a request from `peer`, by its X-Forwarded-For."""
        if not self._trusts(peer):
            return peer
        told = parse_list_header(forwarded_for or "")
        return told[-self._hops] if len(told) >= self._hops else peer

    def _find(self, address: str) -> bool:
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(peer, ipaddress.IPv6Address) and peer.ipv4_mapped:
            peer = peer.ipv4_mapped
        return any(peer in network for network in self._networks)


def init_app(app: Flask, state: State) -> None:
    """Trust the settings' proxies, in an app that has no ProxyFix of its own."""
    settings = state.settings
    if has_own_proxy_fix(app):
        state.parts["proxy"] = "off: the app has its own ProxyFix"
    elif settings.proxy_hops == 0:
        state.parts["proxy"] = "off: FLASK_SCALE_PROXY_HOPS is 0"
    else:
        app.wsgi_app = TrustedProxies(  # type: ignore[method-assign]
            app.wsgi_app, settings.forwarded_allow_ips, settings.proxy_hops
        )
        state.parts["proxy"] = "on"


def _networks(allow: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    names = [name.strip() for name in allow.replace("*", "0.0.0.0/0,::/0").split(",")]
    return [ipaddress.ip_network(name) for name in names if name]


def has_own_proxy_fix(app: Flask) -> bool:
    """Whether a ProxyFix is in the chain of middleware around the app."""
    layer: object = app.wsgi_app
    while layer is not None:
        if isinstance(layer, ProxyFix):
            return True
        layer = getattr(layer, "app", None) or getattr(layer, "wsgi_app", None)
    return False
