"""The key of a request's response: what is one resource has one key (RFC 9111, 4.1)."""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask_scale.cache.keys import safe_key

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def url_key(environ: "WSGIEnvironment", kind: str) -> str:
    """Of the whole URL, the parameters of its query in the order of their names; GET and HEAD share it."""
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if "?" in path or "%" in path:
        path = path.replace("%", "%25").replace("?", "%3F")
    query = environ.get("QUERY_STRING", "")
    if "&" in query:
        # Of parameters with one name the order is kept: it may say something.
        query = "&".join(sorted(query.split("&"), key=_name))
    return safe_key(f"{kind}:{environ['wsgi.url_scheme']}://{host.lower()}{path}?{query}")


def vary_key(key: str, names: Iterable[str], environ: "WSGIEnvironment") -> str:
    """The key of the response that was chosen by these headers."""
    chosen = "\n".join(f"{name}:{_value(environ, name)}" for name in sorted(names))
    return safe_key(f"{key}|{hashlib.sha256(chosen.encode('utf-8', 'surrogatepass')).hexdigest()}")


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]


def _value(environ: "WSGIEnvironment", name: str) -> str:
    value = environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")
    return ",".join(part.strip() for part in value.split(","))
