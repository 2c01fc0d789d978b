"""The key of a request's response: what is one resource has one key (RFC 9111, 4.1)."""

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask_scale.cache.keys import safe_key

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: What a Host may be made of; with more it could be taken for a part of the path.
HOST = re.compile(r"[A-Za-z0-9._\-:\[\]]+")

#: What an app's own ProxyFix makes of the URL, where it stands behind this cache.
FORWARDED = ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX")


def url_of(environ: "WSGIEnvironment", *, forwarded: bool = False) -> str | None:
    """The whole URL, the parameters of its query in the order of their names; None for a Host that is none.

    `forwarded`: with the headers of proxies, for an app that believes them itself.
    """
    host = environ.get("HTTP_HOST") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    if not HOST.fullmatch(host):
        return None
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if "?" in path or "%" in path:
        path = path.replace("%", "%25").replace("?", "%3F")
    url = f"{environ['wsgi.url_scheme']}://{host.lower()}{path}?{_query(environ.get('QUERY_STRING', ''))}"
    if forwarded:
        url = "\n".join((url, *(environ.get(name, "") for name in FORWARDED)))
    return url


def front_key(url: str) -> str:
    """The key of a response that is given in front of Flask."""
    return safe_key(f"url:{url}")


def view_key(url: str, view: str, own: str) -> str:
    """The key of a view's response; `own` is what tells apart who asks."""
    return f"view:{_digest(url, view, own)}"


def vary_key(key: str, names: Iterable[str], environ: "WSGIEnvironment") -> str:
    """The key of the response that was chosen by these headers."""
    return f"vary:{_digest(key, *(f'{name}:{_value(environ, name)}' for name in sorted(names)))}"


def _digest(*parts: str) -> str:
    """Of parts that no other parts can be mistaken for."""
    whole = b"".join(len(part := one.encode("utf-8", "surrogatepass")).to_bytes(8) + part for one in parts)
    return hashlib.sha256(whole).hexdigest()


def _query(query: str) -> str:
    """In the order of the parameters' names; of those with one name the order is kept: it may say something."""
    if "&" not in query:
        return query
    pairs = [(parameter.partition("=")[0], parameter) for parameter in query.split("&")]
    if any("%" in name or "+" in name for name, _ in pairs):
        return query  # two spellings of one name
    return "&".join(parameter for _, parameter in sorted(pairs, key=lambda pair: pair[0]))


def _value(environ: "WSGIEnvironment", name: str) -> str:
    value = environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")
    return ",".join(part.strip() for part in value.split(","))
