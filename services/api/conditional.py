"""Conditional requests: ETags, If-Match and If-None-Match.

An entity tag of ours has no colon. A proxy or the compression may append one and the encoding
(`"v3:zstd"`): that is still our version 3, so what follows the colon is not compared.
"""

import hashlib
import re

from flask import Response, request
from werkzeug.http import quote_etag

VERSION_TAG = re.compile(r"v([1-9][0-9]{0,8})\Z", re.ASCII)


def version_tag(version: int) -> str:
    """The entity tag of a row's version, without quotes."""
    return f"v{version}"


def content_tag(content: bytes) -> str:
    """The entity tag of a body, without quotes."""
    return hashlib.sha256(content).hexdigest()[:24]


def expected_versions() -> frozenset[int] | None:
    """The versions that If-Match allows; None where any will do, as for `*` and without the header.

    A weak tag, or one that is not ours, matches no version.
    """
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    found = (VERSION_TAG.match(_ours(tag)) for tag in request.if_match.as_set())
    return frozenset(int(match[1]) for match in found if match)


def with_tag(response: Response, tag: str) -> Response:
    """Give a response its entity tag; a client that has it already (If-None-Match) gets 304 and no body."""
    response.headers["ETag"] = quote_etag(tag)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.method in ("GET", "HEAD") and _is_known(tag):
        response.status_code = 304
        response.set_data(b"")
        response.headers.remove("Content-Type")
    return response


def _is_known(tag: str) -> bool:
    known = request.if_none_match
    return known.star_tag or tag in {_ours(other) for other in known.as_set(include_weak=True)}


def _ours(tag: str) -> str:
    return tag.partition(":")[0]
